"""The public interface as a user's type checker sees it: checked by mypy, never run."""

import asyncio
from typing import assert_type

from scheduler import (
    Access,
    Call,
    CallRecord,
    Certificate,
    NotRun,
    ParallelExecutor,
    Scheduler,
    TaskResult,
    ToolTask,
    certify,
)


async def count_words(call: Call) -> int:
    """Do something under a call."""
    return len(call.name)


async def approve(access: Access) -> bool:
    """Answer a question."""
    return not access.writes


async def use_the_scheduler() -> None:
    """Submit, await, look at what happened."""
    scheduler = Scheduler({"local_read": 4})
    async with asyncio.TaskGroup() as tasks:
        task = scheduler.submit(
            tasks,
            count_words,
            Access(reads=frozenset({("file", "/", "a")})),
            lane="local_read",
            owner="session",
            approval=approve,
        )
    assert_type(task, asyncio.Task[int | NotRun])
    assert_type(scheduler.records, list[CallRecord])
    assert_type(certify(scheduler.records), Certificate)


async def use_the_executor() -> None:
    """Run named tasks."""
    executor = ParallelExecutor(max_concurrency=2, verbose=True)
    tasks = [ToolTask("a", count_words, {}), ToolTask("b", count_words, {}, depends_on=["a"])]
    assert_type(executor.execution_plan(tasks), list[list[str]])
    assert_type(await executor.execute_with_dependencies(tasks), dict[str, TaskResult])
