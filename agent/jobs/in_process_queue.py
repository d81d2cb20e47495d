"""Which job goes next: the order of those that wait in this process. Pure."""

import heapq
from itertools import count
from typing import TypeAlias

from agent.jobs.job import Job

_Entry: TypeAlias = tuple[float, float, int, str]


class JobQueue:
    """Jobs that wait: of those that are due the highest priority first, then the oldest.

    What is taken out stays in the heaps as an entry whose number is no longer the job's.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, tuple[int, bool, Job]] = {}
        self._later: list[_Entry] = []
        self._ready: dict[bool, list[_Entry]] = {False: [], True: []}
        """By whether they need a lease."""
        self._numbers = count()

    def __repr__(self) -> str:
        return f"<JobQueue {len(self._jobs)} jobs>"

    def __contains__(self, job: str) -> bool:
        return job in self._jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job, *, needs_lease: bool) -> None:
        """Let a job wait until it is due."""
        number = next(self._numbers)
        self._jobs[job.id] = (number, needs_lease, job)
        heapq.heappush(self._later, (job.due, 0.0, number, job.id))

    def drop(self, job: str) -> None:
        """Take a job out, if it waits."""
        self._jobs.pop(job, None)

    def take(self, now: float, *, with_lease: bool) -> Job | None:
        """Take out the job that goes next.

        Args:
            now: which jobs are due.
            with_lease: whether it may be one that needs a lease.
        """
        self._sort(now)
        heaps = [self._ready[needs] for needs in ((False, True) if with_lease else (False,))]
        tops = [heap for heap in heaps if self._top(heap) is not None]
        if not tops:
            return None
        *_, name = heapq.heappop(min(tops, key=lambda heap: heap[0]))
        return self._jobs.pop(name)[2]

    def next_due(self) -> float | None:
        """Say when the next job is due that was not at the last `take`."""
        top = self._top(self._later)
        return None if top is None else top[0]

    def _sort(self, now: float) -> None:
        while (top := self._top(self._later)) is not None and top[0] <= now:
            heapq.heappop(self._later)
            number, needs_lease, job = self._jobs[top[3]]
            entry = (-float(job.priority), job.created, number, job.id)
            heapq.heappush(self._ready[needs_lease], entry)

    def _top(self, heap: list[_Entry]) -> _Entry | None:
        """Give a heap's first entry whose job still waits."""
        while heap and self._jobs.get(heap[0][3], (None,))[0] != heap[0][2]:
            heapq.heappop(heap)
        return heap[0] if heap else None
