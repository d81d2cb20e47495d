"""The composition root: an `Agent` puts everything together and lends out sessions."""

import asyncio
import contextlib
import functools
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypeVar

from agent import config
from agent.approvals.policies import chosen, default_file
from agent.approvals.rules import Action
from agent.approvals.verdicts import Approvals
from agent.builtin import Group, chosen_groups, tools_of
from agent.claude.client import ClaudeClient, shared
from agent.claude.model import Model
from agent.claude.prices import Price
from agent.claude.profile import Profile
from agent.claude.request import COMPACTION, Settings
from agent.conversation import Server, Toolbox
from agent.dispatch import PATIENCE
from agent.errors import AgentError, ConfigurationError, SessionError
from agent.limits import Limits
from agent.schedulers import shared_scheduler
from agent.services import JobTerms, Terms, end_session, lend
from agent.session.entries import Header
from agent.session.files import SessionFiles
from agent.session.log import SessionLog
from agent.session.session import Session
from agent.sessions import Sessions
from agent.tasks import Tasks
from prompts import PromptCache, SystemPrompt, build
from scheduler import Scheduler
from tools.base import Tool
from tools.registry import Registry

if TYPE_CHECKING:
    from agent.jobs.kinds import JobKind
    from tools.browser.settings import BrowserSettings

log = logging.getLogger(__name__)

Json: TypeAlias = dict[str, Any]

T = TypeVar("T")


class Agent:
    """Sessions with a model that works through tools.

    Use it as an asynchronous context manager; without, it starts at its first session, and
    `close` has to be called.

    Args:
        model: the model's name, or what answers instead of a server; else `ANTHROPIC_MODEL`.
        workspace: the folder that the tools work in.
        tools: what the model can call, in the order in which it is told of them.
        server_tools: definitions of tools that the server runs itself, as the API takes them.
        data_dir: where sessions are kept.
        record: record what is asked and answered, for `ReplayModel`: a file, its name ending in
            `.jsonl`, for one session, or a folder.
        base_url: of a compatible server; else `ANTHROPIC_BASE_URL`, else the Claude API.
        api_key: else `ANTHROPIC_API_KEY`, or what the SDK finds.
        profile: what the server understands, `"claude"` or `"compatible"`; else told by its host.
        system: instead of the role that the runtime gives; the rest of the prompt stays.
        max_tokens: of one reply.
        thinking: as the API takes it.
        extra: further members of each request, as the API takes them.
        builtin_tools: what the model has beside yours: True for the workspace's tools (files,
            search, shell, git, tests), or some of "workspace", "web", "browser", "preview", "jobs"
            and "workflows".
        approvals: who may run without a question. Left out: tools without an effect and your own,
            and what the rules in `approvals.toml` allow; `"ask"`: the same without your own;
            `"allow"`: all; or a mapping of tools to "allow", "ask" and "deny", or a judge such as
            `agent.approvals.RuleBook`.
        limits: how far a turn may go.
        lanes: how many calls of a lane run at a time; the same for all agents of an event loop.
        prices: dollars per million tokens, by the beginning of the model's name.
        prompt_ttl: seconds for which a built system prompt feeds new sessions.
        tells_date: whether the model is told the date.
        browser: how the browser of the group "browser" is started or reached, and bounded.
        allowed_addresses: what browser and `web_fetch` may reach besides public addresses, such as
            `127.0.0.1:8000` or `10.0.0.0/8`; else `TOOLLOOP_ALLOWED_ADDRESSES`, by commas.
        preview_window: show the preview in a window of this machine, if it has a display; else
            `TOOLLOOP_PREVIEW=window` says so.
        job_kinds: what can run as a background job, for the group "jobs" and `service(Jobs)`; with
            `CELERY_BROKER_URL` set, by `toolloop worker`s elsewhere.
        services: what tools get from their context, by type; the program ends them. One that has
            `end_session(id)` is told when a session closes.

    Raises:
        ConfigurationError: something is missing or cannot be.
    """

    def __init__(
        self,
        *,
        model: str | Model | None = None,
        workspace: str | os.PathLike[str] = ".",
        tools: Iterable[Tool[..., Any] | Callable[..., Any]] = (),
        builtin_tools: bool | tuple[Group, ...] | Collection[Group] = True,
        server_tools: Iterable[Mapping[str, Any]] = (),
        data_dir: str | os.PathLike[str] | None = None,
        record: str | os.PathLike[str] | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        profile: Literal["claude", "compatible"] | Profile | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        thinking: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        approvals: Literal["allow", "ask"] | Mapping[str, Action] | Approvals | None = None,
        limits: Limits | None = None,
        lanes: Mapping[str, int] | None = None,
        prices: Mapping[str, Price] | None = None,
        prompt_ttl: float | None = None,
        tells_date: bool | None = None,
        browser: "BrowserSettings | None" = None,
        allowed_addresses: Iterable[str] | None = None,
        preview_window: bool | None = None,
        job_kinds: "Iterable[JobKind]" = (),
        services: Mapping[type, Any] | None = None,
    ) -> None:
        self.config = config.read(
            model=model if isinstance(model, str) or model is None else type(model).__name__,
            workspace=workspace,
            data_dir=data_dir,
            base_url=base_url,
            api_key=api_key,
            profile=profile,
            limits=limits,
            system=system,
            max_tokens=max_tokens,
            thinking=thinking,
            extra=extra,
            lanes=lanes,
            prices=prices,
            prompt_ttl=prompt_ttl,
            tells_date=tells_date,
            allowed_addresses=allowed_addresses,
            preview_window=preview_window,
        )
        own = Registry(tools)
        groups = chosen_groups(builtin_tools)
        self.registry = Registry([*tools_of(groups), *own])
        self._terms = Terms(
            groups, browser, self.config.allowed_addresses, self.config.preview_window
        )
        self._job_kinds = tuple(job_kinds)
        self._has_jobs = "jobs" in groups or bool(self._job_kinds)
        self._server_tools = [dict(definition) for definition in server_tools]
        self._answering = None if isinstance(model, str) or model is None else model
        self._choose = functools.partial(
            chosen, approvals, default_file(os.environ), [tool.name for tool in own]
        )
        reads_file = approvals is None or approvals == "ask"
        self._approvals = None if reads_file else self._choose()
        self._record = record
        self._services: dict[type, Any] = dict(services or {})
        self.sessions = Sessions(
            SessionFiles(self.config.data_dir), self._header, self._lend, self._started
        )
        """What can be done with sessions as a whole: list, rename, fork, export and more."""
        self._prompts = PromptCache(self.config.prompt_ttl)
        self._tasks = Tasks()
        self._resources = contextlib.AsyncExitStack()
        self._client: ClaudeClient | None = None
        self._model_info: Json = {}
        self._starting: asyncio.Task[None] | None = None
        self._scheduler: Scheduler | None = None
        self.is_closed = False

    def __repr__(self) -> str:
        return f"<Agent {self.config.model} in {self.config.workspace}, {self.sessions!r}>"

    async def __aenter__(self) -> Self:
        await self._started()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def session(self, name: str | None = None) -> Session:
        """Open a session, or go on with it; without a name a new one is made.

        Raises:
            SessionBusyError: another process has it open.
            DamagedJournalError: its file is damaged in the middle.
            JournalError: its file cannot be written.
        """
        return await self.sessions.open(name)

    def service(self, kind: type[T]) -> T | None:
        """Give what its tools have of a type; None when there is none, or it has not started."""
        return self._services.get(kind)

    async def close(self) -> None:
        """Interrupt what runs, write everything, and let go of sessions and connections."""
        self.is_closed = True
        await self.sessions.close()
        await self._tasks.close(PATIENCE)
        await self._resources.aclose()

    # -- start ---------------------------------------------------------------------------------

    async def _started(self) -> None:
        if self.is_closed:
            raise AgentError("this agent is closed: make another")
        if self._starting is None:
            self._starting = self._tasks.create_task(self._begin(), name="start of the agent")
        await asyncio.shield(self._starting)

    async def _begin(self) -> None:
        """Take what sessions need; the slow rest goes on in the background."""
        if not await asyncio.to_thread(self.config.workspace.is_dir):
            raise ConfigurationError(f"the workspace is not a folder: {self.config.workspace}")
        self._approvals = self._approvals or await asyncio.to_thread(self._choose)
        self._scheduler = shared_scheduler(self.config.lanes)
        terms = replace(self._terms, jobs=self._job_terms(self._scheduler))
        for warm_up in await lend(terms, self._services, self._resources, os.environ):
            self._tasks.create_task(warm_up(), name="warm-up of a service")
        if self._answering is None:
            self._client = await self._resources.enter_async_context(shared(self.config.client))
            self._tasks.create_task(self._warm_up(self._client), name="warm-up")
        if self._record is not None:
            self._answering = await self._recorded(self._record)
        self._tasks.create_task(self._prompt(), name="first prompt")
        # Imports pydantic, and makes the schemas: both take their time.
        self._tasks.create_task(asyncio.to_thread(self.registry.definitions), name="schemas")
        await self.sessions.prepare()

    def _job_terms(self, scheduler: Scheduler) -> JobTerms | None:
        if not self._has_jobs:
            return None
        from agent.jobs.lease import Leases  # noqa: PLC0415  (only where jobs are wanted)

        leases = Leases(scheduler, self._tasks, self.config.workspace)
        options = config.options(self.config)
        return JobTerms(self._job_kinds, self.config.data_dir, options, leases.hold)

    async def _recorded(self, path: str | os.PathLike[str]) -> Model:
        """Give what answers, with a record made of it."""
        from agent.claude.recorder import RecordingModel  # noqa: PLC0415  (only where it is wanted)

        model = RecordingModel(self._model(), path)
        return await self._resources.enter_async_context(model)

    async def _warm_up(self, client: ClaudeClient) -> None:
        await client.warm_up()
        if self.config.client.server.has_limits:
            try:
                self._model_info = await client.limits(self.config.model)
            except AgentError as error:
                log.info("the limits of %s are not known: %s", self.config.model, error)

    # -- inside --------------------------------------------------------------------------------

    async def _prompt(self) -> str:
        wanted = SystemPrompt(self.config.workspace, self.config.system)
        key = (wanted.workspace, wanted.role)
        return await self._prompts.get(key, functools.partial(build, wanted))

    async def _header(self) -> Header:
        """Give what a new session is pinned to; it has no name yet."""
        system = await self._prompt()
        tools = [*await asyncio.to_thread(self.registry.definitions), *self._server_tools]
        return Header("", "", time.time(), system, tools, str(self.config.workspace))

    def _lend(self, session_log: SessionLog) -> Session:
        header = session_log.history.header
        if header is None or self._scheduler is None or self._approvals is None:
            raise SessionError("the journal has no header: it is no session's")
        offered = {tool.get("name") for tool in header.tools}
        toolbox = Toolbox(
            Registry([tool for tool in self.registry if tool.name in offered]),
            self._scheduler,
            self._approvals,
            self.config.workspace,
            self._tasks,
            self._services,
        )
        return Session(
            session_log,
            self._server,
            toolbox,
            self.config.limits,
            tells_date=self.config.tells_date,
            start=self._tasks.create_task,
            end=functools.partial(end_session, self._services),
        )

    def _server(self) -> Server:
        return Server(
            self._model(), self._settings(), self.config.client.server, self.config.prices
        )

    def _model(self) -> Model:
        model = self._answering or self._client
        if model is None:
            raise AgentError("the agent has not started: use it with `async with`")
        return model

    def _settings(self) -> Settings:
        given = self.config
        known = self._model_info.get("max_tokens")
        allowed = min(known, config.LONGEST_REPLY) if known else config.MAX_TOKENS
        capabilities = (self._model_info.get("capabilities") or {}).get("context_management") or {}
        return Settings(
            given.model,
            given.max_tokens or allowed,
            dict(given.thinking) if given.thinking is not None else None,
            compacts=bool((capabilities.get(COMPACTION) or {}).get("supported")),
            extra=dict(given.extra),
        )
