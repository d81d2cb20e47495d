"""What a host does with jobs: submit, look, follow, cancel, wait; and nothing is forgotten.

The rules that this file keeps:

- a job is in the store before its id is told, and before anything carries it;
- an id that is not known is an error, never a job that waits;
- whoever follows a job sees every event once and in order, wherever the job runs: what changes in
  this process wakes them at once, what changes elsewhere is looked for.
"""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from agent.jobs import transitions
from agent.jobs.adopted import kept
from agent.jobs.engine import JobEngine
from agent.jobs.errors import JobInputError, JobNotFoundError, JobStoreError
from agent.jobs.job import Job, JobEvent, Terms, Undecoded
from agent.jobs.kinds import Kinds
from agent.jobs.payload import MOST_PAYLOAD, encoded
from agent.jobs.sweeping import SweepTerms, sweep
from agent.jobs.watching import Watched
from tools.content import ToolOutput

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 5.0
"""Between two looks for jobs that nobody carries, and for those to forget."""

ADOPTED_SECONDS: Final = 5.0
"""For adopted work to end with its agent."""

LONGEST_KEY: Final = 500
"""Characters of an idempotency key."""


class Jobs:
    """The jobs of a host.

    Args:
        store: where they are kept; it is closed with this.
        engine: has them run, with `watched` as its store where it runs them in this process; it is
            closed with this.
        kinds: what can be submitted.
        terms: who sweeps, and how.
        look_seconds: between two looks at a job that is followed, for what changes elsewhere.
    """

    def __init__(
        self,
        store: Watched,
        engine: JobEngine,
        kinds: Kinds,
        terms: SweepTerms,
        *,
        look_seconds: float = 0.25,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.kinds = kinds
        self._store = store
        self._engine = engine
        self._terms = terms
        self._look_seconds = look_seconds
        self._now = now
        self._sweeping: asyncio.Task[None] | None = None
        self._adopted: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open"
        return f"<Jobs {state}, {self._engine!r}, {self.kinds!r}>"

    async def start(self) -> None:
        """Take up what an earlier host left, and begin to run jobs.

        Raises:
            JobStoreError: the store, or what carries the jobs, cannot be reached.
        """
        await self._engine.start()
        await self._sweep()
        self._sweeping = asyncio.create_task(self._keep_sweeping(), name="sweeping jobs")

    async def submit(
        self,
        kind: str,
        payload: Any = None,
        *,
        key: str | None = None,
        priority: int = 0,
        session: str = "",
        terms: Terms | None = None,
    ) -> Job:
        """Have a job run; give it as soon as it is stored.

        Args:
            kind: the name of its kind.
            payload: JSON.
            key: two jobs of a kind with one key are one job; and only a job with a key is run again
                when it was lost while it ran.
            priority: higher goes first.
            session: the id of the session that asks for it.
            terms: how it is run; the kind's own if left out.

        Raises:
            JobInputError: there is no such kind, or the payload or the key cannot be.
            JobStoreError: the store cannot be reached; whether the job is there is not known.
        """
        chosen = self.kinds.get(kind)
        if key is not None and not 0 < len(key) <= LONGEST_KEY:
            raise JobInputError(f"key: 1 to {LONGEST_KEY} characters, not {len(key)}")
        made = await self._made(kind, payload, terms or chosen.terms, session=session)
        job = replace(made, key=key, priority=priority)
        stored = await self._store.add(transitions.created(job))
        if stored.id == job.id:
            await self._carry(stored)
        return stored

    async def adopt(self, kind: str, payload: Any, *, session: str) -> Job:
        """Make a job of work that goes on in this process already.

        Raises:
            JobInputError: the payload cannot be one.
            JobStoreError: the store cannot be reached.
        """
        now = self._now()
        made = await self._made(kind, payload, Terms(), session=session)
        first = transitions.created(made)
        begun = transitions.begin(first.job, self._terms.host, now)
        assert begun is not None  # noqa: S101  (it is new and due)
        return await self._store.add(transitions.joined(first, begun))

    def follow_adopted(
        self, job: str, result: "asyncio.Future[ToolOutput]", cancel: Callable[[], None]
    ) -> None:
        """Keep what comes of adopted work; `cancel` ends it."""
        task = asyncio.create_task(
            kept(self._store, job, result, cancel, now=self._now), name=f"job {job}"
        )
        self._adopted.add(task)
        task.add_done_callback(self._adopted.discard)

    async def get(self, job: str) -> Job:
        """Give a job as it is now.

        Raises:
            JobNotFoundError: there is none of that id, or it is not remembered any more.
            JobStoreError: the store cannot be reached.
        """
        found = await self._store.get(job)
        if found is None:
            raise JobNotFoundError(
                f"there is no job {job!r}: check the id. One that has ended is forgotten after a "
                "time that its kind says."
            )
        return found

    async def all(self, *, session: str | None = None) -> Sequence[Job]:
        """List the jobs that are remembered, the oldest first; of one session, if it is named."""
        return await self._store.jobs(session=session)

    async def events(self, job: str, after: int = 0) -> Sequence[JobEvent]:
        """Give what became of a job after the event of a number.

        Raises:
            JobNotFoundError: there is none of that id.
        """
        await self.get(job)
        return await self._store.events(job, after)

    async def cancel(self, job: str) -> Job:
        """Cancel a job; one that runs is ended soon after, with everything that it started.

        Returns:
            The job as it is then: one that had ended is unchanged.

        Raises:
            JobNotFoundError: there is none of that id.
            JobStoreError: the store cannot be reached.
        """
        now = self._now()
        found, was_changed = await self._store.change(
            job, lambda stored: transitions.ask_cancel(stored, now)
        )
        if found is None:
            return await self.get(job)
        if was_changed:
            await self._engine.stop(found)
        return found

    async def wait(self, job: str) -> Job:
        """Wait until a job has ended; give it. Who stops waiting does not stop the job.

        Raises:
            JobNotFoundError: there is none of that id.
        """
        with self._store.followed(job) as news:
            while not (found := await self.get(job)).is_ended:
                await self._news(news)
        return found

    async def follow(self, job: str, after: int = 0) -> AsyncIterator[JobEvent]:
        """Give each event of a job as it happens, until the one that ends it.

        Raises:
            JobNotFoundError: there is none of that id, or it was forgotten meanwhile.
        """
        with self._store.followed(job) as news:
            while True:
                found = await self.get(job)
                for event in await self._store.events(job, after):
                    after = event.number
                    yield event
                if found.is_ended and after >= found.last_event:
                    return
                if after >= found.last_event:
                    await self._news(news)

    async def close(self) -> None:
        """End what runs in this process, and let go of the store; harmless twice."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeping
        await self._engine.close()
        if self._adopted:  # whose work ends with the agent that it belongs to
            await asyncio.wait(self._adopted, timeout=ADOPTED_SECONDS)
        await self._store.close()

    # -- inside --------------------------------------------------------------------------------

    async def _made(self, kind: str, payload: Any, terms: Terms, *, session: str) -> Job:
        try:  # in a thread, since there may be much of it
            data = await asyncio.to_thread(encoded, payload, MOST_PAYLOAD, "the payload")
        except ValueError as error:
            raise JobInputError(f"a job of kind {kind!r} cannot be made: {error}") from error
        job, given = uuid.uuid4().hex, Undecoded(data, json.loads)
        host = self._terms.host
        return Job(job, kind, given, self._now(), terms, session=session, host=host)

    async def _carry(self, job: Job) -> None:
        try:
            await self._engine.carry(job)
        except JobStoreError as error:
            log.warning("job %s is stored, and waits to be swept up: %s", job.id, error)

    async def _news(self, news: asyncio.Event) -> None:
        """Wait for something new of a job; what happens elsewhere is seen at the next look."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._look_seconds):
                await news.wait()
        news.clear()

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self._sweep()
                await self._store.forget(self._now())
            except JobStoreError as error:
                log.warning("jobs could not be looked through: %s", error)
            except Exception:
                log.exception("jobs could not be looked through")

    async def _sweep(self) -> None:
        await sweep(self._store, self._engine, self._now(), self._terms)
