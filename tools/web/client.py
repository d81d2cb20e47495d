"""What the web tools of an agent share: its providers, its connections, what was read last.

A `WebClient` belongs to one event loop. Who makes it closes it. The rules that this file keeps:

- `httpx` is imported, and the certificates are read, in a thread and at first use: that takes a
  tenth of a second;
- providers are reached at the addresses that the user has configured, wherever those are; pages are
  reached where the policy allows it, over connections of their own. Neither keeps a cookie.
"""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tools.addresses import AddressPolicy
from tools.errors import ToolError
from tools.web.browsing import FetchPage, search_by_browser
from tools.web.errors import ProviderError
from tools.web.fan_out import Answers, SearchLimits, ask_all
from tools.web.listing import reasons
from tools.web.pages import PageMemory, Readable
from tools.web.providers import SearchProvider
from tools.web.query import Kind, Query

if TYPE_CHECKING:
    from tools.web.connections import Connections

_log = logging.getLogger(__name__)

WARM_UP_SECONDS: Final = 5.0
"""For all connections that are opened at start."""


class WebClient:
    """Searches and fetches for all sessions of an agent.

    Args:
        providers: who is asked, and in which order they are named; none for no search.
        policy: which addresses pages may come from.
        fetch_page: gives the HTML of an address as a browser shows it, in a context that is thrown
            away; asked only when no provider answers.
        limits: how long a search may take.

    Raises:
        ValueError: two providers have one name.
    """

    def __init__(
        self,
        providers: Sequence[SearchProvider],
        *,
        policy: AddressPolicy | None = None,
        fetch_page: FetchPage | None = None,
        limits: SearchLimits | None = None,
    ) -> None:
        names = [each.name for each in providers]
        if len(set(names)) < len(names):
            raise ValueError(f"two search providers have one name: {', '.join(names)}")
        self.providers = tuple(providers)
        self.pages = PageMemory()
        """What was read last, for reading on."""
        self._policy = policy or AddressPolicy()
        self._fetch_page = fetch_page
        self._limits = limits or SearchLimits()
        self._connections: Connections | None = None
        self._building = asyncio.Lock()
        self._is_closed = False

    def __repr__(self) -> str:
        names = ", ".join(each.name for each in self.providers) or "no providers"
        state = "closed" if self._is_closed else "connected" if self._connections else "not built"
        return f"<WebClient {names}, {state}>"

    async def warm_up(self) -> None:
        """Open a connection to each provider, without a search; what fails is passed over."""
        if not self.providers or self._is_closed:
            return
        try:
            async with asyncio.timeout(WARM_UP_SECONDS):
                sender = (await self.connections()).sender
                async with asyncio.TaskGroup() as group:
                    for each in self.providers:
                        group.create_task(_open(sender.open_connection, each))
        except TimeoutError:
            _log.debug("not all connections to search providers were opened in time")

    async def close(self) -> None:
        """Close all connections. What still runs fails; nothing can be asked any more."""
        self._is_closed = True
        async with self._building:
            if self._connections is not None:
                await self._connections.close()

    async def search(self, query: Query) -> Answers:
        """Ask all providers that know the kind; and a browser, when none of them answers.

        Raises:
            ToolError: nobody answers; the text says why, and what the user could configure.
        """
        able = [each for each in self.providers if query.kind in each.kinds]
        answers = Answers()
        if able:
            sender = (await self.connections()).sender
            answers = await ask_all(able, query, sender, self._limits)
        if not answers.found and self._fetch_page is not None and query.kind is Kind.WEB:
            by_browser = await search_by_browser(self._fetch_page, query)
            answers.found |= by_browser.found
            answers.failures |= by_browser.failures
        if not answers.found:
            raise ToolError(_nobody(query.kind, answers))
        return answers

    async def read(self, url: str) -> Readable:
        """Fetch an address and give its text.

        Raises:
            ToolError: it may not be reached, does not answer, or is no text.
        """
        connections = await self.connections()
        return await connections.read(url)

    async def connections(self) -> "Connections":
        """Give the connections, built at first use.

        Raises:
            ToolError: the client is closed.
        """
        async with self._building:
            if self._is_closed:
                raise ToolError("The web cannot be reached any more: the agent is being closed.")
            if self._connections is None:
                self._connections = await asyncio.to_thread(self._build)
            return self._connections

    def _build(self) -> "Connections":
        origins = [_host_and_port(each.origin) for each in self.providers]
        configured = AddressPolicy((*self._policy.allowed, *origins))
        module = importlib.import_module("tools.web.connections")
        built: Connections = module.Connections(configured, self._policy)
        return built


async def _open(open_connection: Callable[[str], Awaitable[None]], each: SearchProvider) -> None:
    try:
        await open_connection(each.origin)
    except ProviderError as error:
        _log.debug("no connection to the search provider %s: %s", each.name, error)


def _host_and_port(origin: str) -> str:
    parts = urlsplit(origin)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or {'http': 80}.get(parts.scheme, 443)}"


_NEEDED: Final[dict[Kind, str]] = {
    Kind.WEB: "BRAVE_API_KEY, TAVILY_API_KEY, SERPER_API_KEY or SEARXNG_URL",
    Kind.NEWS: "BRAVE_API_KEY, TAVILY_API_KEY, SERPER_API_KEY or SEARXNG_URL",
    Kind.SHOPPING: "SERPER_API_KEY or SEARXNG_URL",
    Kind.PLACES: "SERPER_API_KEY or SEARXNG_URL",
    Kind.IMAGES: "BRAVE_API_KEY, TAVILY_API_KEY, SERPER_API_KEY or SEARXNG_URL",
}
"""What can be set to search each kind."""


def _nobody(kind: Kind, answers: Answers) -> str:
    """Say why a search has no answer, and what could be done."""
    another = "" if kind is Kind.WEB else " web_search may find some of it meanwhile."
    if not answers.failures:
        return (
            f"No provider is configured that searches {kind}. The user can set "
            f"{_NEEDED[kind]} in the agent's environment.{another}"
        )
    whys = "\n".join(f"- {each}" for each in reasons(answers.failures))
    return (
        f"No provider answered the {kind} search:\n{whys}\nTry again later; if it stays so, the "
        f"user can set {_NEEDED[kind]} in the agent's environment.{another}"
    )
