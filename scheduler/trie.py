"""What the index is made of: places, their entries, the nodes of the trie, and bags of entries.

A node holds the entries of the places that read and write just its resource and, once somebody has
read all of it, a bag of the entries that write somewhere below. They know each other, so they stand
together; what is done with them stands in `index`.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from scheduler.access import Access, Resource

T = TypeVar("T")

GATHER = 8
"""More entries than this are waited for through a join instead of one edge each."""


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
        self.entries: list[Entry[T]] = []
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


class Entry(Generic[T]):
    """One resource of one place: at its node, or taken out by a write that covers it."""

    __slots__ = ("node", "place", "resource", "taken", "taken_by", "writes")

    def __init__(self, place: Place[T], resource: Resource, *, writes: bool) -> None:
        self.place = place
        self.resource = resource
        self.writes = writes
        self.node: Node[T] | None = None
        self.taken_by: Entry[T] | None = None
        self.taken: dict[Entry[T], None] = {}

    def take_out(self, by: "Entry[T]") -> None:
        """Note that a write has taken this entry out."""
        self.node = None
        self.taken_by = by
        by.taken[self] = None


class Bag(Generic[T]):
    """Entries that one newcomer after the other has to wait for.

    `gathered` are those that `join` already waits for; `fresh` came since.
    """

    __slots__ = ("fresh", "gathered", "join")

    def __init__(self) -> None:
        self.fresh: dict[Entry[T], None] = {}
        self.gathered: dict[Entry[T], None] = {}
        self.join: Place[T] | None = None

    def __bool__(self) -> bool:
        return bool(self.fresh or self.gathered)

    def discard(self, entry: Entry[T]) -> None:
        """Take an entry out, if it is in."""
        if self.fresh.pop(entry, entry) is entry:
            self.gathered.pop(entry, None)

    def entries(self) -> Iterator[Entry[T]]:
        """Give all entries."""
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


class Node(Generic[T]):
    """One resource of the trie."""

    __slots__ = ("below", "children", "parent", "part", "readers", "writers")

    def __init__(self, parent: "Node[T] | None", part: str) -> None:
        self.parent = parent
        self.part = part
        self.children: dict[str, Node[T]] = {}
        self.writers: dict[Entry[T], None] = {}
        # Bags are made when first needed: most nodes are leaves with one entry, and most others
        # are never read as a whole. From then on `below` is kept until the node is empty.
        self.readers: Bag[T] | None = None
        self.below: Bag[T] | None = None

    def all_entries(self) -> list[Entry[T]]:
        """Give the entries here and below."""
        found: list[Entry[T]] = []
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

    def tell_above(self, entry: Entry[T]) -> None:
        """Put an entry that writes at this node or below into the bags above it."""
        node = self.parent
        while node is not None:
            if node.below is not None:
                node.below.fresh[entry] = None
            node = node.parent

    def forget_below(self, entry: Entry[T]) -> None:
        """Take an entry of this node out of the bags above it."""
        node = self.parent
        while node is not None:
            if node.below is not None:
                node.below.discard(entry)
            node = node.parent

    def bag_of_writers_below(self) -> Bag[T]:
        """Gather what writes somewhere below, for the first who reads all of it."""
        bag: Bag[T] = Bag()
        stack = list(self.children.values())
        while stack:
            node = stack.pop()
            bag.fresh.update(node.writers)
            stack.extend(node.children.values())
        return bag
