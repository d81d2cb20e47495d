"""Workers of Celery for tests, supervised as `toolloop worker` does it, and kinds for them to run.

Run as a module it is such a supervisor, with times that are short enough to be waited for.
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest
import redis

from agent.jobs.celery_app import CelerySettings, make_app
from agent.jobs.celery_engine import CeleryEngine
from agent.jobs.context import JobContext
from agent.jobs.job import Job, JobEvent
from agent.jobs.jobs import Jobs
from agent.jobs.kinds import Kinds, job_kind, kinds_of
from agent.jobs.redis_store import RedisJobStore
from agent.jobs.sweeping import SweepTerms
from agent.jobs.watching import Watched
from tests.agent.jobs.engine_contract import Bench
from tests.agent.jobs.redis_server import IS_SKIPPED, MISSING, RedisServer

MODULE = "tests.agent.jobs.celery_bench"
CONTRACT = "tests.agent.jobs.kinds_for_tests"
"""The module of the kinds that the engines' contract runs."""

MOST = 2
"""Jobs at a time."""

ROOT = Path(__file__).parents[3]
NEVER = 1_000.0
"""Seconds; nobody is taken for lost because of its silence."""


@job_kind("gated")
def gated(job: JobContext):
    """Tell which process it started, and wait for a file."""
    escaped = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    job.progress(10, f"{escaped.pid}")
    while not Path(job.payload).exists():
        job.check()
        time.sleep(0.02)
    escaped.kill()
    escaped.wait()
    return {"attempt": job.attempt}


@job_kind("quick")
def quick(job: JobContext):
    return {"attempt": job.attempt}


@job_kind("second try", attempts=2, backoff=0.1)
def second_try(job: JobContext):
    if job.attempt == 1:
        raise RuntimeError("not yet")
    return {"attempt": job.attempt}


def settings_of(url: str, **changed) -> CelerySettings:
    """Give settings with a queue that nobody else has."""
    return replace(
        CelerySettings(url, url, f"q{uuid.uuid4().hex[:12]}", 2.0, NEVER, again=1.0), **changed
    )


class Supervised:
    """A supervisor in a process of its own, with a worker; started when this is made."""

    def __init__(self, settings: CelerySettings, module: str = MODULE, **terms) -> None:
        given = {"celery": asdict(settings), "modules": [module], **terms}
        self.process = subprocess.Popen(
            [sys.executable, "-m", MODULE, json.dumps(given)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def end(self) -> None:
        """End it at once, in good order; harmless twice."""
        # Again and again: two signals that come together may be one.
        while self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)
        self._reader.join()
        sys.stderr.writelines(self.said)  # Shown where a test failed.

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            self.said += lines


@asynccontextmanager
async def host_of(settings: CelerySettings, module: str = MODULE) -> AsyncIterator[Jobs]:
    """Give a host that has its jobs run by workers."""
    store = Watched(RedisJobStore(settings.backend, settings.prefix))
    sweeping = SweepTerms("host", lambda _: False, silence=settings.silence, stale=5.0)
    jobs = Jobs(store, CeleryEngine(settings), Kinds(kinds_of([module])), sweeping)
    try:
        yield jobs
    finally:
        await jobs.close()


_SHARED: dict[pytest.Module, CelerySettings] = {}
"""Of the worker that the tests of a module share."""


@asynccontextmanager
async def on_celery(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Bench]:
    """A bench of the engines' contract: a real Redis, and a real worker elsewhere."""
    module = request.node.getparent(pytest.Module)
    if module not in _SHARED:
        _SHARED[module] = await _worker_of(module, request)
    async with host_of(_SHARED[module], CONTRACT) as jobs:
        await jobs.start()
        try:
            yield Bench(jobs, folder, MOST)
        finally:
            await _leave_nothing(_SHARED[module])


async def _worker_of(module: pytest.Module, request: pytest.FixtureRequest) -> CelerySettings:
    if IS_SKIPPED:
        pytest.skip(MISSING)
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    server = RedisServer(await asyncio.to_thread(factory.mktemp, "redis"))
    await server.start()
    module.addfinalizer(lambda: asyncio.run(server.stop()))
    settings = settings_of(server.url, visibility_timeout=10.0)
    module.addfinalizer(Supervised(settings, CONTRACT, concurrency=MOST).end)
    module.addfinalizer(lambda: _SHARED.pop(module))
    return settings


async def _leave_nothing(settings: CelerySettings) -> None:
    """Have the next test find a store without jobs, and a worker with nothing to do."""
    async with host_of(settings, CONTRACT) as jobs:
        for job in await jobs.all():
            await jobs.cancel(job.id)
            await jobs.wait(job.id)

    def remove() -> None:
        client = redis.Redis.from_url(settings.backend)
        with client:
            for key in client.scan_iter(f"{settings.prefix}*"):
                client.delete(key)

    await asyncio.to_thread(remove)


async def event(jobs: Jobs, job: Job, name: str, after: int = 0) -> JobEvent:
    """Wait for something to become of a job."""
    async for each in jobs.follow(job.id, after):
        if each.name == name:
            return each
    raise AssertionError(f"{await jobs.get(job.id)}: no {name}")


async def until(check: Callable[[], object]) -> None:
    """Wait for something that only a look can tell."""
    while not await asyncio.to_thread(check):  # noqa: ASYNC110  (other processes set no event)
        await asyncio.sleep(0.05)


def pool_process(job: Job) -> psutil.Process:
    """Give the process of the pool that runs an attempt."""
    return psutil.Process(int(job.worker.rpartition("/")[2]))


def shown(settings: CelerySettings, task: str) -> tuple[str, object]:
    """Give what Celery's own result backend says of a task."""
    app = make_app(settings)
    try:
        result = app.AsyncResult(task)
        return result.state, result.result
    finally:
        app.close()


async def main(given: str) -> None:
    """Supervise a worker until a signal ends it."""
    # It imports what only the supervisor needs.
    from agent.jobs.worker import Supervisor, SupervisorTerms  # noqa: PLC0415  (see above)

    members = json.loads(given)
    short = {"pause": 0.1, "sweep_seconds": 0.5, "stale": 3.0}
    terms = SupervisorTerms(
        **(short | members | {"celery": CelerySettings(**members["celery"])}),
    )
    await Supervisor(terms, lambda text: print(text, file=sys.stderr, flush=True)).run()  # noqa: T201  (what people are told)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
