"""The founding example for real: six tasks of 250 ms, one after the other and in parallel."""

import asyncio

from benchmarks.measure import Stopwatch, in_turn, medians, ratio, table
from scheduler import ParallelExecutor, ToolTask

TASKS = 6
SECONDS = 0.25


async def one_by_one() -> float:
    """Give the seconds that the bare coroutines take in turn."""
    watch = Stopwatch()
    for _ in range(TASKS):
        await asyncio.sleep(SECONDS)
    return watch()


async def in_parallel() -> float:
    """Give the seconds that the executor takes."""
    executor = ParallelExecutor(max_concurrency=TASKS)
    tasks = [ToolTask(f"t{n}", asyncio.sleep, {"delay": SECONDS}) for n in range(TASKS)]
    watch = Stopwatch()
    await executor.execute_parallel(tasks)
    return watch()


def main() -> None:
    """Print the table."""
    figures = in_turn([one_by_one, in_parallel], 5)
    serial, parallel = medians(figures)
    table(
        f"{TASKS} tasks of {SECONDS * 1e3:.0f} ms",
        ["one by one ms", "in parallel ms", "times faster"],
        [[f"{serial * 1e3:.1f}", f"{parallel * 1e3:.1f}", f"{ratio(figures[0], figures[1]):.2f}"]],
    )
