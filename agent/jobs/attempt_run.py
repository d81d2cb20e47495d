"""What runs the function of a job for one attempt: in a process of its own, or in this one."""

import asyncio
from typing import Protocol

from agent.jobs.attempt_outcomes import Outcome, Stop
from agent.jobs.attempt_reports import Reports


class Run(Protocol):
    """A function that runs. `end` follows `start`, whatever came of that."""

    reports: Reports
    """What it says; `news` is set when there is something."""
    news: asyncio.Event
    begun: asyncio.Event
    """Set when the function has been called."""

    async def start(self) -> None:
        """Begin.

        Raises:
            OSError: there is no process to be had.
        """
        ...

    async def outcome(self) -> Outcome:
        """Wait for what comes of it."""
        ...

    def tell(self, stop: Stop) -> None:
        """Have it raise inside the function, soon; returns at once, harmless after its end."""
        ...

    async def end(self) -> None:
        """End what still runs of it, whatever that does. A cancellation waits for that."""
        ...
