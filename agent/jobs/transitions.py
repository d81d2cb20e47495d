"""What may become of a job: pure functions from a job to the next, with the events that tell it.

A store applies them to what it holds, one at a time per job; that is all the locking there is. Each
gives None when nothing changes. The rules:

- an attempt begins only when none runs: a message that comes twice begins nothing twice;
- only the running attempt reports and ends: what a worker says that was given up comes to nothing;
- what has ended stays as it is: progress and cancellation after the end change nothing;
- a job that was lost while it ran is run again only if its key says that it may, and is told of as
  lost otherwise; one that was lost before it began has lost nothing.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from agent.jobs.job import Job, JobEvent, Reason, State

MOST_LOSSES: Final = 3
"""Attempts that a job may lose with their workers: one that kills its worker is not tried for
ever."""

LONGEST_STAGE: Final = 200
"""Characters."""

LONGEST_BACKOFF: Final = 3_600.0
"""Seconds; doubling ends here, unless the first pause is longer."""

_MOST_DOUBLINGS: Final = 64
"""A larger power is no number any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a job."""

    job: Job
    events: tuple[JobEvent, ...]


def created(job: Job) -> Change:
    """Give a new job its first event."""
    return _changed(job, job.created, "created", kind=job.kind)


def joined(first: Change, second: Change) -> Change:
    """Give two changes as one, the second being of what the first made."""
    return Change(second.job, (*first.events, *second.events))


def begin(job: Job, worker: str, now: float) -> Change | None:
    """Begin an attempt; None when one runs, it is not due, or it has ended."""
    if job.state is not State.PENDING or job.due > now:
        return None
    begun = replace(
        job,
        state=State.PROGRESS,
        percent=0.0,
        stage="",
        attempt=job.attempt + 1,
        worker=worker,
        started=now,
        heartbeat=now,
    )
    return _changed(begun, now, "started", attempt=begun.attempt, worker=worker)


def report(
    job: Job, attempt: int, now: float, percent: float | None = None, stage: str | None = None
) -> Change | None:
    """Take a report of the running attempt: it lives, and how far it is.

    The percentage never goes back within an attempt, and is 100 at a job's end only.
    """
    if not _runs(job, attempt):
        return None
    heard = replace(job, heartbeat=now)
    further = max(job.percent, min(float(percent), 99.0)) if percent is not None else job.percent
    named = stage[:LONGEST_STAGE] if stage is not None else job.stage
    if (further, named) == (job.percent, job.stage):
        return Change(heard, ())
    heard = replace(heard, percent=further, stage=named)
    return _changed(heard, now, "progress", percent=further, stage=named)


def succeed(job: Job, attempt: int, result: Any, now: float) -> Change | None:
    """End a job with its result, even if it was to be cancelled: it was quicker."""
    if not _runs(job, attempt):
        return None
    ended = replace(job, state=State.SUCCESS, percent=100.0, made=result, error="", ended=now)
    return _changed(ended, now, "succeeded")


def fail(job: Job, attempt: int, reason: Reason, error: str, now: float) -> Change | None:
    """End an attempt that failed; after an error of its own there may be another attempt."""
    if not _runs(job, attempt):
        return None
    failures = attempt - job.losses
    if reason is Reason.ERROR and failures < job.terms.attempts and not job.cancel_asked:
        pause = _pause(job.terms.backoff, failures)
        again = replace(job, state=State.PENDING, worker="", due=now + pause, error=error)
        return _changed(again, now, "retrying", error=error, seconds=pause)
    return _failed(job, reason, error, now)


def lose(job: Job, attempt: int, now: float) -> Change | None:
    """Take an attempt for lost: what ran it is gone."""
    if not _runs(job, attempt):
        return None
    lost = replace(job, losses=job.losses + 1)
    if job.cancel_asked:
        return _failed(lost, Reason.CANCELLED, "cancelled", now)
    if job.key is None:
        error = (
            f"what ran it ({job.worker}) is gone. It was not run again: it has no idempotency key, "
            "and what it did by then may be done already."
        )
        return _failed(lost, Reason.LOST, error, now)
    if lost.losses >= MOST_LOSSES:
        error = f"it was lost {lost.losses} times with what ran it, the last time in {job.worker}"
        return _failed(lost, Reason.LOST, error, now)
    again = replace(lost, state=State.PENDING, worker="", due=now)
    return _changed(again, now, "lost", attempt=attempt, worker=job.worker)


def ask_cancel(job: Job, now: float) -> Change | None:
    """Cancel a job that waits; ask the one that runs to give up."""
    if job.is_ended or job.cancel_asked:
        return None
    asked = replace(job, cancel_asked=True)
    if job.state is State.PENDING:
        when = "before it began" if job.attempt == 0 else f"before attempt {job.attempt + 1} began"
        return _failed(asked, Reason.CANCELLED, f"cancelled {when}", now)
    return _changed(asked, now, "cancel_asked")


def adopt(job: Job, host: str, now: float) -> Change | None:
    """Have a job that waits queued anew, by this host."""
    if job.state is not State.PENDING:
        return None
    return Change(replace(job, host=host, queued=now), ())


def moved(change: Change, host: str) -> Change:
    """Have what changed queued by another host from then on."""
    return replace(change, job=replace(change.job, host=host))


def _pause(backoff: float, failures: int) -> float:
    doubled = backoff * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
    return min(doubled, max(backoff, LONGEST_BACKOFF))


def _runs(job: Job, attempt: int) -> bool:
    return job.state is State.PROGRESS and job.attempt == attempt


def _failed(job: Job, reason: Reason, error: str, now: float) -> Change:
    ended = replace(job, state=State.FAILURE, reason=reason, error=error, ended=now)
    return _changed(ended, now, "failed", reason=reason.value, error=error)


def _changed(job: Job, now: float, name: str, **data: Any) -> Change:
    event = JobEvent(job.last_event + 1, now, name, data)
    return Change(replace(job, last_event=event.number), (event,))
