"""One run of a list of tasks: submit all, note each one's end, cancel what can no longer be run."""

import asyncio
import functools
import inspect
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scheduler.access import Access
from scheduler.call import Call
from scheduler.progress import OVER, Progress, Tally
from scheduler.records import NotRun
from scheduler.result_cache import ResultCache
from scheduler.scheduler import Scheduler
from scheduler.tasks import TaskResult, TaskStatus, ToolTask, cancelled, failed, succeeded
from scheduler.work import OutOfTimeError, ProcessPool, as_error, in_thread, in_time

LANE = "tasks"
NOTHING = Access()
STATUS_OF = {
    "success": TaskStatus.COMPLETED,
    "failed": TaskStatus.FAILED,
    "cancelled": TaskStatus.CANCELLED,
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an executor's batches have in common."""

    max_concurrency: int
    verbose: bool
    grace: float
    cache: ResultCache
    on_progress: Callable[[Progress], None] | None


class Batch:
    """One run of a list of tasks."""

    def __init__(self, settings: Settings, tasks: Sequence[ToolTask], *, fail_fast: bool) -> None:
        self.settings = settings
        self.tasks = tasks
        self.fail_fast = fail_fast
        self.scheduler = Scheduler({LANE: settings.max_concurrency}, grace=settings.grace)
        self._since = self._now()
        self._began: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[NotRun | None]] = {}
        self._pool: ProcessPool | None = None
        self._tally = Tally(len(tasks))
        self._dependents: dict[str, list[ToolTask]] = {task.name: [] for task in tasks}
        for task in tasks:
            task.reset()
            for name in task.depends_on:
                self._dependents[name].append(task)

    def elapsed(self) -> float:
        """Give the seconds since the batch was made."""
        return self._now() - self._since

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def run(self, ordered: Sequence[ToolTask]) -> None:
        """Run the tasks, given in a topological order; afterwards each has its result."""
        try:
            async with asyncio.TaskGroup() as group:
                with self.scheduler.together():
                    for task in ordered:
                        self._submit(group, task)
        finally:
            for task in ordered:
                self._cancel(task, "the batch was cancelled")
            await self._clean_up()

    def _submit(self, group: asyncio.TaskGroup, task: ToolTask) -> None:
        self._running[task.name] = self.scheduler.submit(
            group,
            functools.partial(self._perform, task),
            task.access or NOTHING,
            lane=LANE,
            priority=task.priority,
            name=task.name,
            after=[self._running[name] for name in task.depends_on if name in self._running],
        )

    async def _perform(self, task: ToolTask, call: Call) -> None:
        kept = self.settings.cache.get(task)
        if kept is not None:
            self._settle(task, kept)
            return
        task.begin()
        self._tally.begin()
        self._report()
        start = self._began[task.name] = self._now()
        result = await self._outcome(task, call)
        result["duration"] = self._now() - start
        self._settle(task, result)
        self.settings.cache.keep(task, result)

    async def _outcome(self, task: ToolTask, call: Call) -> TaskResult:
        """Run a task's function; the one place where its failures become results."""
        try:
            work = self._work(task, call)
            value = await in_time(call, work, task.timeout, self.settings.grace)
        except OutOfTimeError as error:
            return failed(f"timed out after {error.seconds:g} s")
        except Exception as error:  # noqa: BLE001  (whatever a task raises is its result)
            return failed(f"{type(error).__name__}: {error}")
        return succeeded(value, 0.0)

    async def _work(self, task: ToolTask, call: Call) -> Any:
        try:
            if task.cpu_bound:
                return await self._processes().run(call, task.func, task.kwargs)
            function = functools.partial(task.func, **task.kwargs)
            value = function() if _is_async(task.func) else await in_thread(call, function)
            return await value if inspect.isawaitable(value) else value
        except SystemExit as error:
            raise as_error(error) from error

    def _processes(self) -> ProcessPool:
        if self._pool is None:
            computing = sum(task.cpu_bound for task in self.tasks)
            slots = min(self.settings.max_concurrency, os.cpu_count() or 1, computing)
            self._pool = ProcessPool(slots)
        return self._pool

    # -- ends ----------------------------------------------------------------------------------

    def _settle(self, task: ToolTask, result: TaskResult) -> None:
        """Note a task's result, and cancel what can no longer be run."""
        if not self._note(task, result) or task.status is TaskStatus.COMPLETED:
            return
        if self.fail_fast and task.status is TaskStatus.FAILED:
            for other in self.tasks:
                self._cancel(other, f"task {task.name!r} failed, and fail_fast is set")
        unsuccessful = [task]
        for one in unsuccessful:
            # Only a failure is quoted: quoting what was not run would grow along the chain.
            why = f"failed ({one.error})" if one.status is TaskStatus.FAILED else "was not run"
            reason = f"not run: its dependency {one.name!r} {why}"
            unsuccessful += [
                other for other in self._dependents[one.name] if self._cancel(other, reason)
            ]

    def _cancel(self, task: ToolTask, reason: str) -> bool:
        """Cancel a task that has no result yet; say whether it was one."""
        began = self._began.get(task.name)
        duration = None if began is None else self._now() - began
        if not self._note(task, cancelled(reason, duration)):
            return False
        if task.name in self._running:
            self._running[task.name].cancel()
        return True

    def _note(self, task: ToolTask, result: TaskResult) -> bool:
        """Note a task's result, unless it has one; say whether it was noted."""
        if task.status in OVER:
            return False
        if result["status"] != "success" and not result["error"]:
            result["error"] = f"exit code {result['exit_code']}"
        task.settle(STATUS_OF[result["status"]], result, result["duration"])
        self._tally.end(result["duration"] if task.name in self._began else None)
        if self.settings.verbose:
            log.info("task %s: %s", task.name, task.error or task.status.value)
        self._report()
        return True

    async def _clean_up(self) -> None:
        """Let cancelled coroutines end; threads cannot be, and are left."""
        works = [work for call in self.scheduler.lingering() for work in call.holds.values()]
        tasks = [work for work in works if isinstance(work, asyncio.Task)]
        if tasks:
            await asyncio.wait(tasks, timeout=self.settings.grace)
        if self._pool is not None:
            await self._pool.close()

    def _report(self) -> None:
        if self.settings.on_progress is not None:
            slots = self.settings.max_concurrency
            try:
                self.settings.on_progress(self._tally.progress(self.elapsed(), slots))
            except Exception:
                log.exception("on_progress failed")


def _is_async(function: Callable[..., Any]) -> bool:
    """Say whether calling it gives a coroutine; partials and callable objects included."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  (what kind it is, not whether)
    )
