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

from typing import Generic

from scheduler.access import Access, Resource
from scheduler.trie import Bag, Entry, Node, Place, T

_NOTHING = Access()


class Index(Generic[T]):
    """The live accesses of one order."""

    __slots__ = ("_has_bags", "_root")

    def __init__(self) -> None:
        self._root: Node[T] = Node(None, "")
        # Whether somebody has read a node as a whole: until then no bag above has to be told.
        self._has_bags = False

    def __bool__(self) -> bool:
        return bool(self._root.children or self._root.writers or self._root.readers)

    def __repr__(self) -> str:
        return f"<Index {'in use' if self else 'empty'}>"

    def add(self, place: Place[T]) -> None:
        """Put before `place` what it conflicts with, and enter it.

        All is found before anything is entered, so that a place never waits for itself.
        """
        place.entries = entries = _entries(place)
        if len(entries) == 1:
            # One resource, as most have: what the walk has reached is where it is entered.
            (entry,) = entries
            wait = self._wait_to_write if entry.writes else self._wait_to_read
            self._put(entry, *wait(place, entry.resource, entry))
            return
        if self:
            for entry in reversed(entries):
                wait = self._wait_to_write if entry.writes else self._wait_to_read
                wait(place, entry.resource, entry)
        for entry in entries:
            self._put(entry, self._root, 0)

    def look(self, place: Place[T]) -> None:
        """Put before `place` what it conflicts with, and leave the index as it is."""
        for resource in place.access.reads:
            self._wait_to_read(place, resource, None)
        for resource in place.access.writes:
            self._wait_to_write(place, resource, None)

    def enter(self, place: Place[T]) -> None:
        """Enter a place that waits for nothing here."""
        place.entries = _entries(place)
        for entry in place.entries:
            self._put(entry, self._root, 0)

    def lend(self, place: Place[T]) -> None:
        """Enter a place that stays entered elsewhere; it is not taken out again."""
        for entry in _entries(place):
            self._put(entry, self._root, 0)

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
                    self._put(other, self._root, 0)
            elif entry.taken_by is not None:
                del entry.taken_by.taken[entry]
                for other in entry.taken:
                    other.take_out(entry.taken_by)
        place.entries = []

    def _wait_to_read(
        self, place: Place[T], resource: Resource, _: Entry[T] | None
    ) -> tuple[Node[T], int]:
        """Wait for what is written above, at and below; give how far the walk came."""
        node = self._root
        for depth, part in enumerate(resource):
            if node.writers:
                for entry in node.writers:
                    place.wait_for(entry.place)
            child = node.children.get(part)
            if child is None:
                return node, depth
            node = child
        for entry in node.writers:
            place.wait_for(entry.place)
        if node.children:
            if node.below is None:
                node.below = node.bag_of_writers_below()
                self._has_bags = True
            node.below.wait(place, Access(reads=frozenset({resource})))
        return node, len(resource)

    def _wait_to_write(
        self, place: Place[T], resource: Resource, taker: Entry[T] | None
    ) -> tuple[Node[T], int]:
        """Wait for all that is above, at and below, and take out the latter; give how far it came.

        Without a taker nothing is taken out.
        """
        node = self._root
        for depth, part in enumerate(resource):
            if node.writers:
                for entry in node.writers:
                    place.wait_for(entry.place)
            if node.readers:
                # Nothing is ever handed on through this join: readers take nothing out.
                node.readers.wait(place, _NOTHING)
            child = node.children.get(part)
            if child is None:
                return node, depth
            node = child
        for entry in node.all_entries():
            place.wait_for(entry.place)
            if taker is not None:
                if entry.writes and self._has_bags:
                    node.forget_below(entry)
                entry.take_out(taker)
        if taker is not None:
            node.clear()
        return node, len(resource)

    def _put(self, entry: Entry[T], node: Node[T], depth: int) -> None:
        """Enter an entry, on from a node on its way that is so deep."""
        tells = entry.writes and self._has_bags
        if tells:
            node.tell_above(entry)
        resource = entry.resource
        for part in resource[depth:] if depth else resource:
            if tells and node.below is not None:
                node.below.fresh[entry] = None
            child = node.children.get(part)
            if child is None:
                child = node.children[part] = Node(node, part)
            node = child
        entry.node = node
        if entry.writes:
            node.writers[entry] = None
        else:
            if node.readers is None:
                node.readers = Bag()
            node.readers.fresh[entry] = None

    def _take(self, entry: Entry[T], node: Node[T]) -> None:
        entry.node = None
        if entry.writes:
            del node.writers[entry]
            if self._has_bags:
                node.forget_below(entry)
        elif node.readers is not None:
            node.readers.discard(entry)
        self._prune(node)

    def _prune(self, node: Node[T]) -> None:
        while not (node.children or node.writers or node.readers):
            if node.parent is None:
                # A bag that is no longer told of entries must not be believed either.
                node.below = None
                self._has_bags = False
                return
            del node.parent.children[node.part]
            node = node.parent


def _entries(place: Place[T]) -> list[Entry[T]]:
    """Make a place's entries, writes first; a write of a resource covers its reading."""
    access = place.access
    entries = [Entry(place, resource, writes=True) for resource in access.writes]
    for resource in access.reads:
        if resource not in access.writes:
            entries.append(Entry(place, resource, writes=False))  # noqa: PERF401  (mostly none)
    return entries
