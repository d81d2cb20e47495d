"""Results of pure tasks, kept by function and arguments."""

import functools
import pickle
from collections.abc import Hashable

from cachetools import LRUCache

from scheduler.tasks import TaskResult, ToolTask

SIZE = 1_024
"""How many results are kept; the one that was used longest ago goes first."""


class ResultCache:
    """Keeps what pure tasks returned; whoever asks gets a copy of their own.

    Arguments and results that cannot be pickled are not kept. A bound method counts as pure in its
    object: do not call one pure whose object changes.
    """

    def __init__(self, size: int = SIZE) -> None:
        self._kept: LRUCache[Hashable, bytes] = LRUCache(size)

    def __repr__(self) -> str:
        return f"<ResultCache {len(self._kept)} of {self._kept.maxsize:g}>"

    def get(self, task: ToolTask) -> TaskResult | None:
        """Give the kept result of a pure task, if there is one."""
        key = _key(task) if task.pure else None
        kept = None if key is None else self._kept.get(key)
        if kept is None:
            return None
        result: TaskResult = pickle.loads(kept)  # noqa: S301  (pickled below, in this process)
        return {**result, "cached": True, "duration": 0.0}

    def keep(self, task: ToolTask, result: TaskResult) -> None:
        """Keep the result of a pure task that succeeded."""
        key = _key(task) if task.pure and result["status"] == "success" else None
        if key is not None:
            try:
                self._kept[key] = pickle.dumps(result)
            except Exception:  # noqa: BLE001  (what cannot be pickled is not kept)
                return


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
