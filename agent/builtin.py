"""The tools that an agent has of its own, by group, and what these need of it."""

import logging
import uuid
from collections.abc import Collection, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from agent.errors import ConfigurationError
from tools.base import Tool

if TYPE_CHECKING:
    from tools.browser.browsing import Browsing
    from tools.browser.session import BrowserSession
    from tools.browser.tab import Tab

log = logging.getLogger(__name__)

Group: TypeAlias = Literal["workspace", "web", "browser"]

GROUPS: Final[tuple[Group, ...]] = get_args(Group)

PAGE_SECONDS: Final = 20.0
"""For a page of results, where no search provider answers."""


def chosen_groups(given: bool | Collection[Group]) -> tuple[Group, ...]:
    """Give the groups that were asked for; True is the workspace's.

    Raises:
        ConfigurationError: there is no such group.
    """
    if isinstance(given, bool):
        return GROUPS[:given]
    unknown = [each for each in given if each not in GROUPS]
    if unknown or isinstance(given, str):
        raise ConfigurationError(
            f"builtin_tools: {given!r}; it is True, False, or some of {', '.join(GROUPS)}"
        )
    return tuple(each for each in GROUPS if each in given)


def tools_of(groups: Iterable[Group]) -> list[Tool[..., Any]]:
    """Give the tools of groups; what they are made of is imported here."""
    found: list[Tool[..., Any]] = []
    for group in groups:
        match group:
            case "workspace":
                from tools.workspace_tools import workspace_tools  # noqa: PLC0415  (see above)

                found += workspace_tools()
            case "web":
                from tools.web import WEB_TOOLS  # noqa: PLC0415  (see above)

                found += WEB_TOOLS
            case "browser":
                from tools.browser.tools import BROWSER_TOOLS  # noqa: PLC0415  (see above)

                found += BROWSER_TOOLS
    return found


async def lend(
    groups: Collection[Group],
    services: dict[type, Any],
    resources: AsyncExitStack,
    variables: Mapping[str, str],
) -> None:
    """Put what the tools of groups need among the services, unless it is there; it ends with them.

    Raises:
        ConfigurationError: a variable of the environment holds what cannot be.
    """
    if "workspace" in groups:
        _lend_background(services, resources)
    browsing = _lend_browsing(services, resources) if "browser" in groups else None
    if "web" in groups:
        _lend_web(services, resources, variables, browsing)


def _lend_background(services: dict[type, Any], resources: AsyncExitStack) -> None:
    from tools.background import Background  # noqa: PLC0415  (imports what runs programs)

    if Background in services:
        return
    background = services[Background] = Background()

    async def end() -> None:
        ended = await background.close()
        if ended:
            log.info("ended with the agent: %s", "; ".join(ended))

    resources.push_async_callback(end)


def _lend_browsing(services: dict[type, Any], resources: AsyncExitStack) -> "Browsing":
    from tools.browser.browsing import Browsing  # noqa: PLC0415  (only where a browser is wanted)

    if Browsing not in services:
        services[Browsing] = Browsing()
        resources.push_async_callback(services[Browsing].close)
    browsing: Browsing = services[Browsing]
    return browsing


def _lend_web(
    services: dict[type, Any],
    resources: AsyncExitStack,
    variables: Mapping[str, str],
    browsing: "Browsing | None",
) -> None:
    from tools.web import SearchSettings, WebClient  # noqa: PLC0415  (only where it is wanted)

    if WebClient in services:
        return
    try:
        providers = SearchSettings.from_environment(variables).providers()
    except ValueError as error:
        raise ConfigurationError(f"web search: {error}") from error

    async def fetch_page(url: str) -> str:
        assert browsing is not None  # noqa: S101  (given only where there is one)
        return await page_of(browsing, url)

    client = WebClient(providers, fetch_page=None if browsing is None else fetch_page)
    services[WebClient] = client
    resources.push_async_callback(client.close)


async def page_of(browsing: "Browsing", url: str) -> str:
    """Give a page's HTML, opened in a throw-away context of the browser."""
    name = f"throw-away {uuid.uuid4().hex}"

    async def work(_: "BrowserSession", tab: "Tab") -> str:
        await tab.page.goto(url, wait_until="domcontentloaded", timeout=PAGE_SECONDS * 1_000)
        return await tab.page.content()

    try:
        return await browsing.manager.use(name, work, timeout=PAGE_SECONDS)
    finally:
        await browsing.manager.end_session(name)
