"""What only the engine in this process has: order, leases, its end, and the end of its host."""

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from agent.jobs import light_run, transitions
from agent.jobs.errors import JobInputError
from agent.jobs.in_process import InProcessEngine
from agent.jobs.in_process_queue import JobQueue
from agent.jobs.job import Job, Reason, State
from agent.jobs.kinds import JobKind, Kinds
from agent.jobs.sqlite_store import SqliteJobStore
from agent.jobs.workers import is_gone, worker_name
from tests.agent.jobs.engine_contract import survivors, until
from tests.agent.jobs.kinds_for_tests import all_kinds
from tests.agent.jobs.memory_store import MemoryStore
from tools.guard import GUARD

ROOT = Path(__file__).parents[3]


class Gate:
    """Kinds whose jobs say that they run, and end when they are told."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.news = asyncio.Event()
        plain = JobKind("gated", self.function, is_heavy=False)
        self.kinds = Kinds([*all_kinds(), plain, JobKind("leased", self.function, False, True)])

    async def function(self, job):
        self.began.append(job.payload)
        self.ends[job.payload] = asyncio.Event()
        self.news.set()
        await self.ends[job.payload].wait()

    async def has(self, *names: str) -> None:
        """Wait until jobs have begun, in this order."""
        async with asyncio.timeout(30):
            while len(self.began) < len(names):
                self.news.clear()
                await self.news.wait()
        assert self.began == list(names)


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def store():
    return MemoryStore()


@asynccontextmanager
async def engine_of(store, kinds, **more):
    engine = InProcessEngine(store, kinds, "me", **more)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def carried(engine, store, name, kind="gated", **more) -> Job:
    job = Job(name, kind, name, time.time(), **more)
    await store.add(transitions.created(job))
    await engine.carry(job)
    return job


async def ended(store, name) -> Job:
    await until(lambda: store._jobs[name].is_ended)
    found: Job = await store.get(name)
    return found


async def test_the_higher_priority_goes_first_and_then_the_older(gate, store):
    async with engine_of(store, gate.kinds, most=1) as engine:
        await carried(engine, store, "running")
        await gate.has("running")
        for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", -1)):
            await carried(engine, store, name, priority=priority)
        order = ["running", "b", "d", "a", "c", "e"]
        for n, name in enumerate(order, 1):
            await gate.has(*order[:n])
            gate.ends[name].set()


async def test_no_more_than_most_run_at_once(gate, store):
    async with engine_of(store, gate.kinds, most=3) as engine:
        for n in range(5):
            await carried(engine, store, f"j{n}")
        await gate.has("j0", "j1", "j2")
        assert repr(engine) == "<InProcessEngine open, 3 of 3 run, 2 wait>"
        gate.ends["j1"].set()
        await gate.has("j0", "j1", "j2", "j3")


async def test_there_is_a_place_at_least(store, gate):
    with pytest.raises(JobInputError, match="most=0"):
        InProcessEngine(store, gate.kinds, "me", most=0)


async def test_a_job_that_is_due_later_lets_others_go_first(gate, store):
    async with engine_of(store, gate.kinds, most=1) as engine:
        await carried(engine, store, "later", due=time.time() + 0.2)
        await carried(engine, store, "now")
        await gate.has("now")
        gate.ends["now"].set()
        await gate.has("now", "later")


class Lease:
    """A lease that is given when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.held: list[str] = []
        self.given = asyncio.Event()
        self.news = asyncio.Event()

    @asynccontextmanager
    async def __call__(self, job):
        self.asked.append(job.id)
        self.news.set()
        await self.given.wait()
        self.held.append(job.id)
        try:
            yield
        finally:
            self.held.remove(job.id)

    async def is_asked(self, *names: str) -> None:
        async with asyncio.timeout(30):
            while len(self.asked) < len(names):
                self.news.clear()
                await self.news.wait()
        assert self.asked == list(names)


async def test_a_job_that_waits_for_its_lease_takes_no_place(gate, store):
    lease = Lease()
    async with engine_of(store, gate.kinds, most=1, lease=lease) as engine:
        await carried(engine, store, "leased", "leased")
        await lease.is_asked("leased")
        await carried(engine, store, "other")
        await gate.has("other")
        assert (await store.get("leased")).state is State.PENDING
        lease.given.set()
        gate.ends["other"].set()
        await gate.has("other", "leased")
        assert lease.held == ["leased"]
        gate.ends["leased"].set()
        await ended(store, "leased")
        await carried(engine, store, "last")
        await gate.has("other", "leased", "last")
        assert lease.held == []


async def test_a_job_with_its_lease_takes_the_next_place_before_all_others(gate, store):
    lease = Lease()
    async with engine_of(store, gate.kinds, most=1, lease=lease) as engine:
        await carried(engine, store, "leased", "leased")
        await lease.is_asked("leased")
        await carried(engine, store, "running")
        await gate.has("running")
        await carried(engine, store, "urgent", priority=100)
        lease.given.set()
        await asyncio.sleep(0)
        gate.ends["running"].set()
        await gate.has("running", "leased")
        gate.ends["leased"].set()
        await gate.has("running", "leased", "urgent")


async def test_one_job_at_a_time_waits_for_a_lease(gate, store):
    lease = Lease()
    async with engine_of(store, gate.kinds, most=3, lease=lease) as engine:
        await carried(engine, store, "first", "leased")
        await carried(engine, store, "second", "leased")
        await carried(engine, store, "other")
        await gate.has("other")
        assert lease.asked == ["first"]
        lease.given.set()
        await gate.has("other", "first", "second")


async def test_a_job_that_waits_for_its_lease_is_cancelled(gate, store):
    lease = Lease()
    async with engine_of(store, gate.kinds, lease=lease) as engine:
        await carried(engine, store, "first", "leased")
        await lease.is_asked("first")
        job, _ = await store.change("first", lambda each: transitions.ask_cancel(each, 0.0))
        await engine.stop(job)
        await carried(engine, store, "second", "leased")
        await lease.is_asked("first", "second")
        lease.given.set()
        await gate.has("second")
        assert lease.held == ["second"]


async def test_a_lease_is_given_back_only_when_all_of_the_job_has_ended(store):
    living = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def lease(job):
        yield
        events = await store.events(job.id)
        [pids] = [json.loads(each.data["stage"]) for each in events if each.name == "progress"]
        living.set_result(await survivors(pids))

    async with engine_of(store, all_kinds(), lease=lease) as engine:
        job = await carried(engine, store, "leave", "family")
        async with asyncio.timeout(30):
            assert await living == []
    assert (await store.get(job.id)).result == "left them"


async def test_a_lease_that_cannot_be_had_is_asked_for_again(gate, store, caplog):
    tries = []

    @asynccontextmanager
    async def lease(job):
        tries.append(job.id)
        if len(tries) == 1:
            raise RuntimeError("no")
        yield

    async with engine_of(store, gate.kinds, lease=lease) as engine:
        await carried(engine, store, "leased", "leased")
        await gate.has("leased")
    assert tries == ["leased", "leased"]
    assert "job leased (leased) could not be run" in caplog.text


async def test_functions_that_are_left_alone_take_up_places_only_beyond_a_bound(
    gate, store, monkeypatch
):
    alone = {"number": 2}
    monkeypatch.setattr("agent.jobs.in_process.left_alone", lambda: alone["number"])
    monkeypatch.setattr("agent.jobs.in_process.AGAIN_SECONDS", 0.01)
    async with engine_of(store, gate.kinds, most=2) as engine:
        await carried(engine, store, "a")
        await carried(engine, store, "b")
        await gate.has("a", "b")
        alone["number"] = 3
        await carried(engine, store, "c")
        gate.ends["a"].set()
        await ended(store, "a")
        assert gate.began == ["a", "b"]
        alone["number"] = 2
        await gate.has("a", "b", "c")


async def test_a_light_function_that_does_not_stop_is_counted_until_it_ends(store, tmp_path):
    async with engine_of(store, all_kinds()) as engine:
        go = tmp_path / "go"
        kind = all_kinds().get("overrun light")
        job = Job("j", "overrun light", str(go), time.time(), kind.terms)
        await store.add(transitions.created(job))
        await engine.carry(job)
        assert (await ended(store, "j")).reason is Reason.HARD_LIMIT
        assert light_run.left_alone() == 1
        await asyncio.to_thread(go.touch)
        await until(lambda: not light_run.left_alone())


async def test_closing_ends_what_runs_and_leaves_what_waits(store):
    async with engine_of(store, all_kinds(), most=1) as engine:
        job = Job("family", "family", None, time.time())
        await store.add(transitions.created(job))
        await engine.carry(job)
        await until(lambda: store._jobs["family"].stage)
        await carried(engine, store, "waiting", "wait")
    found = await store.get("family")
    assert (found.state, found.reason) == (State.FAILURE, Reason.LOST)
    assert await survivors(json.loads(found.stage)) == []
    assert (await store.get("waiting")).state is State.PENDING
    assert repr(engine) == "<InProcessEngine closed, 0 of 1 run, 1 wait>"
    assert GUARD.pid is None


async def test_what_is_carried_after_the_close_is_left_in_the_store(gate, store):
    async with engine_of(store, gate.kinds) as engine:
        pass
    await carried(engine, store, "late")
    assert (await store.get("late")).state is State.PENDING


async def test_a_job_whose_store_was_away_at_its_beginning_runs_later(gate, store, monkeypatch):
    monkeypatch.setattr("agent.jobs.attempt.BEGIN_SECONDS", 0.0)
    monkeypatch.setattr("agent.jobs.in_process.AGAIN_SECONDS", 0.01)
    async with engine_of(store, gate.kinds) as engine:
        store.outage = "before"
        await carried(engine, store, "j")
        await until(lambda: store.failures >= 3)
        store.outage = ""
        await gate.has("j")
        gate.ends["j"].set()
        assert (await ended(store, "j")).state is State.SUCCESS


HOST = """
import asyncio, sys, time
from pathlib import Path
from agent.jobs import transitions
from agent.jobs.in_process import InProcessEngine
from agent.jobs.job import Job
from agent.jobs.sqlite_store import SqliteJobStore
from agent.jobs.workers import worker_name
from tests.agent.jobs.kinds_for_tests import all_kinds

async def main():
    store = SqliteJobStore(Path(sys.argv[1]))
    engine = InProcessEngine(store, all_kinds(), worker_name())
    await engine.start()
    for name in ("family", "hog"):
        job = Job(name, name, sys.argv[2], time.time())
        await store.add(transitions.created(job))
        await engine.carry(job)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_nothing_survives_a_host_that_is_killed_and_the_store_knows_what_it_ran(tmp_path):
    path, go = tmp_path / "jobs.sqlite", tmp_path / "refuse"
    host = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOST, str(path), str(go)),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    store = SqliteJobStore(path)
    names = ("family", "hog")
    stages: list[str] = []
    async with asyncio.timeout(60):
        while not all(stages) or len(stages) < 2:
            found = [await store.get(name) for name in names]
            stages = [job.stage for job in found if job is not None]
    await until(go.exists)
    members = [*json.loads(stages[0]), *await children_of(host.pid)]
    host.send_signal(signal.SIGKILL)
    await host.wait()
    async with asyncio.timeout(30):
        while await survivors(members):  # noqa: ASYNC110  (nobody is left to tell)
            await asyncio.sleep(0.01)
    jobs = {name: await store.get(name) for name in names}
    assert [job.state for job in jobs.values()] == [State.PROGRESS] * 2
    assert await asyncio.to_thread(is_gone, jobs["hog"].worker)
    await store.close()


async def children_of(pid: int) -> list[int]:
    def look() -> list[int]:
        return [each.pid for each in psutil.Process(pid).children(recursive=True)]

    found = await asyncio.to_thread(look)
    assert len(found) >= 3  # two jobs and the guard
    return found


# -- who runs jobs ---------------------------------------------------------------------------------


def test_this_process_is_not_gone():
    assert not is_gone(worker_name())


def test_a_process_that_has_ended_is_gone_and_so_is_one_whose_id_another_has_now():
    host, pid, start = worker_name().rsplit(":", 2)
    read, write = os.pipe()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", "import os; os.read(0, 1)"],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, read, 0)],
    )
    os.close(read)
    assert is_gone(f"{host}:{child}:{float(start) - 3600:.2f}")
    os.close(write)
    os.waitpid(child, 0)
    assert is_gone(f"{host}:{child}:{start}")
    assert is_gone(f"{host}:{pid}:{float(start) - 3600:.2f}")


@pytest.mark.parametrize("name", ["", "elsewhere:1:0.00", "a:b:c", "a", ":::", "x:-1:0"])
def test_nothing_is_said_of_who_is_not_known(name):
    assert not is_gone(name)


# -- the queue -------------------------------------------------------------------------------------


def queued(*jobs: Job) -> JobQueue:
    queue = JobQueue()
    for job in jobs:
        queue.put(job, needs_lease=job.kind == "leased")
    return queue


def taken(queue: JobQueue, now: float, *, with_lease: bool = True) -> list[str]:
    found = []
    while (job := queue.take(now, with_lease=with_lease)) is not None:
        found.append(job.id)
    return found


def test_a_queue_gives_what_is_due_by_priority_and_age():
    jobs = [
        Job("new", "k", None, 3.0),
        Job("old", "k", None, 1.0),
        Job("high", "k", None, 9.0, priority=1),
        Job("later", "k", None, 0.0, priority=9, due=10.0),
    ]
    queue = queued(*jobs)
    assert taken(queue, 5.0) == ["high", "old", "new"]
    assert queue.next_due() == 10.0
    assert taken(queue, 10.0) == ["later"]
    assert queue.next_due() is None


def test_a_queue_leaves_out_those_that_need_a_lease_when_it_is_told():
    queue = queued(Job("a", "leased", None, 1.0), Job("b", "k", None, 2.0))
    assert taken(queue, 5.0, with_lease=False) == ["b"]
    assert taken(queue, 5.0) == ["a"]


def test_a_job_that_is_dropped_or_put_twice_comes_once_or_never():
    job = Job("a", "k", None, 1.0)
    queue = queued(job, job, Job("b", "k", None, 2.0))
    queue.drop("b")
    queue.drop("nobody")
    assert (len(queue), "a" in queue, "b" in queue) == (1, True, False)
    assert taken(queue, 5.0) == ["a"]
