"""The connections of a `WebClient`; imported at first use, since `httpx` is slow to import."""

from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from tools.addresses import AddressPolicy
from tools.checked_http import CheckedTransport
from tools.web.fetching import FetchLimits, fetch
from tools.web.pages import Readable
from tools.web.reading import readable
from tools.web.sending import Sender

_CONNECT: Final = 5.0
"""Seconds until a host has answered at all."""

_SILENCE: Final = 15.0
"""Seconds between two pieces of a response; how long all of it may take is the caller's."""


class Connections:
    """Two clients: one to the providers, one to wherever pages are."""

    def __init__(self, configured: AddressPolicy, policy: AddressPolicy) -> None:
        self._search = _client(configured)
        self._pages = _client(policy)
        self._limits = FetchLimits()
        self.sender = Sender(self._search)

    def __repr__(self) -> str:
        return f"<Connections {'closed' if self._pages.is_closed else 'open'}>"

    async def read(self, url: str) -> Readable:
        """Fetch an address and give its text.

        Raises:
            ToolError: it may not be reached, does not answer, or is no text.
        """
        return await readable(await fetch(self._pages, url, self._limits))

    async def close(self) -> None:
        """Close all of them."""
        await self._search.aclose()
        await self._pages.aclose()


def _client(policy: AddressPolicy) -> httpx.AsyncClient:
    nothing = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(
        transport=CheckedTransport(policy),
        cookies=nothing,
        timeout=httpx.Timeout(_SILENCE, connect=_CONNECT),
        follow_redirects=False,
    )
