"""Results of pure tasks, kept by function and arguments."""

import functools
import pickle
from collections.abc import Hashable

from cachetools import LRUCache

from scheduler.tasks import TaskResult, ToolTask

SIZE = 1_024
"""How many results are kept; the one that was used longest ago goes first."""


class ResultCache:
    """Keeps what pure tasks returned; what cannot be told apart by pickling is not kept."""

    def __init__(self, size: int = SIZE) -> None:
        self._kept: LRUCache[Hashable, TaskResult] = LRUCache(size)

    def get(self, task: ToolTask) -> TaskResult | None:
        """Give the kept result of a pure task, marked as `cached`, if there is one."""
        key = _key(task) if task.pure else None
        kept = None if key is None else self._kept.get(key)
        return None if kept is None else {**kept, "cached": True, "duration": 0.0}

    def keep(self, task: ToolTask, result: TaskResult) -> None:
        """Keep the result of a pure task that succeeded."""
        key = _key(task) if task.pure and result["status"] == "success" else None
        if key is not None:
            self._kept[key] = dict(result)


def _key(task: ToolTask) -> Hashable | None:
    """Give what tells a pure task's result from others; None when it cannot be told."""
    function, arguments = task.func, [task.kwargs]
    while isinstance(function, functools.partial):
        arguments.append({"*": function.args, **function.keywords})
        function = function.func
    try:
        key = (function, pickle.dumps([sorted(each.items()) for each in arguments]))
        hash(key)
    except Exception:  # noqa: BLE001  (whatever cannot be pickled or hashed is not cached)
        return None
    return key
