"""How soon jobs begin, stop and die, and what they cost the host.

`python -m benchmarks jobs`, or with `--long` 200 runs of each instead of 20.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from agent.jobs.in_process import InProcessEngine
from agent.jobs.job import Job
from agent.jobs.jobs import Jobs
from agent.jobs.kinds import Kinds, kinds_of
from agent.jobs.sqlite_store import SqliteJobStore
from agent.jobs.sweeping import SweepTerms
from agent.jobs.watching import Watched
from agent.jobs.workers import is_gone, worker_name

RUNS = 200 if "--long" in sys.argv else 20
LAG_SECONDS = 5.0


@asynccontextmanager
async def host() -> AsyncIterator[Jobs]:
    """Have jobs run in processes of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        kinds = Kinds(kinds_of(["benchmarks.jobs_kinds"]))
        store = Watched(SqliteJobStore(Path(folder) / "jobs.sqlite"))
        engine = InProcessEngine(store, kinds, worker_name())
        jobs = Jobs(store, engine, kinds, SweepTerms(worker_name(), is_gone))
        await jobs.start()
        try:
            yield jobs
        finally:
            await jobs.close()


async def first_stage(jobs: Jobs, job: Job) -> str:
    """Wait for a job's first report."""
    async for event in jobs.follow(job.id):
        if event.name == "progress":
            return str(event.data["stage"])
    raise RuntimeError(f"it ended early: {await jobs.get(job.id)}")


def pids_left(pids: list[int]) -> list[int]:
    """Give those that still run."""
    left = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                left.append(pid)
        except psutil.Error:
            continue
    return left


async def cancel_to_dead(jobs: Jobs) -> float:
    """Cancel a job with children; wait until none of its processes is there."""
    job = await jobs.submit("tree")
    pids = json.loads(await first_stage(jobs, job))
    began = time.perf_counter()
    await jobs.cancel(job.id)
    while pids_left(pids):  # noqa: ASYNC110  (nobody tells of other processes' ends)
        await asyncio.sleep(0.001)
    took = time.perf_counter() - began
    await jobs.wait(job.id)
    return took


async def cancel_to_told(jobs: Jobs) -> float:
    """Cancel a job with children; wait until the store says that it has ended."""
    job = await jobs.submit("tree")
    await first_stage(jobs, job)
    began = time.perf_counter()
    await jobs.cancel(job.id)
    await jobs.wait(job.id)
    return time.perf_counter() - began


async def start_to_first_word(jobs: Jobs) -> float:
    """Submit a job; give when its function ran."""
    began = time.time()
    job = await jobs.wait((await jobs.submit("first word")).id)
    return float(job.result) - began


def late(kind: str, limit: float) -> Callable[[Jobs], Awaitable[float]]:
    """Measure how late a limit is, until the store says that the job has ended."""

    async def run(jobs: Jobs) -> float:
        job = await jobs.submit(kind)
        began = float(await first_stage(jobs, job))
        ended = (await jobs.wait(job.id)).ended
        assert ended is not None
        return ended - began - limit

    return run


async def lags(seconds: float) -> list[float]:
    """Sleep a millisecond again and again; give by how much each took longer."""
    found = []
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        await asyncio.sleep(0.001)
        found.append(time.perf_counter() - began - 0.001)
    return found


def show(name: str, seconds: list[float]) -> None:
    """Print the middle and the end of some figures."""
    ordered = sorted(seconds)
    middle, high = (
        ordered[len(ordered) // 2],
        ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
    )
    print(f"  {name:<42} p50 {1000 * middle:7.1f} ms   p99 {1000 * high:7.1f} ms")


async def measure() -> None:
    """Print all figures."""
    print(f"jobs in processes of this machine, {RUNS} runs each")
    async with host() as jobs:
        for name, run in (
            ("cancelled, until no process is left", cancel_to_dead),
            ("cancelled, until the store says so", cancel_to_told),
            ("submitted, until its function runs", start_to_first_word),
            ("late after a soft limit", late("soft", 0.5)),
            ("late after a hard limit", late("hard", 0.5)),
        ):
            show(name, [await run(jobs) for _ in range(RUNS)])
        show("lag of the loop, idle", await lags(LAG_SECONDS))
        heavy = [await jobs.submit("compute", LAG_SECONDS + 1) for _ in range(4)]
        for job in heavy:
            await first_stage(jobs, job)
        show("lag of the loop, 4 jobs compute and report", await lags(LAG_SECONDS))
        for job in heavy:
            await jobs.wait(job.id)


def main() -> None:
    """Run the benchmark."""
    asyncio.run(measure())


if __name__ == "__main__":
    main()
