"""What an agent has of browsers: the manager, the way out to the network, and what was seen last.

`Browsing` is passed to the tools as a service, and ended with the agent. Everything but `close`,
`warm_up` and `end_session` belongs to the owner's loop.
"""

import asyncio
import weakref
from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tools.addresses import AddressPolicy
from tools.browser.egress import ARGUMENTS, BYPASS, EgressPort, EgressProxy
from tools.browser.manager import BrowserManager
from tools.browser.settings import BrowserSettings, Proxy
from tools.browser.snapshot import Snapshot

if TYPE_CHECKING:
    from playwright.async_api import Page

MOST_REFUSALS: Final = 20
"""Of a session, between two results that tell of them."""


class Browsing:
    """The browser of an agent's sessions.

    Args:
        settings: how the browser is started or reached.
        policy: which addresses it may reach.
    """

    def __init__(
        self, settings: BrowserSettings | None = None, policy: AddressPolicy | None = None
    ) -> None:
        given = settings or BrowserSettings()
        self._policy = policy or AddressPolicy()
        self._arguments = (*given.arguments, *ARGUMENTS)
        self._refused: defaultdict[str, list[str]] = defaultdict(list)
        self._ports: set[EgressPort] = set()
        self._starting: asyncio.Future[EgressProxy] | None = None
        self._serving: asyncio.Task[None] | None = None
        self.seen: weakref.WeakKeyDictionary[Page, Snapshot] = weakref.WeakKeyDictionary()
        """What the model saw last of each page."""
        self.manager: Final = BrowserManager(
            replace(given, proxy=self._proxy, arguments=self._arguments)
        )

    def __repr__(self) -> str:
        return f"<Browsing {self.manager!r}, {len(self._ports)} ways out>"

    async def warm_up(self) -> None:
        """Have the browser started in the background."""
        self.manager.warm_up()

    async def end_session(self, session: str) -> None:
        """Close a session's context and its way out; work in it fails.

        Its tabs, cookies and storage are gone; one of that name that comes later begins anew.
        """
        await self.manager.end_session(session)

    async def close(self) -> None:
        """End the browser and all ways out."""
        await self.manager.close()

    def refusals(self, session: str) -> list[str]:
        """Give the addresses that were refused since this was last asked."""
        return self._refused.pop(session, [])

    # -- the way out, on the owner's loop ------------------------------------------------------

    async def _proxy(self, session: str) -> Proxy:
        egress = await self._egress()
        port = await egress.open(session)
        self._ports.add(port)
        return Proxy(port.url, BYPASS, release=partial(self._release, egress, port))

    async def _release(self, egress: EgressProxy, port: EgressPort) -> None:
        """Close the way out of a context that has ended."""
        self._ports.discard(port)
        self._refused.pop(port.token, None)
        await egress.close(port)

    async def _egress(self) -> EgressProxy:
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(self._starting), name="egress")
        return await asyncio.shield(self._starting)

    async def _serve(self, started: "asyncio.Future[EgressProxy]") -> None:
        """Keep the proxy open until the owner's loop ends."""
        async with EgressProxy(self._policy, self._note_refusal) as egress:
            started.set_result(egress)
            await asyncio.get_running_loop().create_future()

    def _note_refusal(self, session: str, where: str, why: str) -> None:
        noted = self._refused[session]
        told = f"{where}: {why}"
        if told not in noted and len(noted) < MOST_REFUSALS:
            noted.append(told)
