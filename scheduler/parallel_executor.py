"""Named tasks in parallel: the scheduler's core with dependencies, time limits and fail-fast.

The rules that this file keeps:

- every task given has a result, whatever happened, under its name;
- one failure touches only those that depend on it, unless `fail_fast` is asked for;
- conflicting tasks run in a topological order of their dependencies, list order among equals;
- all batches of an executor share its slots, and exclude each other where they conflict.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from scheduler import plan
from scheduler.batch import LANE, Batch, Settings
from scheduler.progress import Progress, Statistics
from scheduler.records import CallRecord
from scheduler.result_cache import ResultCache
from scheduler.scheduler import Scheduler
from scheduler.tasks import TaskResult, ToolTask

log = logging.getLogger(__name__)


class ParallelExecutor:
    """Runs batches of named tasks, at most `max_concurrency` tasks at a time.

    Args:
        max_concurrency: how many tasks run at a time, those of all batches on one event loop.
        verbose: log each task's end and the statistics of each batch (`logging`, at INFO).
        on_progress: called whenever a task starts or ends.
        grace: seconds that ended work may take to stop before its slot is given to another.

    Raises:
        ValueError: `max_concurrency` is below 1.
    """

    def __init__(
        self,
        max_concurrency: int = 5,
        verbose: bool = False,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        grace: float = 5.0,
    ) -> None:
        if max_concurrency < 1:
            raise ValueError(f"max_concurrency is at least 1; got {max_concurrency}")
        self.settings = Settings(max_concurrency, verbose, ResultCache(), on_progress)
        self.grace = grace
        self.statistics: Statistics | None = None
        """Of the batch that ended last."""
        self.records: list[CallRecord] = []
        """Of the batch that ended last; a timeline can be drawn and a certificate made of them."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduler: Scheduler | None = None
        self._batches = 0
        self._records: dict[str, list[CallRecord]] = {}

    def __repr__(self) -> str:
        return f"<ParallelExecutor {self.settings.max_concurrency} slots, {self._scheduler!r}>"

    async def execute_parallel(
        self, tasks: Iterable[ToolTask], fail_fast: bool = False
    ) -> dict[str, TaskResult]:
        """Run tasks that do not depend on each other; give each one's result by its name.

        With `fail_fast` the first failure cancels those that run and those that wait.

        Raises:
            PlanError: two tasks have the same name, or one has dependencies.
        """
        tasks = list(tasks)
        for task in tasks:
            if task.depends_on:
                raise plan.PlanError(
                    f"task {task.name!r} depends on {task.depends_on}; "
                    "run it with execute_with_dependencies"
                )
        return await self.execute_with_dependencies(tasks, fail_fast)

    async def execute_with_dependencies(
        self, tasks: Iterable[ToolTask], fail_fast: bool = False
    ) -> dict[str, TaskResult]:
        """Run tasks, each after those that it depends on; give each one's result by its name.

        A task whose dependency did not succeed is not run: its result is "cancelled" and says why.

        Raises:
            PlanError: a duplicate name, an unknown dependency, or a cycle.
        """
        tasks = list(tasks)
        ordered = plan.in_order(tasks)
        self._batches += 1
        owner = f"batch {self._batches}"
        records = self._records[owner] = []
        scheduler = self._shared_scheduler()
        batch = Batch(self.settings, scheduler, owner, tasks, fail_fast=fail_fast)
        try:
            await batch.run(ordered)
        finally:
            del self._records[owner]
            open_ones = [each for each in scheduler.unfinished_records() if each.owner == owner]
            self.records = [*records, *open_ones]
            self.statistics = batch.statistics()
            if self.settings.verbose:
                log.info("%s", self.statistics)
        return {task.name: task.result or {} for task in tasks}

    def execution_plan(self, tasks: Iterable[ToolTask]) -> list[list[str]]:
        """Give the batches of names in which the tasks could run, without running them.

        Raises:
            PlanError: as in `execute_with_dependencies`.
        """
        return plan.batches(list(tasks))

    def _shared_scheduler(self) -> Scheduler:
        """Give the scheduler of the running event loop."""
        loop = asyncio.get_running_loop()
        if self._scheduler is None or self._loop is not loop:
            self._loop = loop
            self._scheduler = Scheduler(
                {LANE: self.settings.max_concurrency},
                grace=self.grace,
                keep_records=0,
                on_record=self._keep,
            )
        return self._scheduler

    def _keep(self, record: CallRecord) -> None:
        if record.owner in self._records:
            self._records[record.owner].append(record)
