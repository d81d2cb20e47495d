"""Time two things in turn in one process, so that a drift of the machine meets both."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import contextmanager


@contextmanager
def without_gc():
    """Keep the garbage collector out of the measurement."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def in_turn(runs: Sequence[Callable[[], Awaitable[float]]], rounds: int) -> list[list[float]]:
    """Run each in turn, so many rounds (and one to warm up); give the figures of each."""
    figures: list[list[float]] = [[] for _ in runs]

    async def play():
        for turn in range(rounds + 1):
            for number, run in enumerate(runs):
                with without_gc():
                    figure = await run()
                if turn:
                    figures[number].append(figure)

    asyncio.run(play())
    return figures


def medians(figures: Sequence[Sequence[float]]) -> list[float]:
    """Give the median of each."""
    return [statistics.median(each) for each in figures]


def ratio(some: Sequence[float], others: Sequence[float]) -> float:
    """Give the median of the ratios of each round."""
    return statistics.median(one / other for one, other in zip(some, others, strict=True))


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def __call__(self) -> float:
        """Give the seconds so far."""
        return time.perf_counter() - self._began


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that can be pasted into a document."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    print(f"\n{title}\n")
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print(f"| {' | '.join(cells)} |")
