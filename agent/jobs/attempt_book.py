"""What an attempt writes to the store, and learns from it.

The rules that this file keeps:

- a report that may not have arrived is written again, and counts once;
- what came of the job gets in, when the store can be reached again within `FINISH_SECONDS`; if it
  cannot, that is an error in the log and to the caller.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from agent.jobs import transitions
from agent.jobs.attempt_reports import Report
from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, State
from agent.jobs.store import Decision, JobStore
from agent.jobs.transitions import Change

log = logging.getLogger(__name__)

FINISH_SECONDS: Final = 60.0
"""For a store that cannot be reached to come back."""

HURRY_SECONDS: Final = 3.0
"""The same, when whoever runs the job is to end."""

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.5


class AttemptBook:
    """One attempt's lines in the store."""

    def __init__(self, store: JobStore, job: Job, now: Callable[[], float]) -> None:
        self.job = job
        """As it was when the store was last heard of."""
        self._store = store
        self._attempt = job.attempt
        self._now = now
        self._waiting: tuple[Report, ...] = ()
        """Reports that are not known to be in the store."""
        self._is_uncertain = False
        """Whether they may be there all the same."""
        self._hurry = asyncio.Event()

    def __repr__(self) -> str:
        return f"<AttemptBook {self.job.id} attempt {self._attempt}, {len(self._waiting)} waiting>"

    @property
    def is_ours(self) -> bool:
        """Whether the attempt still runs, as far as the store is concerned."""
        return self.job.state is State.PROGRESS and self.job.attempt == self._attempt

    @property
    def has_reports(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._waiting)

    def keep(self, reports: tuple[Report, ...]) -> None:
        """Take reports, for the next writing."""
        self._waiting += reports

    async def look(self) -> None:
        """Learn what others did to the job.

        Raises:
            JobStoreError: the store cannot be reached.
        """
        self._learn(await self._store.get(self.job.id))

    async def write(self) -> None:
        """Write a sign of life, and the reports that wait.

        Raises:
            JobStoreError: the store cannot be reached; they go on waiting.
        """
        await self._change(self._reported)

    async def finish(self, end: Decision) -> bool:
        """Write the last reports, and what came of the job; return whether that counted.

        Raises:
            JobStoreError: the store did not come back in time.
        """

        def decide(stored: Job) -> Change | None:
            reported = self._reported(stored)
            ended = end(stored if reported is None else reported.job)
            if ended is None or reported is None:
                return ended
            return replace(ended, events=reported.events + ended.events)

        began = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._change(decide)
            except JobStoreError as error:
                most = HURRY_SECONDS if self._hurry.is_set() else FINISH_SECONDS
                if time.monotonic() - began > most:
                    log.error("what came of job %s is lost: %s", self.job.id, error)  # noqa: TRY400  (said whole)
                    raise
            await self._pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def hurry(self) -> None:
        """Let `finish` give up soon."""
        self._hurry.set()

    # -- inside --------------------------------------------------------------------------------

    async def _change(self, decide: Decision) -> bool:
        try:
            found, was_changed = await self._store.change(self.job.id, decide)
        except BaseException:
            self._is_uncertain = True
            raise
        self._waiting = ()
        self._is_uncertain = False
        self._learn(found)
        return was_changed

    def _reported(self, stored: Job) -> Change | None:
        now = self._now()
        change = transitions.report(stored, self._attempt, now)
        for percent, stage in () if self._is_there(stored) else self._waiting:
            if change is None:
                return None
            more = transitions.report(change.job, self._attempt, now, percent, stage)
            change = more and replace(more, events=change.events + more.events)
        return change

    def _is_there(self, stored: Job) -> bool:
        """Say whether a writing that went wrong has come through: nobody else writes stages."""
        last = next((stage for _, stage in reversed(self._waiting) if stage is not None), None)
        is_later = stored.last_event > self.job.last_event
        return self._is_uncertain and is_later and last is not None and stored.stage == last

    def _learn(self, found: Job | None) -> None:
        if found is None:  # forgotten, which no attempt that runs is
            found = replace(self.job, state=State.FAILURE)
        self.job = found

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)
        if self._hurry.is_set():
            await asyncio.sleep(_FIRST_PAUSE)
