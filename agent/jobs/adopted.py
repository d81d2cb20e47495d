"""A tool's call that was moved to the background: a job whose work goes on where it began.

No engine carries it: it runs in this process already, and nowhere else could. What is promised of
jobs holds for it, too: signs of life, cancellation from anywhere, a result that is kept.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from agent.jobs import transitions
from agent.jobs.engine import HEARTBEAT
from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, Reason
from agent.jobs.store import JobStore
from tools.content import ToolOutput

log = logging.getLogger(__name__)

KIND: Final = "tool_call"

LOOK_SECONDS: Final = HEARTBEAT / 10
"""Between two looks at whether it was cancelled."""


async def kept(
    store: JobStore,
    job: str,
    result: "asyncio.Future[ToolOutput]",
    cancel: Callable[[], None],
    *,
    now: Callable[[], float] = time.time,
) -> None:
    """Keep what comes of work that goes on, until it has ended.

    Args:
        store: where the job is, begun already.
        job: its id.
        result: of the work; cancelled when it gives none.
        cancel: ends the work.
        now: seconds since 1970.
    """
    is_asked = False
    while not result.done():
        await asyncio.wait({result}, timeout=LOOK_SECONDS)
        try:
            found, _ = await store.change(job, lambda stored: transitions.report(stored, 1, now()))
        except JobStoreError as error:
            log.warning("the job %s of a call cannot be kept for now: %s", job, error)
            continue
        if found is not None and found.cancel_asked and not is_asked:
            is_asked = True
            cancel()
    await store.change(job, partial(_end, result=result, now=now))


def _end(
    stored: Job, result: "asyncio.Future[ToolOutput]", now: Callable[[], float]
) -> transitions.Change | None:
    if result.cancelled():
        reason = Reason.CANCELLED if stored.cancel_asked else Reason.LOST
        return transitions.fail(stored, 1, reason, "it was stopped", now())
    output = result.result()
    if output.is_error:
        return transitions.fail(stored, 1, Reason.ERROR, output.text, now())
    return transitions.succeed(stored, 1, output.text, now())
