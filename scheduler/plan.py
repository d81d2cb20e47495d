"""In which order named tasks run: pure; a mistake in the naming is an error that names it."""

import graphlib
import heapq
from collections.abc import Sequence

from scheduler.tasks import ToolTask


class PlanError(ValueError):
    """The tasks cannot be put in an order.

    PlanError
    ├── DuplicateNameError
    ├── UnknownDependencyError
    └── CycleError
    """


class DuplicateNameError(PlanError):
    """Two tasks have the same name."""


class UnknownDependencyError(PlanError):
    """A task depends on a name that no task has."""


class CycleError(PlanError):
    """Tasks depend on each other in a circle; `cycle` names it, its first name repeated last."""

    def __init__(self, cycle: list[str]) -> None:
        super().__init__(
            f"circular dependency: {' -> '.join(cycle)} (each depends on the next). "
            "Remove one of these from a task's depends_on."
        )
        self.cycle = cycle


def batches(tasks: Sequence[ToolTask]) -> list[list[str]]:
    """Give the names by level: each batch depends only on those before it.

    Raises:
        PlanError: a duplicate name, an unknown dependency, or a cycle.
    """
    position = {task.name: number for number, task in enumerate(tasks)}
    sorter = _sorter(tasks)
    levels = []
    while sorter.is_active():
        level = sorted(sorter.get_ready(), key=position.__getitem__)
        levels.append(level)
        sorter.done(*level)
    return levels


def in_order(tasks: Sequence[ToolTask]) -> list[ToolTask]:
    """Give the tasks in a topological order: of those that could be next, the first in the list.

    Raises:
        PlanError: as in `batches`.
    """
    position = {task.name: number for number, task in enumerate(tasks)}
    sorter = _sorter(tasks)
    ready: list[int] = []
    ordered = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, position[name])
        task = tasks[heapq.heappop(ready)]
        ordered.append(task)
        sorter.done(task.name)
    return ordered


def _sorter(tasks: Sequence[ToolTask]) -> "graphlib.TopologicalSorter[str]":
    names = set()
    for task in tasks:
        if task.name in names:
            raise DuplicateNameError(f"two tasks are named {task.name!r}; names must differ")
        names.add(task.name)
    for task in tasks:
        for name in task.depends_on:
            if name not in names:
                raise UnknownDependencyError(
                    f"task {task.name!r} depends on {name!r}, and no task has that name; "
                    f"there are: {', '.join(sorted(names))}"
                )
    sorter = graphlib.TopologicalSorter({task.name: task.depends_on for task in tasks})
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        # graphlib lists each name before the one that depends on it.
        raise CycleError(list(reversed(error.args[1]))) from None
    return sorter
