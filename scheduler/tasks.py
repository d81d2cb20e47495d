"""A named task, its run-time state, and the shape of its result."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from scheduler.access import Access

TaskResult: TypeAlias = dict[str, Any]
"""`status` ("success", "failed" or "cancelled"), `output`, `error`, `exit_code`, `duration`.

A function that returns a dictionary with a `status` has given its own result, and further keys of
it are kept; anything else that it returns is the `output`.
"""


class TaskStatus(Enum):
    """Where a task is."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass
class ToolTask:
    """A function to run under a name.

    Coroutine functions run on the event loop, plain functions in a thread, and those that are
    `cpu_bound` in a process of a pool; `functools.partial` of any of them works too.
    """

    name: str
    func: Callable[..., Any]
    kwargs: dict[str, Any] = field(default_factory=dict)
    depends_on: list[str] = field(default_factory=list)
    """Names of the tasks that must have succeeded before."""
    priority: int = 0
    """Among tasks that wait for a slot, the higher goes first."""
    timeout: float | None = 300
    """Seconds; None for no limit."""
    access: Access | None = None
    """What it touches; without one it conflicts with nothing."""
    cpu_bound: bool = False
    """A plain, picklable function that computes."""
    pure: bool = False
    """Its result depends on its arguments alone: a cached one is used instead of running it."""

    status: TaskStatus = field(default=TaskStatus.PENDING, init=False)
    result: TaskResult | None = field(default=None, init=False)
    error: str | None = field(default=None, init=False)
    duration: float | None = field(default=None, init=False)
    """Seconds from start to result; None when it was not run."""
    cached: bool = field(default=False, init=False)
    """Whether the result came from the cache."""

    def __post_init__(self) -> None:
        """Refuse what could only fail later and less clearly."""
        if not self.name or not isinstance(self.name, str):
            raise ValueError(f"a task's name is a string that is not empty; got {self.name!r}")
        if not callable(self.func):
            raise TypeError(f"task {self.name!r}: func must be callable; got {self.func!r}")
        if inspect.isgeneratorfunction(self.func) or inspect.isasyncgenfunction(self.func):
            raise TypeError(
                f"task {self.name!r}: func is a generator function, which gives no one result"
            )
        if self.cpu_bound and inspect.iscoroutinefunction(self.func):
            raise TypeError(f"task {self.name!r}: a cpu_bound func is a plain function")
        names: object = self.depends_on
        if isinstance(names, str):
            raise TypeError(f"task {self.name!r}: depends_on is a list of names; write [{names!r}]")
        if self.timeout is not None and not self.timeout > 0:
            raise ValueError(
                f"task {self.name!r}: timeout is a number of seconds above 0, or None for no "
                f"limit; got {self.timeout!r}"
            )

    def begin(self) -> None:
        """Note the start of the run."""
        self.status = TaskStatus.RUNNING

    def settle(self, result: TaskResult) -> None:
        """Note the end."""
        self.status = _STATUS_OF[result["status"]]
        self.result = result
        self.error = result["error"]
        self.duration = result["duration"]

    def reset(self) -> None:
        """Forget an earlier run."""
        self.status = TaskStatus.PENDING
        self.result = self.error = self.duration = None
        self.cached = False


_STATUS_OF = {
    "success": TaskStatus.COMPLETED,
    "failed": TaskStatus.FAILED,
    "cancelled": TaskStatus.CANCELLED,
}


def returned(value: Any) -> TaskResult:
    """Shape what a function returned; a dictionary with a status of ours has its own say."""
    shaped: TaskResult = {
        "status": "success",
        "output": value,
        "error": None,
        "exit_code": 0,
        "duration": None,
    }
    status = value.get("status") if isinstance(value, dict) else None
    if isinstance(status, str) and status in _STATUS_OF:
        shaped |= {"output": None, "exit_code": None} | value
        if status != "success" and not shaped["error"]:
            code = shaped["exit_code"]
            shaped["error"] = (
                "it failed without saying why" if code is None else f"exit code {code}"
            )
    return shaped


def failed(error: str) -> TaskResult:
    """Shape a failure."""
    return _without_output("failed", error)


def cancelled(error: str) -> TaskResult:
    """Shape the result of a task that was stopped or not run."""
    return _without_output("cancelled", error)


def _without_output(status: str, error: str) -> TaskResult:
    return {
        "status": status,
        "output": None,
        "error": error,
        "exit_code": None,
        "duration": None,
    }
