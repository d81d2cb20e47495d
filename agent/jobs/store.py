"""Where jobs are kept: what every store promises.

One suite (`tests/agent/jobs/test_stores.py`) holds every store to this:

- `change` is atomic per job: what the decision saw is what is replaced, whoever else writes;
- a job and the events of its change are there together or not at all, and are durable before
  `add` and `change` return;
- a job is forgotten from `forget_time` on, with its events and its key, and not before;
- whoever is cancelled in `add`, `change` or `forget` finds it done or not done: nothing of it
  happens later;
- a job that is damaged is an error that names it, wherever it is asked for by its id; lists leave
  it out, so that one does not hold up the others;
- a store that cannot be reached raises `JobStoreError`, and never guesses.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeAlias

from agent.jobs.job import Job, JobEvent, State
from agent.jobs.transitions import Change

Decision: TypeAlias = Callable[[Job], Change | None]
"""Says what becomes of a job; pure, since a store may ask it more than once, and in a thread of its
own. What a job is (id, kind, key, payload, session, time of its making) stays."""


def forget_time(job: Job) -> float | None:
    """Give the time from which a job may be forgotten; None before its end."""
    return None if job.ended is None else job.ended + job.terms.keep_seconds


class JobStore(Protocol):
    """Keeps jobs and their events. Usable by every task of the loop that opened it."""

    async def add(self, change: Change) -> Job:
        """Keep a new job with its first event; give the one of its kind and key if there is one.

        Raises:
            JobStoreError: it cannot be written.
        """
        ...

    async def get(self, job: str) -> Job | None:
        """Give a job; None when there is none of that id."""
        ...

    async def change(self, job: str, decide: Decision) -> tuple[Job | None, bool]:
        """Have something become of a job.

        Returns:
            The job as it is then, None when there is none; and whether it was changed.

        Raises:
            JobStoreError: it cannot be read or written; whether it was changed is not known.
        """
        ...

    async def events(self, job: str, after: int = 0, most: int = 1_000) -> Sequence[JobEvent]:
        """Give a job's events with a higher number than `after`, the oldest first.

        They are at most `most`: the later ones are asked for after the last of these.
        """
        ...

    async def jobs(
        self, states: Collection[State] = tuple(State), *, session: str | None = None
    ) -> Sequence[Job]:
        """List the jobs in these states, the oldest first; of one session, if it is named.

        Those of one time are in the order of their ids.
        """
        ...

    async def forget(self, now: float) -> Sequence[str]:
        """Remove the jobs that have been remembered long enough; give their ids."""
        ...

    async def close(self) -> None:
        """Let go of the connection; harmless twice."""
        ...
