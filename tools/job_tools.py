"""The tools with which a model has work done in the background, looks at it and cancels it."""

import json
from asyncio import Future
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Protocol

from annotated_types import Interval

from tools.base import tool
from tools.content import ToolOutput
from tools.context import ToolContext
from tools.errors import ToolError
from tools.tool_classes import Effect, ToolClass

MOST_SECONDS: Final = 50
"""That a look at a job waits for its end."""

MOST_SHOWN: Final = 20
"""Jobs in a list, the latest ones."""


class Jobs(Protocol):
    """What the tools need of a host's jobs; each gives what is known of jobs as JSON."""

    async def begin(
        self, session: str, kind: str, payload: Any, key: str | None
    ) -> Mapping[str, Any]:
        """Begin a job. Raises ToolError: there is no such kind, or it cannot be made."""
        ...

    async def look(self, session: str, job: str, seconds: float) -> Mapping[str, Any]:
        """Give a job when it has ended, or after the seconds. Raises ToolError: there is none."""
        ...

    async def cancel(self, session: str, job: str) -> Mapping[str, Any]:
        """Cancel a job. Raises ToolError: there is none."""
        ...

    async def adopt(self, session: str, tool: str, call_input: Any) -> str:
        """Make a job of a call that runs already; give its id. Raises ToolError: it cannot be."""
        ...

    def follow(self, job: str, result: "Future[ToolOutput]", cancel: Callable[[], None]) -> None:
        """Keep what comes of an adopted job; `cancel` ends its work."""
        ...

    async def all(self, session: str) -> list[Mapping[str, Any]]:
        """List the session's jobs, the oldest first."""
        ...


class JobDesk:
    """Where the tools are heard; passed to them as a service, and attached by who has jobs."""

    def __init__(self) -> None:
        self._jobs: Jobs | None = None

    def __repr__(self) -> str:
        return f"<JobDesk {'attached' if self._jobs else 'not attached'}>"

    def attach(self, jobs: Jobs | None) -> None:
        """Have the tools reach these jobs from now on; None ends that."""
        self._jobs = jobs

    @property
    def jobs(self) -> Jobs:
        """The jobs.

        Raises:
            ToolError: there are none here.
        """
        if self._jobs is None:
            raise ToolError("Background jobs are not available here: do the work in this turn.")
        return self._jobs


@tool(ToolClass.NETWORK, effect=Effect.EFFECTFUL)
async def start_job(
    kind: str,
    context: ToolContext,
    *,
    input: dict[str, Any] | None = None,  # noqa: A002  (the model's word for it)
    key: str | None = None,
) -> str:
    """Start a background job, and go on meanwhile: for work of minutes. Look later with check_job.

    Nothing is promised about the order of what the job does and what this session's calls do.

    Args:
        kind: which work; an unknown one is answered with those that there are.
        input: what the work needs.
        key: a name of your choice that makes two starts one job; a job that was lost with its
            machine is run again only if it has one.
    """
    started = await context.service(JobDesk).jobs.begin(context.session, kind, input, key)
    return f"Started.\n{_shown(started)}"


@tool(ToolClass.NETWORK)
async def check_job(
    job: str,
    context: ToolContext,
    *,
    wait: Annotated[int, Interval(ge=0, le=MOST_SECONDS)] = 0,
) -> str:
    """Look at a background job of this session: state, stage, progress, and its result at the end.

    Args:
        job: its id.
        wait: seconds to wait for its end; other calls go on meanwhile.
    """
    return _shown(await context.service(JobDesk).jobs.look(context.session, job, wait))


@tool(ToolClass.NETWORK, effect=Effect.IDEMPOTENT, approval="allow")
async def cancel_job(job: str, context: ToolContext) -> str:
    """Cancel a background job of this session; what it has done stays done.

    Args:
        job: its id.
    """
    return _shown(await context.service(JobDesk).jobs.cancel(context.session, job))


@tool(ToolClass.NETWORK)
async def list_jobs(context: ToolContext) -> str:
    """List the background jobs of this session, the latest last."""
    found = await context.service(JobDesk).jobs.all(context.session)
    if not found:
        return "This session has no jobs that are remembered."
    shown = found[-MOST_SHOWN:]
    more = [f"({len(found) - len(shown)} older ones are not shown)"] if shown != found else []
    return "\n".join([*more, *(_shown(each) for each in shown)])


def _shown(job: Mapping[str, Any]) -> str:
    return json.dumps(job, ensure_ascii=False)


JOB_TOOLS: Final = (start_job, check_job, cancel_job, list_jobs)
