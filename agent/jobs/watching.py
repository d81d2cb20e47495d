"""A store that wakes whoever follows a job when something becomes of it in this process."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from agent.jobs.job import Job, JobEvent, State
from agent.jobs.store import Decision, JobStore
from agent.jobs.transitions import Change


class Watched:
    """A `JobStore` in front of another one. For one event loop."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._followers: defaultdict[str, list[asyncio.Event]] = defaultdict(list)

    def __repr__(self) -> str:
        return f"<Watched {self._store!r}, {len(self._followers)} followed>"

    @contextmanager
    def followed(self, job: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something becomes of a job."""
        news = asyncio.Event()
        self._followers[job].append(news)
        try:
            yield news
        finally:
            self._followers[job].remove(news)
            if not self._followers[job]:
                del self._followers[job]

    async def add(self, change: Change) -> Job:
        """Keep a new job: see `JobStore`."""
        return await self._store.add(change)

    async def get(self, job: str) -> Job | None:
        """Give a job: see `JobStore`."""
        return await self._store.get(job)

    async def change(self, job: str, decide: Decision) -> tuple[Job | None, bool]:
        """Have something become of a job, and wake who follows it: see `JobStore`."""
        found, was_changed = await self._store.change(job, decide)
        if was_changed:
            for news in self._followers.get(job, ()):
                news.set()
        return found, was_changed

    async def events(self, job: str, after: int = 0, most: int = 1_000) -> Sequence[JobEvent]:
        """Give a job's events: see `JobStore`."""
        return await self._store.events(job, after, most)

    async def jobs(
        self, states: Collection[State] = tuple(State), *, session: str | None = None
    ) -> Sequence[Job]:
        """List jobs: see `JobStore`."""
        return await self._store.jobs(states, session=session)

    async def forget(self, now: float) -> Sequence[str]:
        """Remove what has been remembered long enough: see `JobStore`."""
        return await self._store.forget(now)

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()
