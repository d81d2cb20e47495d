"""How many calls of one kind run at a time, and who goes next when a slot is free.

A lane holds slots. The rules that this file keeps:

- among the waiting: the highest priority first, then the sessions in turn, then request order;
- a waiter that was overtaken `patience` times goes next, whatever the others' priority, but only
  one in `patience` starts goes to such a waiter: otherwise a long backlog, all of it overtaken
  often enough, would put an end to priorities until it is gone;
- a slot held by a call that does not stop (marked stuck after its grace) is replaced, up to
  `spares` at a time; when every slot is held by a stuck call the lane is exhausted, and whoever
  wants a slot is told so instead of waiting for ever.
"""

from collections import OrderedDict, deque
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE = 16
"""How often a waiter may be overtaken before it goes next."""


_SLACK = 32
"""So many waiters that have left are not worth looking for."""


class Waiter(Generic[T]):
    """One call in the queue of one lane."""

    __slots__ = ("base", "call", "gone", "owner", "priority", "request")

    def __init__(self, call: T, *, owner: str, priority: int, request: int) -> None:
        self.call = call
        self.owner = owner
        self.priority = priority
        self.request = request
        self.gone = False
        # Departures at which this waiter, not overtaken, would be the oldest one.
        self.base = 0

    def __lt__(self, other: "Waiter[T]") -> bool:
        return self.request < other.request


class Lane(Generic[T]):
    """Slots of one kind and the queue for them; no limit means a slot for everyone."""

    def __init__(
        self,
        name: str,
        limit: int | None = None,
        *,
        spares: int | None = None,
        patience: int = PATIENCE,
    ) -> None:
        if limit is not None and limit < 1:
            raise ValueError(f"lane {name!r}: a limit is at least 1, or None for none; got {limit}")
        self.name = name
        self.limit = limit
        self.spares = (limit or 0) if spares is None else spares
        self.patience = patience
        self.used = 0
        self.stuck = 0
        self.waiting = 0
        self._departures = 0
        # Waiters in the queues, those included that have left from the middle.
        self._queued = 0
        # Starts since the last one that went to a waiter for its patience.
        self._since_patient = patience
        self._arrivals: deque[Waiter[T]] = deque()
        self._queues: dict[int, OrderedDict[str, list[Waiter[T]]]] = {}

    def __repr__(self) -> str:
        limit = "-" if self.limit is None else self.limit
        return f"<Lane {self.name!r} {self.used}/{limit} used, {self.waiting} waiting>"

    @property
    def has_slot(self) -> bool:
        """Whether a call could start now."""
        if self.limit is None or self.used < self.limit:
            return True
        return self.used < self.limit + min(self.stuck, self.spares)

    @property
    def is_exhausted(self) -> bool:
        """Whether every slot is held by a call that does not stop."""
        return self.limit is not None and self.stuck - min(self.stuck, self.spares) >= self.limit

    def enqueue(self, waiter: Waiter[T]) -> None:
        """Let a call wait for a slot."""
        waiter.base = self._departures + self.waiting
        self.waiting += 1
        self._queued += 1
        self._arrivals.append(waiter)
        owners = self._queues.setdefault(waiter.priority, OrderedDict())
        heappush(owners.setdefault(waiter.owner, []), waiter)

    def leave(self, waiter: Waiter[T]) -> None:
        """Take a waiter out: it got a slot here or elsewhere, or it waits no more."""
        if not waiter.gone:
            waiter.gone = True
            self.waiting -= 1
            self._departures += 1
            if not self.waiting:
                self._arrivals.clear()
                self._queues.clear()
                self._queued = 0
            elif max(len(self._arrivals), self._queued) > 2 * self.waiting + _SLACK:
                self._forget_the_gone()

    def pick(self) -> T | None:
        """Give the call that starts next, if a slot is free; it stays queued until it leaves."""
        if not self.waiting or not self.has_slot:
            return None
        while self._arrivals[0].gone:
            self._arrivals.popleft()
        oldest = self._arrivals[0]
        if self._departures - oldest.base >= self.patience <= self._since_patient:
            self._since_patient = 0
            return oldest.call
        self._since_patient += 1
        return self._next_in_turn().call

    def waiters(self) -> list[T]:
        """Give the waiting calls in the order of their arrival."""
        return [waiter.call for waiter in self._arrivals if not waiter.gone]

    def _forget_the_gone(self) -> None:
        """Let go of waiters that left from the middle, such as cancelled ones."""
        self._arrivals = deque(waiter for waiter in self._arrivals if not waiter.gone)
        for priority, owners in list(self._queues.items()):
            for owner, queue in list(owners.items()):
                queue[:] = [waiter for waiter in queue if not waiter.gone]
                heapify(queue)
                if not queue:
                    del owners[owner]
            if not owners:
                del self._queues[priority]
        self._queued = self.waiting

    def _next_in_turn(self) -> Waiter[T]:
        while True:
            priority = max(self._queues)
            owners = self._queues[priority]
            owner, queue = next(iter(owners.items()))
            while queue and queue[0].gone:
                heappop(queue)
                self._queued -= 1
            if queue:
                owners.move_to_end(owner)
                return queue[0]
            del owners[owner]
            if not owners:
                del self._queues[priority]
