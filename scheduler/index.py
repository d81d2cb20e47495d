"""Which live calls conflict with an access, found without looking at the others.

The index is a trie of resources. A node holds the entries of the places that read and write just
its resource and, once somebody has read all of it, a bag of the entries that write somewhere below.
The rules that it keeps:

- **last writer and readers since**: a write takes everything at and below its resource out of the
  index, because whoever conflicts with one of those conflicts with the write too, and waits for
  them through it. So a chain of n writes costs n edges, not n squared.
- **gathering**: when many readers each wait for the same many writers (2,000 writes of files, then
  2,000 listings of their directory), the writers are gathered under one join, a place without a
  call that ends when they have ended. So that costs 4,000 edges, not 4,000,000.
- the cost of adding and removing a place depends on the depth of its resources and on the calls
  that it conflicts with, never on the number of calls that have nothing to do with it.

An entry remembers the write that took it out. When that write leaves without having run, the entry
goes back in, or passes to the write that had taken that one out.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from scheduler.access import Access, Resource

T = TypeVar("T")

GATHER = 8
"""More entries than this are waited for through a join instead of one edge each."""

_NOTHING = Access()


class Place(Generic[T]):
    """A position in an order: what it waits for (`before`) and what waits for it (`behind`).

    A place without a call is a join: it ends by itself when nothing stands before it any more.
    """

    __slots__ = ("access", "before", "behind", "call", "entries", "fixed", "told")

    def __init__(self, access: Access, call: T | None = None) -> None:
        self.access = access
        self.call = call
        self.before: dict[Place[T], None] = {}
        self.behind: dict[Place[T], None] = {}
        self.entries: list[_Entry[T]] = []
        # A started call's place: nothing is put before it any more.
        self.fixed = False
        # Live places that it was told to wait for, whatever the two touch.
        self.told: set[Place[T]] = set()

    def wait_for(self, other: "Place[T]") -> None:
        """Put `other` before this place."""
        self.before[other] = None
        other.behind[self] = None

    def __repr__(self) -> str:
        what = "join" if self.call is None else repr(self.call)
        return f"<Place {what} before={len(self.before)} behind={len(self.behind)}>"


class _Entry(Generic[T]):
    """One resource of one place: at its node, or taken out by a write that covers it."""

    __slots__ = ("node", "place", "resource", "taken", "taken_by", "writes")

    def __init__(self, place: Place[T], resource: Resource, *, writes: bool) -> None:
        self.place = place
        self.resource = resource
        self.writes = writes
        self.node: _Node[T] | None = None
        self.taken_by: _Entry[T] | None = None
        self.taken: dict[_Entry[T], None] = {}

    def take_out(self, by: "_Entry[T]") -> None:
        """Note that a write has taken this entry out."""
        self.node = None
        self.taken_by = by
        by.taken[self] = None


class _Bag(Generic[T]):
    """Entries that one newcomer after the other has to wait for.

    `gathered` are those that `join` already waits for; `fresh` came since.
    """

    __slots__ = ("fresh", "gathered", "join")

    def __init__(self) -> None:
        self.fresh: dict[_Entry[T], None] = {}
        self.gathered: dict[_Entry[T], None] = {}
        self.join: Place[T] | None = None

    def __bool__(self) -> bool:
        return bool(self.fresh or self.gathered)

    def discard(self, entry: _Entry[T]) -> None:
        if self.fresh.pop(entry, entry) is entry:
            self.gathered.pop(entry, None)

    def entries(self) -> Iterator[_Entry[T]]:
        yield from self.gathered
        yield from self.fresh

    def wait(self, place: Place[T], access: Access) -> None:
        """Put every entry of the bag before `place`; `access` is what a join would stand for."""
        if len(self.fresh) > GATHER:
            self._gather(access)
        if self.join is not None and self.join.before:
            place.wait_for(self.join)
        for entry in self.fresh:
            place.wait_for(entry.place)

    def _gather(self, access: Access) -> None:
        join = self.join
        if join is None or join.behind:
            join = Place(access)
            if self.join is not None and self.join.before:
                join.wait_for(self.join)
        # A join that nobody waits for is used again, so that joins do not pile up.
        for entry in self.fresh:
            join.wait_for(entry.place)
        self.gathered.update(self.fresh)
        self.fresh.clear()
        self.join = join


class _Node(Generic[T]):
    """One resource of the trie."""

    __slots__ = ("below", "children", "parent", "part", "readers", "writers")

    def __init__(self, parent: "_Node[T] | None", part: str) -> None:
        self.parent = parent
        self.part = part
        self.children: dict[str, _Node[T]] = {}
        self.writers: dict[_Entry[T], None] = {}
        # Bags are made when first needed: most nodes are leaves with one entry, and most others
        # are never read as a whole. From then on `below` is kept until the node is empty.
        self.readers: _Bag[T] | None = None
        self.below: _Bag[T] | None = None

    def all_entries(self) -> list[_Entry[T]]:
        """Give the entries here and below."""
        found: list[_Entry[T]] = []
        stack = [self]
        while stack:
            node = stack.pop()
            found += node.writers
            if node.readers:
                found += node.readers.entries()
            stack.extend(node.children.values())
        return found

    def clear(self) -> None:
        """Forget everything here and below; the bags above are the caller's to tell."""
        self.children = {}
        self.writers = {}
        self.readers = None
        self.below = None

    def forget_below(self, entry: _Entry[T]) -> None:
        """Take an entry of this node out of the bags above it."""
        node = self.parent
        while node is not None:
            if node.below is not None:
                node.below.discard(entry)
            node = node.parent

    def bag_of_writers_below(self) -> _Bag[T]:
        bag: _Bag[T] = _Bag()
        stack = list(self.children.values())
        while stack:
            node = stack.pop()
            bag.fresh.update(node.writers)
            stack.extend(node.children.values())
        return bag


class Index(Generic[T]):
    """The live accesses of one order."""

    __slots__ = ("_root",)

    def __init__(self) -> None:
        self._root: _Node[T] = _Node(None, "")

    def __bool__(self) -> bool:
        return bool(self._root.children or self._root.writers or self._root.readers)

    def __repr__(self) -> str:
        return f"<Index {'in use' if self else 'empty'}>"

    def add(self, place: Place[T]) -> None:
        """Put before `place` what it conflicts with, and enter it.

        All is found before anything is entered, so that a place never waits for itself.
        """
        access = place.access
        entries = [_Entry(place, resource, writes=True) for resource in access.writes]
        if self:
            for resource in access.reads:
                self._wait_to_read(place, resource)
            for entry in entries:
                self._wait_to_write(place, entry.resource, entry)
        entries += [
            _Entry(place, each, writes=False) for each in access.reads if each not in access.writes
        ]
        for entry in entries:
            self._put(entry)
        place.entries = entries

    def look(self, place: Place[T]) -> None:
        """Put before `place` what it conflicts with, and leave the index as it is."""
        for resource in place.access.reads:
            self._wait_to_read(place, resource)
        for resource in place.access.writes:
            self._wait_to_write(place, resource, None)

    def enter(self, place: Place[T]) -> None:
        """Enter a place that waits for nothing here."""
        place.entries = _entries(place)
        for entry in place.entries:
            self._put(entry)

    def lend(self, place: Place[T]) -> None:
        """Enter a place that stays entered elsewhere; it is not taken out again."""
        for entry in _entries(place):
            self._put(entry)

    def remove(self, place: Place[T]) -> None:
        """Take out a place that has ended; what it had taken out ended before it."""
        for entry in place.entries:
            if entry.node is not None:
                self._take(entry, entry.node)
            elif entry.taken_by is not None:
                del entry.taken_by.taken[entry]
        place.entries = []

    def withdraw(self, place: Place[T]) -> None:
        """Take out a place that has not run; what it had taken out is found again."""
        for entry in place.entries:
            if entry.node is not None:
                self._take(entry, entry.node)
                for other in entry.taken:
                    other.taken_by = None
                    self._put(other)
            elif entry.taken_by is not None:
                del entry.taken_by.taken[entry]
                for other in entry.taken:
                    other.take_out(entry.taken_by)
        place.entries = []

    def _wait_to_read(self, place: Place[T], resource: Resource) -> None:
        node = self._root
        for part in resource:
            if node.writers:
                for entry in node.writers:
                    place.wait_for(entry.place)
            child = node.children.get(part)
            if child is None:
                return
            node = child
        for entry in node.writers:
            place.wait_for(entry.place)
        if node.children:
            if node.below is None:
                node.below = node.bag_of_writers_below()
            node.below.wait(place, Access(reads=frozenset({resource})))

    def _wait_to_write(self, place: Place[T], resource: Resource, taker: _Entry[T] | None) -> None:
        node = self._root
        for part in resource:
            if node.writers:
                for entry in node.writers:
                    place.wait_for(entry.place)
            if node.readers:
                # Nothing is ever handed on through this join: readers take nothing out.
                node.readers.wait(place, _NOTHING)
            child = node.children.get(part)
            if child is None:
                return
            node = child
        for entry in node.all_entries():
            place.wait_for(entry.place)
            if taker is not None:
                if entry.writes:
                    node.forget_below(entry)
                entry.take_out(taker)
        if taker is not None:
            node.clear()

    def _put(self, entry: _Entry[T]) -> None:
        node = self._root
        writes = entry.writes
        for part in entry.resource:
            if writes and node.below is not None:
                node.below.fresh[entry] = None
            child = node.children.get(part)
            if child is None:
                child = node.children[part] = _Node(node, part)
            node = child
        entry.node = node
        if writes:
            node.writers[entry] = None
        else:
            if node.readers is None:
                node.readers = _Bag()
            node.readers.fresh[entry] = None

    def _take(self, entry: _Entry[T], node: _Node[T]) -> None:
        entry.node = None
        if entry.writes:
            del node.writers[entry]
            node.forget_below(entry)
        elif node.readers is not None:
            node.readers.discard(entry)
        self._prune(node)

    def _prune(self, node: _Node[T]) -> None:
        while not (node.children or node.writers or node.readers):
            if node.parent is None:
                return
            del node.parent.children[node.part]
            node = node.parent


def _entries(place: Place[T]) -> list[_Entry[T]]:
    access = place.access
    return [
        *(_Entry(place, resource, writes=True) for resource in access.writes),
        *(_Entry(place, resource, writes=False) for resource in access.reads - access.writes),
    ]
