"""One run of a list of tasks: submit all, note each one's end, cancel what can no longer be run."""

import asyncio
import functools
import importlib
import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scheduler.access import Access
from scheduler.call import Call
from scheduler.progress import OVER, Progress, Statistics, Tally, statistics
from scheduler.records import NotRun
from scheduler.result_cache import ResultCache
from scheduler.scheduler import Scheduler
from scheduler.tasks import TaskResult, TaskStatus, ToolTask, cancelled, failed, returned
from scheduler.work import ComputingError, OutOfTimeError, as_error, describe, in_thread, in_time

if TYPE_CHECKING:
    from scheduler.process_pool import ProcessPool

LANE = "tasks"
NOTHING = Access()

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an executor's batches have in common."""

    max_concurrency: int
    verbose: bool
    cache: ResultCache
    on_progress: Callable[[Progress], None] | None


class Batch:
    """A list of tasks on a scheduler, as a session of its own named `owner`."""

    def __init__(
        self,
        settings: Settings,
        scheduler: Scheduler,
        owner: str,
        tasks: Sequence[ToolTask],
        *,
        fail_fast: bool,
    ) -> None:
        self.settings = settings
        self.scheduler = scheduler
        self.owner = owner
        self.tasks = {task.name: task for task in tasks}
        self.fail_fast = fail_fast
        self._since = self._last = self._now()
        self._began: dict[str, float] = {}
        self._handles: dict[str, asyncio.Task[NotRun | None]] = {}
        self._pool: ProcessPool | None = None
        self._tally = Tally(len(tasks))
        self._dependents: dict[str, list[ToolTask]] = {task.name: [] for task in tasks}
        for task in tasks:
            task.reset()
            for name in task.depends_on:
                self._dependents[name].append(task)

    def __repr__(self) -> str:
        return f"<Batch {self.owner!r} {self._tally.done} of {self._tally.total} done>"

    def statistics(self) -> Statistics:
        """Sum up what has ended."""
        return statistics(list(self.tasks.values()), self._last - self._since)

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

    # -- a task's way --------------------------------------------------------------------------

    def _submit(self, group: asyncio.TaskGroup, task: ToolTask) -> None:
        handle = self.scheduler.submit(
            group,
            functools.partial(self._perform, task),
            task.access or NOTHING,
            lane=LANE,
            owner=self.owner,
            priority=task.priority,
            name=task.name,
            after=[self._handles[name] for name in task.depends_on],
        )
        handle.add_done_callback(functools.partial(self._left, task))
        self._handles[task.name] = handle

    async def _perform(self, task: ToolTask, call: Call) -> None:
        for name in task.depends_on:
            if self.tasks[name].status is not TaskStatus.COMPLETED:
                self._cancel(task, f"not run: its dependency {name!r} was not run")
                return
        kept = self.settings.cache.get(task)
        if kept is not None:
            task.cached = True
            self._settle(task, kept)
            return
        task.begin()
        self._tally.begin()
        start = self._began[task.name] = self._now()
        self._report()
        result = await self._outcome(task, call)
        result["duration"] = self._now() - start
        self._settle(task, result)
        self.settings.cache.keep(task, result)

    async def _outcome(self, task: ToolTask, call: Call) -> TaskResult:
        """Run a task's function; the one place where its failures become results."""
        try:
            work = self._work(task, call)
            return returned(await in_time(call, work, task.timeout, self.scheduler.grace))
        except OutOfTimeError as error:
            return failed(f"timed out after {error.seconds:g} s")
        except ComputingError as error:
            return failed(str(error))
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
            return cancelled("it was cancelled from within")
        except Exception as error:  # noqa: BLE001  (whatever a task raises is its result)
            return failed(describe(error))

    async def _work(self, task: ToolTask, call: Call) -> Any:
        try:
            if task.cpu_bound:
                pool = await self._processes()
                return await pool.run(call, task.func, task.kwargs)
            function = functools.partial(task.func, **task.kwargs)
            value = function() if _is_async(task.func) else await in_thread(call, function)
            return await value if inspect.isawaitable(value) else value
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise as_error(error) from error

    async def _processes(self) -> "ProcessPool":
        """Give the pool; its module is slow to import, and few need it."""
        module = await asyncio.to_thread(importlib.import_module, "scheduler.process_pool")
        if self._pool is None:
            self._pool = module.ProcessPool()
        return self._pool

    # -- ends ----------------------------------------------------------------------------------

    def _left(self, task: ToolTask, handle: "asyncio.Task[NotRun | None]") -> None:
        """Note a task that the scheduler answered without running it."""
        if not handle.cancelled() and handle.exception() is None:
            answer = handle.result()
            if answer is not None:
                self._settle(task, cancelled(answer.text))

    def _settle(self, task: ToolTask, result: TaskResult) -> None:
        """Note a task's result, and cancel what can no longer be run."""
        if not self._note(task, result) or task.status is TaskStatus.COMPLETED:
            return
        if self.fail_fast and task.status is TaskStatus.FAILED:
            for other in self.tasks.values():
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
        result = cancelled(reason)
        if task.name in self._began:
            result["duration"] = self._now() - self._began[task.name]
        if not self._note(task, result):
            return False
        handle = self._handles.get(task.name)
        if handle is not None and handle is not asyncio.current_task():
            handle.cancel()
        return True

    def _note(self, task: ToolTask, result: TaskResult) -> bool:
        """Note a task's result, unless it has one; say whether it was noted."""
        if task.status in OVER:
            return False
        task.settle(result)
        self._last = self._now()
        self._tally.end(task.duration if task.name in self._began else None)
        if self.settings.verbose:
            log.info("task %s: %s", task.name, task.error or task.status.value)
        self._report()
        return True

    async def _clean_up(self) -> None:
        """Kill processes, and let cancelled coroutines end; threads cannot be, and are left."""
        if self._pool is not None:
            self._pool.stop()
        mine = [call for call in self.scheduler.lingering() if call.owner == self.owner]
        works = [work for call in mine for work in call.holds.values()]
        tasks = [work for work in works if isinstance(work, asyncio.Task)]
        if tasks:
            await asyncio.wait(tasks, timeout=self.scheduler.grace)
        if self._pool is not None:
            await asyncio.to_thread(self._pool.reap)

    # -- small things --------------------------------------------------------------------------

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _report(self) -> None:
        if self.settings.on_progress is not None:
            slots = self.settings.max_concurrency
            try:
                self.settings.on_progress(self._tally.progress(self._now() - self._since, slots))
            except Exception:
                log.exception("on_progress failed")


def _is_async(function: Callable[..., Any]) -> bool:
    """Say whether calling it gives a coroutine; partials and callable objects included."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  (what kind it is, not whether)
    )
