"""When a browser has been idle for long enough, told by a timer that a test can hold."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """What a timer gives, such as `asyncio.TimerHandle`."""

    def cancel(self) -> None:
        """Stop it."""
        ...


CallLater = Callable[[float, Callable[[], None]], Timer]


def call_later(seconds: float, callback: Callable[[], None]) -> Timer:
    """Call something on the running loop."""
    return asyncio.get_running_loop().call_later(seconds, callback)


class Idle:
    """Counts who uses something; calls back when nobody has for so many seconds."""

    def __init__(
        self, seconds: float, on_idle: Callable[[], None], later: CallLater = call_later
    ) -> None:
        self._seconds = seconds
        self._on_idle = on_idle
        self._later = later
        self._users = 0
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        return f"<Idle {self._users} users, timer {'set' if self._timer else 'not set'}>"

    def enter(self) -> None:
        """Count a user in."""
        self._users += 1
        self.stop()

    def leave(self) -> None:
        """Count a user out; the last one starts the timer."""
        self._users -= 1
        if not self._users:
            self._timer = self._later(self._seconds, self._ring)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._on_idle()
