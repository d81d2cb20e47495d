"""How far a batch of tasks is, and what it cost: pure values made from the tasks' states."""

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.tasks import TaskStatus, ToolTask

OVER = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a batch is."""

    done: int
    running: int
    total: int
    elapsed: float
    """Seconds since the batch began."""
    remaining: float | None
    """Estimated seconds left; None while no task has ended."""


@dataclass(frozen=True, slots=True)
class TaskStatistics:
    """One task of a batch."""

    name: str
    status: TaskStatus
    duration: float | None
    """Seconds; None when it was not run."""
    cached: bool


@dataclass(frozen=True, slots=True)
class Statistics:
    """A whole batch."""

    completed: int
    failed: int
    cancelled: int
    cached: int
    elapsed: float
    """Seconds from the first submission to the last result."""
    work: float
    """Seconds that the tasks ran, summed."""
    tasks: tuple[TaskStatistics, ...]

    @property
    def speedup(self) -> float:
        """How many times faster than one task after the other."""
        return self.work / self.elapsed if self.elapsed else 1.0

    def __str__(self) -> str:
        overall = (
            f"{self.completed} completed, {self.failed} failed, {self.cancelled} cancelled, "
            f"{self.cached} from the cache: {self.elapsed:.3f} s for {self.work:.3f} s of work "
            f"({self.speedup:.2f} times faster than one by one)"
        )
        lines = [overall]
        for task in self.tasks:
            time = "not run" if task.duration is None else f"{task.duration:.3f} s"
            lines.append(f"  {task.name}: {task.status.value}, {time}")
        return "\n".join(lines)


def progress(tasks: Sequence[ToolTask], elapsed: float, slots: int) -> Progress:
    """Estimate how long the rest takes, at the mean duration so far and with so many slots."""
    done = sum(task.status in OVER for task in tasks)
    running = sum(task.status is TaskStatus.RUNNING for task in tasks)
    times = [task.duration for task in tasks if task.duration is not None]
    left = len(tasks) - done
    remaining = None
    if times:
        remaining = sum(times) / len(times) * left / max(1, min(slots, left))
    return Progress(done, running, len(tasks), elapsed, remaining)


def statistics(tasks: Sequence[ToolTask], elapsed: float) -> Statistics:
    """Sum up a batch that is over."""
    count = [task.status for task in tasks].count
    each = tuple(
        TaskStatistics(task.name, task.status, task.duration, is_cached(task)) for task in tasks
    )
    return Statistics(
        completed=count(TaskStatus.COMPLETED),
        failed=count(TaskStatus.FAILED),
        cancelled=count(TaskStatus.CANCELLED),
        cached=sum(task.cached for task in each),
        elapsed=elapsed,
        work=sum(task.duration or 0.0 for task in tasks),
        tasks=each,
    )


def is_cached(task: ToolTask) -> bool:
    """Say whether a task's result came from the cache."""
    return bool(task.result and task.result.get("cached"))
