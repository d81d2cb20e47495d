"""Which calls may start: pure, indexed, and the one rule of the project.

A call may start when no earlier unfinished call of the same order conflicts with it; earlier means
the order of `add`. The rules that this file keeps:

- waits point backwards only, so there is no deadlock, no lock order and no lock time-out;
- a place that ends frees those behind it for which it was the last one before them;
- **withdrawal**: a place that leaves without having run hands each place behind it those before it
  that conflict with that one, and what it had taken out of the index goes back in;
- **keys worked out again**: a waiting place whose access changed keeps its position. All waiting
  places are put in order anew, once for all changes; one that now conflicts with a later place that
  has started waits for that one too.

The same class orders the calls of a session by request, and the sessions' calls by ticket.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic

from scheduler.access import Access
from scheduler.index import Index
from scheduler.trie import Place, T


@dataclass(frozen=True, slots=True)
class Rekeyed(Generic[T]):
    """What a changed access did: places that lost their last wait, and places that gained one."""

    freed: list[Place[T]]
    blocked: list[Place[T]]


class Order(Generic[T]):
    """Places in the order of `add`; each waits for the earlier ones that conflict with it."""

    __slots__ = ("_index", "_live")

    def __init__(self) -> None:
        self._index: Index[T] = Index()
        self._live: dict[Place[T], None] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Place[T]]:
        return iter(self._live)

    def __repr__(self) -> str:
        free = sum(not place.before for place in self._live)
        return f"<Order {len(self._live)} live, {free} free>"

    def add(self, place: Place[T], after: Iterable[Place[T]] = ()) -> None:
        """Put a place at the end; `after` are live places here that it waits for anyhow."""
        self._index.add(place)
        for other in after:
            place.told.add(other)
            place.wait_for(other)
        self._live[place] = None

    def end(self, place: Place[T]) -> list[Place[T]]:
        """Take out a place whose call has stopped; give the places that this frees."""
        self._index.remove(place)
        return self._leave(place)

    def withdraw(self, place: Place[T]) -> list[Place[T]]:
        """Take out a place whose call has not run; give the places that this frees."""
        before = [other for other in place.before if other.call is not None]
        self._index.withdraw(place)
        for other in place.before:
            del other.behind[place]
        place.before = {}
        if before and place.behind:
            _hand_over(before, place.behind)
        return self._leave(place)

    def rekey(self, changes: Mapping[Place[T], Access]) -> Rekeyed[T]:
        """Give waiting places other accesses at their old positions."""
        for place, access in changes.items():
            place.access = access
        waiting = [place for place in self._live if not place.fixed]
        was_free = {place for place in waiting if not place.before}
        self._index = Index()
        for place in self._live:
            place.before, place.behind = {}, {}
            if place.fixed:
                self._index.enter(place)
        for place in waiting:
            self._index.add(place)
            for other in place.told:
                place.wait_for(other)
        return Rekeyed(
            [place for place in waiting if not place.before and place not in was_free],
            [place for place in waiting if place.before and place in was_free],
        )

    def _leave(self, place: Place[T]) -> list[Place[T]]:
        del self._live[place]
        place.told.clear()
        for other in place.behind:
            other.told.discard(place)
        return _free(place)


def _hand_over(before: list[Place[T]], heirs: Iterable[Place[T]]) -> None:
    """Put before each heir those that conflict with it, found through an index of their own."""
    index: Index[T] = Index()
    for place in before:
        index.lend(place)
    for heir in heirs:
        index.look(heir)


class Tickets(Generic[T]):
    """The order between sessions: by ticket, whoever was ready first.

    Calls of one session that hold a ticket at the same time do not conflict, or they would not
    both be ready; so the index is filled only when a second session comes.
    """

    __slots__ = ("_order", "_owners", "_shared")

    def __init__(self) -> None:
        self._order: Order[T] = Order()
        self._owners: dict[Place[T], str] = {}
        self._shared = False

    def __len__(self) -> int:
        return len(self._owners)

    def __repr__(self) -> str:
        return f"<Tickets {len(self)} of {len(set(self._owners.values()))} sessions>"

    def add(self, place: Place[T], owner: str) -> None:
        """Give a place the last ticket."""
        if self._shared:
            self._order.add(place)
        elif self._owners and next(iter(self._owners.values())) != owner:
            for earlier in self._owners:
                self._order.add(earlier)
            self._order.add(place)
            self._shared = True
        self._owners[place] = owner

    def end(self, place: Place[T]) -> list[Place[T]]:
        """Take out a place whose call has stopped; give the places that this frees."""
        return self._leave(place, self._order.end)

    def withdraw(self, place: Place[T]) -> list[Place[T]]:
        """Take out a place whose call gives its ticket back; give the places that this frees."""
        return self._leave(place, self._order.withdraw)

    def _leave(
        self, place: Place[T], leave: Callable[[Place[T]], list[Place[T]]]
    ) -> list[Place[T]]:
        del self._owners[place]
        if not self._shared:
            return []
        self._shared = bool(self._owners)
        return leave(place)


def _free(place: Place[T]) -> list[Place[T]]:
    """Take a place from before those behind it; give those that now have none, through joins."""
    freed: list[Place[T]] = []
    if not place.behind:
        return freed
    ended = [place]
    while ended:
        gone = ended.pop()
        behind, gone.behind = gone.behind, {}
        for other in behind:
            del other.before[gone]
            if not other.before:
                (freed if other.call is not None else ended).append(other)
    return freed
