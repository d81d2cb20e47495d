"""The executor and the process tools together: when a task is over, so are its processes."""

import asyncio
import os

import psutil
import pytest

from scheduler import ParallelExecutor, ToolTask
from tools import run_subprocess_async

SCRIPT = "echo $$ > {pipe}; sleep 1000"


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


async def started(pipe):
    """Wait until the script tells its process id."""
    return await asyncio.to_thread(lambda: psutil.Process(int(pipe.read_text())))


async def is_gone(process):
    _, alive = await asyncio.to_thread(psutil.wait_procs, [process], 10)
    return not alive


def script(pipe, **terms):
    return ToolTask(
        "script", run_subprocess_async, {"cmd": ["sh", "-c", SCRIPT.format(pipe=pipe)]}, **terms
    )


async def test_a_timeout_of_the_task_ends_the_program(pipe):
    batch = asyncio.create_task(ParallelExecutor().execute_parallel([script(pipe, timeout=1)]))
    process = await started(pipe)
    results = await batch
    assert results["script"]["error"] == "timed out after 1 s"
    assert await is_gone(process)


async def test_fail_fast_ends_the_programs_of_the_others(pipe):
    processes = []

    async def fail():
        processes.append(await started(pipe))
        raise ValueError("enough")

    tasks = [script(pipe), ToolTask("fail", fail)]
    results = await ParallelExecutor().execute_parallel(tasks, fail_fast=True)
    assert results["script"]["status"] == "cancelled"
    assert results["fail"]["error"] == "ValueError: enough"
    assert await is_gone(processes[0])


async def test_a_cancelled_batch_leaves_no_program(pipe):
    batch = asyncio.create_task(ParallelExecutor().execute_parallel([script(pipe)]))
    process = await started(pipe)
    batch.cancel()
    await asyncio.wait({batch})
    assert batch.cancelled()
    assert await is_gone(process)
