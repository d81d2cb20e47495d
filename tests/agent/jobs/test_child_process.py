"""A job's own process, as the host has it."""

import asyncio
import os
import sys
import threading

import psutil
import pytest

from agent.jobs.attempt_outcomes import Raised, Returned, Stop
from agent.jobs.child_process import ChildProcess
from agent.jobs.job import Job
from agent.jobs.kinds import JobKind
from tests.agent.jobs.engine_contract import survivors, until
from tests.agent.jobs.kinds_for_tests import all_kinds
from tools.guard import GUARD

KINDS = all_kinds()


def child_of(kind: str, payload=None) -> ChildProcess:
    return ChildProcess(Job("j", kind, payload, 0.0, attempt=1), KINDS.get(kind), {})


async def outcome_of(kind: str, payload=None):
    child = child_of(kind, payload)
    await child.start()
    try:
        async with asyncio.timeout(30):
            return await child.outcome()
    finally:
        await child.end()
        assert child.pid is not None
        assert await survivors([child.pid]) == []


async def test_a_function_gives_its_result():
    assert await outcome_of("echo", {"a": 1}) == Returned({"a": 1})


async def test_a_process_that_ends_without_a_word_is_noticed_although_its_child_holds_the_line():
    expected = Raised("its process ended (exit code 5) without a result")
    assert await outcome_of("fork and exit") == expected


async def test_a_fork_that_comes_back_says_nothing():
    assert await outcome_of("fork and return") == Returned("parent")


async def test_a_process_that_closes_its_line_is_waited_for(tmp_path):
    go = tmp_path / "go"
    child = child_of("close all", str(go))
    await child.start()
    waiting = asyncio.create_task(child.outcome())
    await child.begun.wait()
    await asyncio.to_thread(go.touch)
    async with asyncio.timeout(30):
        found = await waiting
    await child.end()
    assert isinstance(found, Raised)
    assert found.error.startswith("its process ended (")


@pytest.mark.parametrize(
    "line", ["{nonsense\n", "1\n", "null\n", '{"reports":1}\n', '{"reports":[["x","y"]]}\n']
)
async def test_nonsense_on_the_line_is_no_outcome_and_the_process_can_still_be_ended(line):
    child = child_of("babble", line)
    await child.start()
    await child.begun.wait()
    waiting = asyncio.create_task(child.outcome())
    assert child._listening is not None
    async with asyncio.timeout(30):
        assert await child._listening is None
    assert not waiting.done()
    await child.end()
    found = await waiting
    assert isinstance(found, Raised)
    assert found.error.startswith("its process ended (signal ")


async def test_a_process_that_cannot_be_started_is_an_error_and_leaves_nothing(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    child = child_of("echo")
    with pytest.raises(FileNotFoundError):
        await child.start()
    await child.end()
    assert repr(GUARD) == "<Guard none, 0 owners, 0 trees>"


async def test_a_start_that_is_cancelled_leaves_no_process(monkeypatch):
    child = child_of("sleep in C")
    popen, begun, gate = child._popen, threading.Event(), threading.Event()

    def slow(descriptor):
        begun.set()
        gate.wait()
        return popen(descriptor)

    monkeypatch.setattr(child, "_popen", slow)
    starting = asyncio.create_task(child.start())
    await until(begun.is_set)
    starting.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await child.end()
    assert await survivors([child.pid]) == []
    assert repr(GUARD) == "<Guard none, 0 owners, 0 trees>"


async def test_a_kind_that_is_not_where_it_says_is_an_error():
    def local(_):
        return None

    child = ChildProcess(Job("j", "k", None, 0.0), JobKind("k", local), {})
    await child.start()
    found = await child.outcome()
    await child.end()
    assert isinstance(found, Raised)
    assert found.error.startswith("JobInputError: the kind of job 'tests.agent.jobs.test_child_pro")


async def test_what_is_told_after_the_end_does_no_harm():
    child = child_of("echo")
    await child.start()
    await child.outcome()
    child.tell(Stop.CANCEL)
    await child.end()
    child.tell(Stop.SOFT_LIMIT)
    await child.end()


async def test_no_descriptor_is_left_open():
    await outcome_of("echo")
    before = psutil.Process().num_fds()
    for kind in ("echo", "fail", "exit", "die"):
        await outcome_of(kind, 9)
    assert psutil.Process().num_fds() == before


async def test_a_job_gets_no_descriptor_of_the_hosts():
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        found = await outcome_of("descriptors")
    finally:
        os.close(read)
        os.close(write)
    assert isinstance(found, Returned)
    assert write not in found.result
