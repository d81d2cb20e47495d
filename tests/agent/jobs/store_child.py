"""Where jobs are kept in a test, and a process that changes one there until it is killed.

`python -m tests.agent.jobs.store_child KIND WHERE PREFIX JOB` changes the job again and again, and
writes the number of its newest event to its output after each change.
"""

import asyncio
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

from agent.jobs import transitions
from agent.jobs.job import Job
from agent.jobs.redis_store import RedisJobStore
from agent.jobs.sqlite_store import SqliteJobStore
from agent.jobs.transitions import Change


@dataclass(frozen=True, slots=True)
class Place:
    kind: str
    where: str
    """A path, or the address of a Redis."""
    prefix: str = ""

    def opened(self) -> SqliteJobStore | RedisJobStore:
        """Give a store there, beside those that are there."""
        if self.kind == "sqlite":
            return SqliteJobStore(Path(self.where))
        return RedisJobStore(self.where, self.prefix)


async def keep_changing(place: Place, job: str) -> None:
    store = place.opened()
    for number in itertools.count():

        def say(stored: Job, stage: str = str(number)) -> Change | None:
            return transitions.report(stored, stored.attempt, 5.0, stage=stage)

        changed, _ = await store.change(job, say)
        assert changed is not None
        print(changed.last_event, flush=True)  # noqa: T201  (that is how it tells)


if __name__ == "__main__":
    asyncio.run(keep_changing(Place(*sys.argv[1:4]), sys.argv[4]))
