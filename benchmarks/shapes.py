"""Shapes of conflicts that could cost the square of their size: they cost a constant per call."""

import asyncio
from functools import partial

from benchmarks.measure import Stopwatch, in_turn, medians, ratio, table
from scheduler import Access, Scheduler

SIZE = 10_000


def reads(*resource: str) -> Access:
    """Give an access that reads one resource."""
    return Access(reads=frozenset({resource}))


def writes(*resource: str) -> Access:
    """Give an access that writes one resource."""
    return Access(writes=frozenset({resource}))


def chain(size: int) -> list[Access]:
    """Give writes of one path."""
    return [writes("file", "/", "a.py")] * size


def root_last(size: int) -> list[Access]:
    """Give reads of many files, then one write of the root."""
    return [*(reads("file", "/", f"{n}.py") for n in range(size - 1)), writes("file", "/")]


def listings_last(size: int) -> list[Access]:
    """Give writes of files, then as many reads of their directory."""
    half = size // 2
    return [*(writes("file", "/", f"{n}.py") for n in range(half)), *[reads("file", "/")] * half]


def listings_first(size: int) -> list[Access]:
    """Give reads of a directory, then as many writes of files in it."""
    return list(reversed(listings_last(size)))


def alternating(size: int) -> list[Access]:
    """Give a write of a file and a read of its directory, in turn."""
    each = zip(listings_last(size)[: size // 2], [reads("file", "/")] * size, strict=False)
    return [access for pair in each for access in pair]


def unrelated(size: int) -> list[Access]:
    """Give writes of as many files, the yardstick."""
    return [writes("file", "/", f"{n}.py") for n in range(size)]


SHAPES = {
    "writes of one path": chain,
    "reads, then one write of the root": root_last,
    "writes of files, then listings": listings_last,
    "listings, then writes of files": listings_first,
    "write, listing, write, listing": alternating,
}


async def play(accesses: list[Access]) -> float:
    """Give the seconds per call."""
    scheduler = Scheduler()
    watch = Stopwatch()
    async with asyncio.TaskGroup() as tasks:
        for access in accesses:
            scheduler.submit(tasks, lambda _: asyncio.sleep(0), access, lane="any")
    return watch() / len(accesses)


def main() -> None:
    """Print the table."""
    rows = []
    for name, shape in SHAPES.items():
        figures = in_turn(
            [
                partial(play, unrelated(SIZE)),
                partial(play, shape(SIZE // 10)),
                partial(play, shape(SIZE)),
            ],
            5,
        )
        yardstick, small, large = medians(figures)
        rows.append(
            [
                name,
                f"{yardstick * 1e6:.1f}",
                f"{small * 1e6:.1f}",
                f"{large * 1e6:.1f}",
                f"{ratio(figures[2], figures[1]):.2f}",
            ]
        )
    head = ["shape", "unrelated us", f"{SIZE // 10:,} calls us", f"{SIZE:,} calls us", "times"]
    table("Time per call of conflicting shapes: ten times as many calls", head, rows)
