"""What a job says of itself, on its way to the store.

The rules that this file keeps:

- saying something takes no time, however often it is done and however slow the store is;
- between two deliveries percentages are one, the highest; stages stay apart and in order;
- a job that names stages without end is heard less and less: as many as `BURST` at once, and
  `STEADY` a second; of more, the last one counts.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from agent.jobs.attempt_text import whole
from agent.jobs.transitions import LONGEST_STAGE

BURST: Final = 1_000
STEADY: Final = 20.0

Report: TypeAlias = tuple[float | None, str | None]
"""Percent and stage; None for what stays."""


class Reports:
    """Takes reports from any thread, and gives them away in portions.

    Args:
        wake: told that there is something to take; called from the thread that reports.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[Report] = deque()
        self._stage: str | None = None
        self._stages = 0
        self._since = time.monotonic()

    def __repr__(self) -> str:
        return f"<Reports {len(self._waiting)} waiting, {self._stages} stages>"

    def add(self, percent: float | None, stage: str | None) -> None:
        """Take a report.

        Raises:
            TypeError, ValueError: the percentage is no number.
        """
        number = None if percent is None else float(percent)
        name = None if stage is None else whole(str(stage)[:LONGEST_STAGE])
        if number is None and name is None:
            return
        with self._lock:
            is_first = not self._waiting
            self._put(number, name)
        if is_first:
            self._wake()

    def take(self) -> tuple[Report, ...]:
        """Give what waits, the oldest first, and forget it."""
        with self._lock:
            taken = tuple(self._waiting)
            self._waiting.clear()
        return taken

    def _put(self, percent: float | None, stage: str | None) -> None:
        is_new = stage is not None and stage != self._stage
        if is_new:
            self._stage = stage
            self._stages += 1
        if not self._waiting or (is_new and self._is_heard()):
            self._waiting.append((percent, stage))
            return
        before, named = self._waiting.pop()
        self._waiting.append((_highest(before, percent), named if stage is None else stage))

    def _is_heard(self) -> bool:
        return self._stages <= BURST + STEADY * (time.monotonic() - self._since)


def _highest(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)
