"""A few words in which the scheduler's tests are written."""

import asyncio
from typing import Any

from scheduler import Access, Scheduler, certify
from tests.clock import run

FILE = Access(writes=frozenset({("file", "a")}))
OTHER = Access(writes=frozenset({("file", "b")}))
LOOK = Access(reads=frozenset({("file",)}))


class Stage:
    """A scheduler, its tasks, and a diary of what happened when: (time, what)."""

    def __init__(self, tasks: asyncio.TaskGroup, **settings: Any) -> None:
        self.tasks = tasks
        self.scheduler = Scheduler(settings.pop("limits", None), **settings)
        self.diary: list[tuple[float, str]] = []

    def note(self, what: str) -> None:
        self.diary.append((asyncio.get_running_loop().time(), what))

    def call(self, name: str, access: Any = FILE, lasts: float = 10, **terms: Any) -> Any:
        """Submit a call that notes when it runs and when it ends."""

        async def work(_: Any) -> str:
            self.note(f"{name} runs")
            await asyncio.sleep(lasts)
            self.note(f"{name} ends")
            return name

        run = terms.pop("run", work)
        tasks = terms.pop("tasks", self.tasks)
        return self.scheduler.submit(tasks, run, access, name=name, **{"lane": "l", **terms})

    def began(self) -> dict[str, float]:
        return {what.split()[0]: time for time, what in self.diary if what.endswith("runs")}

    def record(self, name: str) -> Any:
        return next(record for record in self.scheduler.records if record.name == name)


def is_clean(scheduler: Scheduler) -> bool:
    """Say whether nothing waits, runs, holds a slot or is left in an index."""
    root = scheduler._admission.root
    lanes = scheduler.lanes().values()
    return (
        not scheduler._unstopped
        and not scheduler._calls
        and not root.orders
        and not len(root.tickets)
        and not (root.keyed or root.movers or root.stuck or root.live)
        and all(not (lane.running or lane.waiting or lane.stuck) for lane in lanes)
    )


def staged(main, *, is_serial=True, **settings):
    """Run `main(stage)` until all its calls are over, and check what is left; give the stage."""

    async def play():
        async with asyncio.TaskGroup() as tasks:
            stage = Stage(tasks, **settings)
            await main(stage)
        await stage.scheduler.drained()
        assert is_clean(stage.scheduler)
        assert certify(stage.scheduler.records).is_serial is is_serial
        return stage

    return run(play())
