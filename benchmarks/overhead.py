"""What a call costs beyond a bare task, with so many unrelated calls in flight.

A call writes a file of its own, seven parts deep, and waits for an event that comes once all are in
flight; the bare task is the same coroutine in `TaskGroup.create_task`.
"""

import asyncio
from functools import partial

from benchmarks.measure import Stopwatch, in_turn, medians, ratio, table
from scheduler import Access, Scheduler

SIZES = {10: 300, 200: 60, 1_000: 30, 10_000: 9}
"""Calls in flight: rounds."""


async def work(go: asyncio.Event) -> None:
    """Be in flight until told to end."""
    await go.wait()


async def bare(size: int) -> float:
    """Give the seconds per bare task."""
    go = asyncio.Event()
    watch = Stopwatch()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(size):
            tasks.create_task(work(go))
        await asyncio.sleep(0)
        go.set()
    return watch() / size


async def scheduled(size: int, sessions: int) -> float:
    """Give the seconds per scheduled call."""
    go = asyncio.Event()
    scheduler = Scheduler({"local_write": size})
    accesses = [
        Access(writes=frozenset({("file", "/", "home", "me", "project", "src", f"{number}.py")}))
        for number in range(size)
    ]
    owners = [f"session {number % sessions}" for number in range(size)]
    watch = Stopwatch()
    async with asyncio.TaskGroup() as tasks:
        for access, name in zip(accesses, owners, strict=True):
            scheduler.submit(tasks, lambda _: work(go), access, lane="local_write", owner=name)
        await asyncio.sleep(0)
        go.set()
    return watch() / size


def main() -> None:
    """Print the table."""
    rows = []
    for size, rounds in SIZES.items():
        figures = in_turn(
            [
                partial(bare, size),
                partial(scheduled, size, sessions=1),
                partial(scheduled, size, sessions=50),
            ],
            rounds,
        )
        task, one, many = medians(figures)
        rows.append(
            [
                f"{size:,}",
                f"{task * 1e6:.1f}",
                f"{one * 1e6:.1f}",
                f"{ratio(figures[1], figures[0]):.2f}",
                f"{many * 1e6:.1f}",
                f"{ratio(figures[2], figures[0]):.2f}",
            ]
        )
    head = ["in flight", "bare task us", "one session us", "times", "50 sessions us", "times"]
    table("Time per call beside unrelated calls (median of the rounds)", head, rows)
    first, last = float(rows[0][2]), float(rows[-1][2])
    print(f"\nOne session, a call at 10,000 in flight against one at 10: {last / first:.2f} times")
