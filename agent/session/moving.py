"""A call that takes long, moved to the background: it goes on as a job."""

from collections.abc import Mapping
from typing import Any

from agent.dispatch import Dispatch
from agent.errors import SessionError
from tools.errors import ToolError
from tools.job_tools import JobDesk


async def moved(
    session: str, call: str, dispatch: Dispatch | None, services: Mapping[type, Any]
) -> str:
    """Answer a running call with its job; give the job's id.

    Raises:
        SessionError: it does not run, or there are no jobs here.
    """
    running = dispatch.running(call) if dispatch is not None else None
    if dispatch is None or running is None:
        raise SessionError(f"call {call!r} does not run: only a call that runs can be moved")
    desk = services.get(JobDesk)
    try:
        jobs = (desk or JobDesk()).jobs
        job = await jobs.adopt(session, running.call.name, running.call.input)
    except ToolError as error:
        raise SessionError(f"call {call!r} cannot be moved: {error}") from error
    if not running.runs:
        await jobs.cancel(session, job)
        raise SessionError(f"call {call!r} has ended meanwhile; it was not moved")
    told = (
        f"Moved to the background: it goes on as job {job}. Look with check_job. Nothing is "
        "promised about the order of what it does and what later calls do."
    )
    jobs.follow(job, dispatch.move(running, told), running.cancel_work)
    return job
