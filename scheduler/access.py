"""What a call touches, and when two calls conflict.

A resource is a path from the general to the specific, and a prefix covers everything below it:
`("file", "/", "home", "me", "a.py")` lies below `("file", "/", "home")`, and `()` is the world.

The rules that this file keeps:
- two resources overlap when one is a prefix of the other (or they are equal);
- two accesses conflict when one writes what the other reads or writes; reads never conflict;
- conflict is symmetric, and nothing conflicts with `Access()`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Resource: TypeAlias = tuple[str, ...]

WORLD: Resource = ()
"""The resource that covers every other."""


def overlap(one: Resource, other: Resource) -> bool:
    """Say whether one of two resources is a prefix of the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _any_overlap(some: frozenset[Resource], others: frozenset[Resource]) -> bool:
    return any(overlap(one, other) for one in some for other in others)


def _resources(field: str, given: object) -> frozenset[Resource]:
    """Freeze a field of resources; a string is refused, since it would be read letter by letter."""
    if isinstance(given, str | tuple) or not isinstance(given, Iterable):
        raise TypeError(
            f"Access.{field} is a set of resources, each a tuple of strings; got {given!r}. "
            f"Write {field}={{{('file', '...')!r}}}."
        )
    frozen = frozenset(given)
    for resource in frozen:
        if not isinstance(resource, tuple) or not all(isinstance(part, str) for part in resource):
            raise TypeError(
                f"a resource is a tuple of strings, from the general to the specific; "
                f"Access.{field} holds {resource!r}"
            )
    return frozen


@dataclass(frozen=True, slots=True)
class Access:
    """The resources that a call reads and those that it writes.

    A write covers the reading of the same resource. `Access()` conflicts with nothing.

    Raises:
        TypeError: a resource is not a tuple of strings.
    """

    reads: frozenset[Resource] = frozenset()
    writes: frozenset[Resource] = frozenset()

    def __post_init__(self) -> None:
        """Freeze what was given as another kind of set."""
        object.__setattr__(self, "reads", _resources("reads", self.reads))
        object.__setattr__(self, "writes", _resources("writes", self.writes))

    def conflicts_with(self, other: "Access") -> bool:
        """Say whether the two must not run at the same time."""
        return (
            _any_overlap(self.writes, other.writes)
            or _any_overlap(self.writes, other.reads)
            or _any_overlap(self.reads, other.writes)
        )

    def covers(self, other: "Access") -> bool:
        """Say whether whoever holds this access may do what `other` does.

        A read is covered by a read or a write of it or of something above it, a write by a write.
        """
        readable = self.reads | self.writes
        return all(_covered(resource, self.writes) for resource in other.writes) and all(
            _covered(resource, readable) for resource in other.reads
        )


def _covered(resource: Resource, by: frozenset[Resource]) -> bool:
    return any(resource[: len(general)] == general for general in by)


EVERYTHING = Access(writes=frozenset({WORLD}))
"""The access of a call that declares nothing: it runs alone."""
