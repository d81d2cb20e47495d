"""What the built-in tools need of an agent: made at its start, warmed up, ended with it.

The rules that this file keeps:

- what the program has given as a service is used as it is, and ended by whoever made it;
- browser and providers are warmed up in the background, and only where their tools are offered;
- when a session closes, every service that keeps something for it is told.
"""

import asyncio
import importlib
import logging
import uuid
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from agent.builtin import Group
from agent.errors import ConfigurationError
from tools.context import KeepsSessions
from tools.job_tools import JobDesk
from tools.workflow_tools import WorkflowDesk

if TYPE_CHECKING:
    from agent.jobs.job import Job
    from agent.jobs.kinds import JobKind
    from tools.browser.browsing import Browsing
    from tools.browser.session import BrowserSession
    from tools.browser.settings import BrowserSettings
    from tools.browser.tab import Tab

log = logging.getLogger(__name__)

PAGE_SECONDS: Final = 20.0
"""For a page of results, where no search provider answers."""

WarmUp: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a program says of the services that it does not make itself."""

    groups: tuple[Group, ...]
    browser: "BrowserSettings | None" = None
    allowed_addresses: tuple[str, ...] = ()
    """That browser and `web_fetch` may reach besides the public ones."""
    preview_window: bool = False
    """Whether the preview is shown in a window of this machine, where it has a display."""
    jobs: "JobTerms | None" = None
    """What the group "jobs" needs."""


@dataclass(frozen=True, slots=True)
class JobTerms:
    """What a host's jobs are made of."""

    kinds: "tuple[JobKind, ...]"
    data_dir: Path
    options: Mapping[str, Any]
    """The arguments of `Agent` for sessions of the jobs' own."""
    lease: "Callable[[Job], AbstractAsyncContextManager[None]]"
    """What a job holds that touches the workspace."""


async def lend(
    terms: Terms,
    services: dict[type, Any],
    resources: AsyncExitStack,
    variables: Mapping[str, str],
) -> list[WarmUp]:
    """Put what the tools need among the services, unless it is there; give what warms it up.

    Raises:
        ConfigurationError: a variable of the environment holds what cannot be.
    """
    warm_ups: list[WarmUp] = []
    if "workspace" in terms.groups:
        _lend_background(services, resources)
    if terms.jobs is not None:
        await _lend_jobs(terms.jobs, services, resources, variables)
    if "workflows" in terms.groups:
        services.setdefault(WorkflowDesk, WorkflowDesk())
    browsing = None
    if "browser" in terms.groups:
        browsing = _lend_browsing(terms, services, resources)
        warm_ups.append(browsing.warm_up)
    if "preview" in terms.groups:
        _lend_previews(terms, services, resources, variables)
    if "web" in terms.groups:
        warm_ups.append(_lend_web(terms, services, resources, variables, browsing))
    return warm_ups


async def end_session(services: Mapping[type, Any], session: str) -> None:
    """Have every service let go of what it keeps for a session; what fails is logged."""
    for service in services.values():
        if isinstance(service, KeepsSessions):
            try:
                await service.end_session(session)
            except Exception:
                log.exception("%r did not let go of session %s", service, session)


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


async def _lend_jobs(
    terms: JobTerms,
    services: dict[type, Any],
    resources: AsyncExitStack,
    variables: Mapping[str, str],
) -> None:
    # Only where jobs are wanted; it takes a while, so it is done in a thread.
    await asyncio.to_thread(importlib.import_module, "agent.jobs.opening")
    from agent.jobs.desk import SessionJobs  # noqa: PLC0415  (see above)
    from agent.jobs.jobs import Jobs  # noqa: PLC0415  (as above)
    from agent.jobs.opening import open_jobs  # noqa: PLC0415  (as above)

    if Jobs not in services:
        services[Jobs] = await open_jobs(
            terms.kinds,
            terms.data_dir,
            variables=variables,
            options=terms.options,
            lease=terms.lease,
        )
        resources.push_async_callback(services[Jobs].close)
    desk: JobDesk = services.setdefault(JobDesk, JobDesk())
    desk.attach(SessionJobs(services[Jobs]))


def _lend_browsing(
    terms: Terms, services: dict[type, Any], resources: AsyncExitStack
) -> "Browsing":
    from tools.addresses import AddressPolicy  # noqa: PLC0415  (only where a browser is wanted)
    from tools.browser.browsing import Browsing  # noqa: PLC0415  (as above)

    if Browsing not in services:
        services[Browsing] = Browsing(terms.browser, AddressPolicy(terms.allowed_addresses))
        resources.push_async_callback(services[Browsing].close)
    browsing: Browsing = services[Browsing]
    return browsing


def _lend_previews(
    terms: Terms,
    services: dict[type, Any],
    resources: AsyncExitStack,
    variables: Mapping[str, str],
) -> None:
    """Lend a preview: in a window of its own browser if that is wished, else in the agent's."""
    from tools.addresses import AddressPolicy  # noqa: PLC0415  (only where it is wanted)
    from tools.browser.browsing import Browsing  # noqa: PLC0415  (as above)
    from tools.preview_service import Previews, window_settings  # noqa: PLC0415  (as above)

    if Previews in services:
        return
    window = window_settings(variables, terms.browser) if terms.preview_window else None
    if window is not None:
        browsing = Browsing(window, AddressPolicy(terms.allowed_addresses))
        resources.push_async_callback(browsing.close)
    else:
        browsing = _lend_browsing(terms, services, resources)
        if terms.preview_window:
            log.warning("there is no display here, so the preview has no window")
    services[Previews] = Previews(browsing)
    resources.push_async_callback(services[Previews].close)


def _lend_web(
    terms: Terms,
    services: dict[type, Any],
    resources: AsyncExitStack,
    variables: Mapping[str, str],
    browsing: "Browsing | None",
) -> WarmUp:
    from tools.addresses import AddressPolicy  # noqa: PLC0415  (only where the web is wanted)
    from tools.web import SearchSettings, WebClient  # noqa: PLC0415  (as above)

    if WebClient not in services:
        try:
            providers = SearchSettings.from_environment(variables).providers()
        except ValueError as error:
            raise ConfigurationError(f"web search: {error}") from error

        async def fetch_page(url: str) -> str:
            assert browsing is not None  # noqa: S101  (given only where there is one)
            return await page_of(browsing, url)

        services[WebClient] = WebClient(
            providers,
            policy=AddressPolicy(terms.allowed_addresses),
            fetch_page=None if browsing is None else fetch_page,
        )
        resources.push_async_callback(services[WebClient].close)
    client: WebClient = services[WebClient]
    return client.warm_up


async def page_of(browsing: "Browsing", url: str) -> str:
    """Give a page's HTML, opened in a throw-away context of the browser."""
    name = f"throw-away {uuid.uuid4().hex}"

    async def work(_: "BrowserSession", tab: "Tab") -> str:
        await tab.page.goto(url, wait_until="domcontentloaded", timeout=PAGE_SECONDS * 1_000)
        return await tab.page.content()

    try:
        return await browsing.manager.use(name, work, timeout=PAGE_SECONDS)
    finally:
        await browsing.end_session(name)
