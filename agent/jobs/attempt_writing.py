"""Keeping the store informed while a job runs, and being informed by it."""

import asyncio
import logging
import time
from typing import Final

from agent.jobs.attempt_book import AttemptBook
from agent.jobs.attempt_run import Run
from agent.jobs.engine import HEARTBEAT
from agent.jobs.errors import JobStoreError

log = logging.getLogger(__name__)

PAUSE: Final = 0.1
"""Seconds between two uses of the store."""

SHARE: Final = 4.0
"""A slow store is left alone for so many times the seconds that it took."""


class Writing:
    """Writes signs of life and reports, and looks for what others did to the job.

    Args:
        book: where to.
        run: what reports.
        poll: seconds between two looks, if there is nothing to write; None for none.
    """

    def __init__(self, book: AttemptBook, run: Run, poll: float | None) -> None:
        self.learned = asyncio.Event()
        """Set whenever the book has heard of the store."""
        self._book = book
        self._run = run
        self._poll = HEARTBEAT if poll is None else poll
        self._is_over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "over" if self._is_over.is_set() else "on"
        return f"<Writing {state}, {self._book!r}>"

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._keep_on(), name=f"writing {self._book!r}")

    async def end(self) -> None:
        """Stop after what is being written; the rest of the reports is left in the book."""
        self._is_over.set()
        if self._task is not None:
            await self._task
        self._book.keep(self._run.reports.take())

    async def _keep_on(self) -> None:
        written = time.monotonic()
        while True:
            beat = written + HEARTBEAT - time.monotonic()
            await first_of(self._run.news, self._is_over, seconds=min(self._poll, beat))
            if self._is_over.is_set():
                return
            self._run.news.clear()
            self._book.keep(self._run.reports.take())
            began = time.monotonic()
            is_due = self._book.has_reports or began - written >= HEARTBEAT
            try:
                await (self._book.write() if is_due else self._book.look())
                written = began if is_due else written
            except JobStoreError as error:
                log.warning("%r runs, but the store cannot be used: %s", self._book, error)
            except Exception:  # whatever it is, the job goes on
                log.exception("%r runs, but cannot be written", self._book)
            self.learned.set()
            took = time.monotonic() - began
            await first_of(self._is_over, seconds=max(PAUSE, SHARE * took))


async def first_of(*events: asyncio.Event, seconds: float) -> None:
    """Wait for one of some events, so long at most."""
    if any(event.is_set() for event in events):
        return
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
