"""An event loop whose clock jumps to the next timer: hours pass in microseconds, exactly.

`run(main())` is `asyncio.run` on such a loop. When nothing is ready and no timer is set, nothing
can ever happen again: that is a deadlock, and it is raised instead of waited for.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class DeadlockError(Exception):
    """Every task waits, and nothing is left that could wake one."""


class VirtualClock(asyncio.SelectorEventLoop):
    """Counts time in units of its own, from 0; a unit means what the test says it means."""

    def __init__(self) -> None:
        super().__init__(_JumpingSelector(self))
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def jump(self) -> None:
        """Go to the next timer."""
        timers = self._scheduled  # type: ignore[attr-defined]  # the loop's own heap of timers
        if not timers:
            raise DeadlockError
        self.now = max(self.now, timers[0].when())


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout > 0:
            self._clock.jump()
        return super().select(0)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a virtual clock that starts at 0."""
    with asyncio.Runner(loop_factory=VirtualClock) as runner:
        return runner.run(main)
