"""DuckDuckGo's page for browsers without scripts: web only, no key; it refuses whoever asks often.

It has no interface for programs; this is one polite request for what it shows to anybody.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tools.web.errors import ProviderError, UnreadableError
from tools.web.fallback import TOLD, Outcome, read_result_page
from tools.web.providers import Http, Request
from tools.web.query import Found, Kind, Query

ORIGIN: Final = "https://html.duckduckgo.com"

_FRESHNESS: Final = {"day": "d", "week": "w", "month": "m", "year": "y"}


@dataclass(frozen=True, slots=True)
class DuckDuckGo:
    """The provider; its page is read in a thread, since that may take a while."""

    name: str = "duckduckgo"
    origin: str = ORIGIN
    kinds: frozenset[Kind] = frozenset({Kind.WEB})

    async def search(self, query: Query, http: Http) -> Sequence[Found]:
        """Ask for a page and read it.

        Raises:
            ProviderError: it is no page of results.
        """
        url = f"{self.origin}/html/"
        body = await http.send(Request(url, _params(query), _HEADERS, refusals=_REFUSALS))
        page = await asyncio.to_thread(read_result_page, body.decode(errors="replace"))
        if page.outcome is Outcome.PARSE_FAILED:
            raise UnreadableError(TOLD[page.outcome])
        if page.outcome in TOLD:
            raise ProviderError(TOLD[page.outcome])
        return page.found


_REFUSALS: Final = dict.fromkeys((202, 403), TOLD[Outcome.CAPTCHA])
"""It says 202 where it asks for a proof."""

_HEADERS: Final = {"Accept": "text/html", "Accept-Language": "en;q=0.8, *;q=0.5"}


def _params(query: Query) -> dict[str, str]:
    params = {"q": query.terms}
    if query.wishes.freshness:
        params["df"] = _FRESHNESS[query.wishes.freshness]
    if query.wishes.country and query.wishes.language:
        params["kl"] = f"{query.wishes.country}-{query.wishes.language}"
    return params
