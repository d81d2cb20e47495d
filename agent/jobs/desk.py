"""A host's jobs as a model's tools see them: those of its own session, in few words."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from agent.jobs.adopted import KIND
from agent.jobs.errors import JobError, JobInputError, JobNotFoundError
from agent.jobs.job import Job
from agent.jobs.jobs import Jobs
from tools.content import ToolOutput
from tools.errors import ToolError


class SessionJobs:
    """What `tools.job_tools` calls."""

    def __init__(self, jobs: Jobs, *, now: Callable[[], float] = time.time) -> None:
        self._jobs = jobs
        self._now = now

    def __repr__(self) -> str:
        return f"<SessionJobs of {self._jobs!r}>"

    async def begin(
        self, session: str, kind: str, payload: Any, key: str | None
    ) -> Mapping[str, Any]:
        """Begin a job of a session; its key counts in this session only."""
        own_key = None if key is None else f"{session} {key}"
        try:
            started = await self._jobs.submit(kind, payload, key=own_key, session=session)
        except JobInputError as error:
            raise ToolError(f"Not started: {error}.") from error
        except JobError as error:
            raise ToolError(f"Not started, or not known to be: {error}.") from error
        return self._told(started)

    async def adopt(self, session: str, tool: str, call_input: Any) -> str:
        """Make a job of a tool's call that runs already; give its id."""
        try:
            made = await self._jobs.adopt(
                KIND, {"tool": tool, "input": call_input}, session=session
            )
        except JobError as error:
            raise ToolError(f"No job can be made of it: {error}.") from error
        return made.id

    def follow(
        self, job: str, result: "asyncio.Future[ToolOutput]", cancel: Callable[[], None]
    ) -> None:
        """Keep what comes of an adopted job."""
        self._jobs.follow_adopted(job, result, cancel)

    async def look(self, session: str, job: str, seconds: float) -> Mapping[str, Any]:
        """Give a job of a session when it has ended, or after the seconds."""
        found = await self._own(session, job)
        if seconds and not found.is_ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._jobs.wait(job)
            found = await self._own(session, job)
        return self._told(found)

    async def cancel(self, session: str, job: str) -> Mapping[str, Any]:
        """Cancel a job of a session."""
        await self._own(session, job)
        return self._told(await self._jobs.cancel(job))

    async def all(self, session: str) -> list[Mapping[str, Any]]:
        """List the jobs of a session, without their results."""
        found = await self._jobs.all(session=session)
        return [
            {name: value for name, value in self._told(each).items() if name != "result"}
            for each in found
        ]

    async def _own(self, session: str, job: str) -> Job:
        try:
            found = await self._jobs.get(job)
        except JobNotFoundError:
            found = None
        except JobError as error:
            raise ToolError(f"The jobs cannot be looked at now: {error}.") from error
        if found is None or found.session != session:
            raise ToolError(
                f"job: this session has no job {job!r}, or it is not remembered any more. "
                "list_jobs names those that there are."
            )
        return found

    def _told(self, job: Job) -> dict[str, Any]:
        left = job.left(self._now())
        told = {
            "job": job.id,
            "kind": job.kind,
            "state": job.state.value,
            "reason": job.reason and job.reason.value,
            "percent": round(job.percent),
            "stage": job.stage,
            "seconds_left": None if left is None else round(left),
            "error": job.error,
            "result": job.result,
        }
        return {name: value for name, value in told.items() if value not in (None, "")}
