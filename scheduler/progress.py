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


@dataclass(slots=True)
class Tally:
    """Counts of a batch that goes on, so that each report costs the same however large it is."""

    total: int
    done: int = 0
    begun: int = 0
    ran: int = 0
    """Tasks that ran and ended."""
    work: float = 0.0
    """Seconds that those ran, summed."""

    def begin(self) -> None:
        """Count a task that starts to run."""
        self.begun += 1

    def end(self, duration: float | None) -> None:
        """Count a task that has its result; without a duration it was not run."""
        self.done += 1
        if duration is not None:
            self.ran += 1
            self.work += duration

    def progress(self, elapsed: float, slots: int) -> Progress:
        """Estimate how long the rest takes, at the mean duration so far and with so many slots."""
        left = self.total - self.done
        remaining = self.work / self.ran * left / max(1, min(slots, left)) if self.ran else None
        return Progress(self.done, self.begun - self.ran, self.total, elapsed, remaining)


def statistics(tasks: Sequence[ToolTask], elapsed: float) -> Statistics:
    """Sum up a batch that is over."""
    count = [task.status for task in tasks].count
    each = tuple(
        TaskStatistics(task.name, task.status, task.duration, task.cached) for task in tasks
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
