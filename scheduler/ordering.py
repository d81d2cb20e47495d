"""Which calls may start: pure, indexed, and the one rule of the project.

A call may start when no earlier unfinished call of the same order conflicts with it; earlier means
the order of `add`. The rules that this file keeps:

- waits point backwards only, so there is no deadlock, no lock order and no lock time-out;
- a place that ends frees those behind it for which it was the last one before them;
- **withdrawal**: a place that leaves without having run hands each place behind it those before it
  that conflict with that one, and what it had taken out of the index goes back in;
- **keys worked out again**: a waiting place whose access changed keeps its position; it waits for
  the earlier places that it now conflicts with, and the later ones that have not started wait for
  it. This one operation looks at every live place of the order.

The same class orders the calls of a session by request, and the sessions' calls by ticket.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic

from scheduler.access import Access
from scheduler.index import Index, Place, T


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
        if after:
            place.told = frozenset(after)
            for other in place.told:
                place.wait_for(other)
        self._live[place] = None

    def end(self, place: Place[T]) -> list[Place[T]]:
        """Take out a place whose call has stopped; give the places that this frees."""
        self._index.remove(place)
        del self._live[place]
        return _free(place)

    def withdraw(self, place: Place[T]) -> list[Place[T]]:
        """Take out a place whose call has not run; give the places that this frees."""
        self._hand_over(place)
        del self._live[place]
        return _free(place)

    def rekey(self, place: Place[T], access: Access) -> Rekeyed[T]:
        """Give a waiting place another access at its old position."""
        self._hand_over(place)
        freed = _free(place)
        place.access = access
        blocked = self._wait_again(place)
        self._index.enter(place)
        return Rekeyed([other for other in freed if not other.before], blocked)

    def _hand_over(self, place: Place[T]) -> None:
        """Leave the index and what stands before; those behind get what this place stood for."""
        self._index.remove(place)
        before = [other for other in place.before if other.call is not None]
        for other in before:
            self._index.restore(other)
        for other in place.before:
            del other.behind[place]
        place.before = {}
        for heir in place.behind:
            for other in before:
                if heir.access.conflicts_with(other.access):
                    heir.wait_for(other)

    def _wait_again(self, place: Place[T]) -> list[Place[T]]:
        blocked = []
        earlier = True
        for other in self._live:
            if other is place:
                earlier = False
            elif earlier:
                if other in place.told or other.access.conflicts_with(place.access):
                    place.wait_for(other)
            elif not other.fixed and (
                place in other.told or other.access.conflicts_with(place.access)
            ):
                other.wait_for(place)
                blocked.append(other)
        return blocked


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
