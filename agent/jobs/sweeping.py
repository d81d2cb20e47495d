"""Finding the jobs that nobody carries any more: after a crash, a lost message, a dead worker.

What is done about a job is decided by one pure function; `sweep` looks at all jobs and does it. It
is run at a host's start, and now and then after that; two that sweep at once do no harm.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from agent.jobs import transitions
from agent.jobs.engine import SILENCE, JobEngine
from agent.jobs.job import Job, State
from agent.jobs.store import JobStore

log = logging.getLogger(__name__)


class Verdict(Enum):
    """What a look at a job says."""

    FINE = "fine"
    LOST = "lost"
    """What ran it is gone."""
    UNCARRIED = "uncarried"
    """It waits, and nobody will begin it."""


@dataclass(frozen=True, slots=True)
class SweepTerms:
    """How jobs are judged."""

    host: str
    """Who sweeps: the name by which jobs are queued here."""
    is_gone: Callable[[str], bool]
    """Says whether a host or worker is known to have ended; False when nobody can say."""
    silence: float = SILENCE
    """Seconds without a sign of life, after which an attempt is lost."""
    stale: float | None = None
    """Seconds for which a job that is due may wait before its message counts as lost. None where
    messages cannot be lost, since they are in the memory of the host that queued them."""


def verdict(job: Job, now: float, terms: SweepTerms) -> Verdict:
    """Judge a job by what is stored of it."""
    if job.state is State.PROGRESS:
        is_silent = job.heartbeat is None or now - job.heartbeat > terms.silence
        return Verdict.LOST if is_silent or terms.is_gone(job.worker) else Verdict.FINE
    if job.state is not State.PENDING:
        return Verdict.FINE
    if terms.stale is not None:
        waited = now - max(job.due, job.created, job.queued)
        return Verdict.UNCARRIED if waited > terms.stale else Verdict.FINE
    is_left = job.host != terms.host and terms.is_gone(job.host)
    return Verdict.UNCARRIED if is_left else Verdict.FINE


async def sweep(store: JobStore, engine: JobEngine, now: float, terms: SweepTerms) -> int:
    """Look at all jobs that have not ended; have those carried that nobody carries.

    Returns:
        How many jobs were found lost or uncarried.

    Raises:
        JobStoreError: the store or what carries the jobs cannot be reached; the rest is for the
            next sweep.
    """
    found = 0
    jobs = await store.jobs((State.PENDING, State.PROGRESS))
    names = {job.host for job in jobs} | {job.worker for job in jobs}
    # It looks at processes, which a loop does not wait for.
    gone = await asyncio.to_thread(lambda: {name for name in names if terms.is_gone(name)})
    terms = replace(terms, is_gone=gone.__contains__)
    for job in jobs:
        judged = verdict(job, now, terms)
        if judged is Verdict.FINE:
            continue
        found += 1
        current = await _taken_over(store, job, judged, now, terms)
        if current is not None and current.state is State.PENDING:
            await engine.carry(current)
    return found


async def _taken_over(
    store: JobStore, job: Job, judged: Verdict, now: float, terms: SweepTerms
) -> Job | None:
    """Make a job one that this host carries; None when another was quicker, or it has ended."""

    def decide(stored: Job) -> transitions.Change | None:
        if verdict(stored, now, terms) is not judged:
            return None
        if judged is Verdict.LOST:
            lost = transitions.lose(stored, stored.attempt, now)
            return lost and transitions.moved(lost, terms.host)
        return transitions.adopt(stored, terms.host, now)

    current, was_changed = await store.change(job.id, decide)
    if judged is Verdict.LOST and was_changed and current is not None:
        log.warning("job %s (%s) was lost with %s", job.id, job.kind, job.worker)
    return current if was_changed else None
