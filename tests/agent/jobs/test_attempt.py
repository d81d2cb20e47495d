"""One attempt: what it writes to the store, whatever the store does meanwhile."""

import asyncio
import itertools
import os
import sys
import time
from pathlib import Path

import pytest

from agent.jobs import attempt_book, transitions
from agent.jobs.attempt import run_attempt
from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, Reason, State
from tests.agent.jobs.engine_contract import until as contract_until
from tests.agent.jobs.kinds_for_tests import all_kinds
from tests.agent.jobs.memory_store import MemoryStore

NUMBERS = itertools.count()
KINDS = all_kinds()
ROOT = Path(__file__).parents[3]


@pytest.fixture
def store():
    return MemoryStore()


async def stored(store: MemoryStore, kind: str, payload=None, **more) -> Job:
    terms = KINDS.get(kind).terms if kind != "unknown" else KINDS.get("echo").terms
    job = Job(f"job{next(NUMBERS)}", kind, payload, time.time(), terms, **more)
    return await store.add(transitions.created(job))


def attempt(store: MemoryStore, job: Job, **more):
    given = {"worker": "w", "options": {}, "grace": 1.0, **more}
    return run_attempt(job.id, store=store, kinds=KINDS, **given)


async def until(store: MemoryStore, job: Job, is_so) -> None:
    """Wait until a job has become something."""
    await contract_until(lambda: is_so(store._jobs[job.id]))


def is_ready(job: Job) -> bool:
    return job.stage == "ready"


async def names(store: MemoryStore, job: Job) -> list[str]:
    return [event.name for event in await store.events(job.id)]


async def test_an_attempt_gives_the_job_as_it_is_then(store):
    job = await stored(store, "echo light", 7)
    ended = await attempt(store, job)
    assert ended == await store.get(job.id)
    assert (ended.state, ended.result, ended.worker) == (State.SUCCESS, 7, "w")


async def test_nothing_is_begun_of_a_job_that_is_not_there(store):
    assert await attempt(store, Job("nobody", "echo", None, 0.0)) is None


async def test_nothing_is_begun_of_a_job_that_is_not_due(store):
    job = await stored(store, "echo", due=time.time() + 1000)
    assert await attempt(store, job) is None
    assert await names(store, job) == ["created"]


async def test_nothing_is_begun_of_a_job_that_has_ended(store):
    job = await stored(store, "echo light", 7)
    await attempt(store, job)
    assert await attempt(store, job) is None
    assert await names(store, job) == ["created", "started", "succeeded"]


async def test_a_kind_that_this_process_does_not_know_fails_the_job(store):
    job = await stored(store, "unknown")
    ended = await attempt(store, job)
    assert (ended.state, ended.reason) == (State.FAILURE, Reason.ERROR)
    assert "there is no kind of job 'unknown'" in ended.error


async def test_options_that_cannot_be_sent_fail_the_job_and_name_what(store):
    job = await stored(store, "echo")
    ended = await attempt(store, job, options={"callback": print})
    assert ended.reason is Reason.ERROR
    assert "a builtin_function_or_method cannot be sent to a job's process" in ended.error


@pytest.mark.parametrize("kind", ["wait", "wait light async", "wait light"])
async def test_an_attempt_that_is_cancelled_is_lost(store, tmp_path, kind):
    job = await stored(store, kind, str(tmp_path / "go"))
    running = asyncio.create_task(attempt(store, job))
    await until(store, job, is_ready)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    found = await store.get(job.id)
    assert (found.state, found.reason) == (State.FAILURE, Reason.LOST)


async def test_an_attempt_that_is_cancelled_waits_again_if_it_has_a_key(store, tmp_path):
    job = await stored(store, "wait", str(tmp_path / "go"), key="k")
    running = asyncio.create_task(attempt(store, job))
    await until(store, job, is_ready)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    found = await store.get(job.id)
    assert (found.state, found.losses) == (State.PENDING, 1)


@pytest.mark.parametrize("poll", [0.05, None])
async def test_a_cancellation_that_only_the_store_knows_is_noticed(store, tmp_path, poll):
    job = await stored(store, "wait", str(tmp_path / "go"))
    running = asyncio.create_task(attempt(store, job, poll=poll))
    await until(store, job, is_ready)
    await store.change(job.id, lambda each: transitions.ask_cancel(each, 0.0))
    async with asyncio.timeout(30):
        ended = await running
    assert (ended.state, ended.reason) == (State.FAILURE, Reason.CANCELLED)


async def test_a_job_that_was_taken_away_is_ended_and_left_as_it_is(store, tmp_path):
    job = await stored(store, "wait", str(tmp_path / "go"), key="k")
    running = asyncio.create_task(attempt(store, job, poll=0.05))
    await until(store, job, is_ready)
    await store.change(job.id, lambda each: transitions.lose(each, 1, time.time()))
    second = await store.change(job.id, lambda each: transitions.begin(each, "x", time.time()))
    async with asyncio.timeout(30):
        await running
    assert await store.get(job.id) == second[0]


@pytest.mark.parametrize("outage", ["before", "after"])
async def test_a_job_goes_on_while_its_store_is_away_and_loses_no_stage(store, tmp_path, outage):
    job = await stored(store, "stages at a signal", str(tmp_path))
    running = asyncio.create_task(attempt(store, job, poll=0.05))
    await until(store, job, is_ready)
    store.outage = outage
    await asyncio.to_thread((tmp_path / "report").touch)
    await contract_until(lambda: store.failures >= 3)
    store.outage = ""
    await until(store, job, lambda each: each.stage == "third")
    await asyncio.to_thread((tmp_path / "end").touch)
    ended = await running
    assert (ended.state, ended.result) == (State.SUCCESS, "ended")
    events = [each.data["stage"] for each in await store.events(job.id) if each.name == "progress"]
    assert events == ["ready", "first", "second", "third"]


@pytest.mark.parametrize("outage", ["before", "after"])
async def test_a_result_gets_in_when_the_store_is_back(store, tmp_path, outage):
    job = await stored(store, "wait", str(tmp_path / "go"))
    running = asyncio.create_task(attempt(store, job, poll=None))
    await until(store, job, is_ready)
    store.outage = outage
    await asyncio.to_thread((tmp_path / "go").touch)
    await contract_until(lambda: store.failures >= 3)
    store.outage = ""
    ended = await running
    assert (ended.state, ended.result) == (State.SUCCESS, "went on")
    assert (await names(store, job)).count("succeeded") == 1


async def test_a_result_that_never_gets_in_is_told(store, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(attempt_book, "FINISH_SECONDS", 0.0)
    job = await stored(store, "wait light", str(tmp_path / "go"))
    running = asyncio.create_task(attempt(store, job))
    await until(store, job, is_ready)
    store.outage = "before"
    await asyncio.to_thread((tmp_path / "go").touch)
    with pytest.raises(JobStoreError):
        await running
    assert f"what came of job {job.id} is lost: the store cannot be reached" in caplog.text


async def test_a_beginning_that_came_through_although_it_failed_is_ours(store):
    job = await stored(store, "echo light", 1)
    store.outage = "after"
    running = asyncio.create_task(attempt(store, job))
    await contract_until(lambda: store.failures)
    store.outage = ""
    assert (await running).result == 1
    assert await names(store, job) == ["created", "started", "succeeded"]


async def test_what_a_job_prints_is_in_the_log(store, caplog):
    caplog.set_level("INFO")
    job = await stored(store, "print", 100)
    await attempt(store, job)
    [line] = [each for each in caplog.messages if " printed:" in each]
    assert "x" * 1000 in line
    assert "bytes left out: output limit 64,000 bytes" in line


async def test_the_traceback_of_a_job_is_in_the_log_and_no_secret_in_its_error(
    store, caplog, monkeypatch
):
    caplog.set_level("INFO")
    monkeypatch.setenv("SOME_API_KEY", "correct-horse-battery")
    job = await stored(store, "fail", "neither correct-horse-battery nor abc fits")
    ended = await attempt(store, job, options={"api_key": "abc"})
    assert ended.error.startswith("ValueError: neither [SOME_API_KEY] nor [api_key] fits (in ")
    assert "Traceback (most recent call last)" in caplog.text


async def test_a_fault_in_the_store_does_not_stop_the_signs_of_life(
    store, tmp_path, monkeypatch, caplog
):
    change, faults = store.change, [ValueError("a fault")]

    async def faulty(name, decide):
        if is_ready(store._jobs[name]) and faults:
            raise faults.pop()
        return await change(name, decide)

    monkeypatch.setattr(store, "change", faulty)
    job = await stored(store, "wait light", str(tmp_path / "go"))
    running = asyncio.create_task(attempt(store, job, poll=None))
    await until(store, job, is_ready)
    beat = store._jobs[job.id].heartbeat
    await until(store, job, lambda each: each.heartbeat > beat)
    assert "a fault" in caplog.text
    await asyncio.to_thread((tmp_path / "go").touch)
    assert (await running).state is State.SUCCESS


async def test_a_slow_store_is_not_asked_all_the_time(store, tmp_path, monkeypatch):
    looks = []

    async def slow(name):
        looks.append(name)
        await asyncio.sleep(0.2)
        return store._jobs[name]

    monkeypatch.setattr(store, "get", slow)
    job = await stored(store, "wait light", str(tmp_path / "go"))
    running = asyncio.create_task(attempt(store, job, poll=0.01))
    await until(store, job, is_ready)
    await until(store, job, lambda each: each.heartbeat > each.started + 1.9)
    await asyncio.to_thread((tmp_path / "go").touch)
    await running
    assert len(looks) <= 4


async def test_a_function_of_the_hosts_own_script_runs_in_a_process_too(tmp_path):
    script = tmp_path / "script.py"
    await asyncio.to_thread(script.write_text, SCRIPT)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    written, _ = await process.communicate()
    text = written.decode().strip()
    assert text == "SUCCESS {'hello': 'there'}"


SCRIPT = """
import asyncio, time
from agent.jobs import transitions
from agent.jobs.attempt import run_attempt
from agent.jobs.job import Job
from agent.jobs.kinds import Kinds, job_kind
from tests.agent.jobs.memory_store import MemoryStore

GREETING = "hello"

@job_kind("greet")
def greet(job):
    return {GREETING: job.payload}

async def main():
    store = MemoryStore()
    await store.add(transitions.created(Job("j", "greet", "there", time.time())))
    job = await run_attempt(
        "j", store=store, kinds=Kinds([greet]), worker="w", options={}
    )
    print(job.state, job.error or job.result)

if __name__ == "__main__":
    asyncio.run(main())
"""
