"""What a job may know of itself, and say while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.jobs.job import Job


class JobStopError(BaseException):
    """Raised inside a job that is to end: by `progress`, or wherever it waits or computes.

    No `Exception`: what a job catches of its own errors does not keep it running.
    """


class JobCancelledError(JobStopError):
    """Somebody cancelled it."""


class SoftLimitError(JobStopError):
    """Its time is over; a moment is left to give up in good order."""


class Reporter(Protocol):
    """Where a job's reports go, and where it hears that it is to stop."""

    def report(self, percent: float | None, stage: str | None) -> None:
        """Take a report; returns at once."""
        ...

    @property
    def stop(self) -> JobStopError | None:
        """What the job is to be ended with; None while it may go on."""
        ...


@dataclass(frozen=True, slots=True)
class JobContext:
    """Passed to a job's function. Its methods may be called from any thread."""

    id: str
    kind: str
    payload: Any
    attempt: int
    """1 for the first. What an earlier one did may be done already."""
    key: str | None
    """The idempotency key that it was submitted with."""
    session: str
    """The id of the session that asked for it; empty for none."""
    reporter: Reporter = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The arguments of `Agent` for sessions of the job's own: `Agent(**job.options)`."""

    def progress(self, percent: float | None = None, stage: str | None = None) -> None:
        """Say how far it is, from 0 to 100, and what it does; left out, that stays.

        Raises:
            JobStopError: it was cancelled, or its time is over.
        """
        clamped = None if percent is None else float(min(max(percent, 0), 100))
        self.reporter.report(clamped, stage)
        self.check()

    def check(self) -> None:
        """Go on, unless it is to stop.

        Raises:
            JobStopError: it was cancelled, or its time is over.
        """
        stop = self.reporter.stop
        if stop is not None:
            raise stop


def context_of(job: Job, reporter: Reporter, options: Mapping[str, Any]) -> JobContext:
    """Give a job's context."""
    return JobContext(
        job.id, job.kind, job.payload, job.attempt, job.key, job.session, reporter, options
    )
