"""A job store that forgets all with the test, and fails when it is told to."""

from collections.abc import Collection, Sequence

from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, JobEvent, State
from agent.jobs.store import Decision, forget_time
from agent.jobs.transitions import Change


class MemoryStore:
    """A `JobStore` in memory.

    `outage` is what it does instead of working: `""` nothing, `"before"` it fails and writes
    nothing, `"after"` it fails when it has written.
    """

    def __init__(self) -> None:
        self.outage = ""
        self.failures = 0
        self._jobs: dict[str, Job] = {}
        self._events: dict[str, list[JobEvent]] = {}

    async def add(self, change: Change) -> Job:
        for known in self._jobs.values():
            if change.job.key is not None and (known.kind, known.key) == (
                change.job.kind,
                change.job.key,
            ):
                return known
        self._put(change)
        return change.job

    async def get(self, job: str) -> Job | None:
        self._fail("before")
        return self._jobs.get(job)

    async def change(self, job: str, decide: Decision) -> tuple[Job | None, bool]:
        self._fail("before")
        stored = self._jobs.get(job)
        change = None if stored is None else decide(stored)
        if change is not None:
            self._put(change)
        self._fail("after")
        return (stored, False) if change is None else (change.job, True)

    async def events(self, job: str, after: int = 0, most: int = 1_000) -> Sequence[JobEvent]:
        return [each for each in self._events[job] if each.number > after][:most]

    async def jobs(
        self, states: Collection[State] = tuple(State), *, session: str | None = None
    ) -> Sequence[Job]:
        found = [each for each in self._jobs.values() if each.state in states]
        return [each for each in found if session in {None, each.session}]

    async def forget(self, now: float) -> Sequence[str]:
        times = {each.id: forget_time(each) for each in self._jobs.values()}
        gone = [job for job, time in times.items() if time is not None and time <= now]
        for job in gone:
            del self._jobs[job], self._events[job]
        return gone

    async def close(self) -> None:
        pass

    def _put(self, change: Change) -> None:
        self._jobs[change.job.id] = change.job
        self._events.setdefault(change.job.id, []).extend(change.events)

    def _fail(self, when: str) -> None:
        if self.outage == when:
            self.failures += 1
            raise JobStoreError("the store cannot be reached")
