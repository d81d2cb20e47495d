"""What carries jobs: knows ids, and nothing of their meaning.

One suite (`tests/agent/jobs/test_engines.py`) holds every engine to this:

- what is carried is begun when it is due and there is room, the higher priority first where the
  engine has an order of its own; carrying a job twice begins it once;
- what becomes of a job is decided by `transitions` and written to the store, by whoever runs it;
- a job that is cancelled, or over its time, is ended with everything that it started;
- what runs a job says so to the store every `HEARTBEAT` seconds, so that its end is noticed.
"""

from typing import Final, Protocol

from agent.jobs.job import Job

HEARTBEAT: Final = 2.0
"""Seconds between two signs of life in the store."""

SILENCE: Final = 15.0
"""Seconds without one, after which an attempt is taken for lost."""

GRACE: Final = 0.1
"""Seconds for a job that is to stop to end in good order, before it is killed with its tree."""


class JobEngine(Protocol):
    """Has jobs run somewhere."""

    async def start(self) -> None:
        """Begin to run jobs, or make sure that somebody can be reached who does.

        Raises:
            JobStoreError: what carries them cannot be reached.
        """
        ...

    async def carry(self, job: Job) -> None:
        """Have the next attempt of a job begun when it is due.

        Raises:
            JobStoreError: what carries it cannot be reached; the job waits until it is swept up.
        """
        ...

    async def stop(self, job: Job) -> None:
        """Hurry to whoever runs a job that was cancelled; the store says so already."""
        ...

    async def close(self) -> None:
        """End what runs here; harmless twice. What runs elsewhere goes on."""
        ...
