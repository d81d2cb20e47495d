"""Built once for all who ask."""

import asyncio
import threading

import pytest

from prompts import PromptCache


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Builder:
    """Counts its builds, each of which waits for the gate and runs off the loop's thread."""

    def __init__(self, error=None):
        self.gate = threading.Event()
        self.builds = 0
        self.error = error

    def __call__(self):
        assert threading.current_thread() is not threading.main_thread()
        self.gate.wait(10)
        self.builds += 1
        if self.error:
            raise self.error
        return f"prompt {self.builds}"


async def asked(cache, build, times):
    tasks = [asyncio.create_task(cache.get("key", build)) for _ in range(times)]
    await asyncio.sleep(0)
    return tasks


async def test_fifty_sessions_that_start_together_build_it_once():
    cache, build = PromptCache(), Builder()
    tasks = await asked(cache, build, 50)
    build.gate.set()
    assert set(await asyncio.gather(*tasks)) == {"prompt 1"}
    assert await cache.get("key", build) == "prompt 1"
    assert build.builds == 1


async def test_it_is_built_again_once_its_time_is_over():
    clock, build = Clock(), Builder()
    cache = PromptCache(ttl=300, timer=clock)
    build.gate.set()
    assert await cache.get("key", build) == "prompt 1"
    clock.now = 299.9
    assert await cache.get("key", build) == "prompt 1"
    clock.now = 300.1
    assert await cache.get("key", build) == "prompt 2"


async def test_a_cancelled_caller_takes_nothing_from_the_others():
    cache, build = PromptCache(), Builder()
    first, second = await asked(cache, build, 2)
    first.cancel()
    await asyncio.wait({first})
    build.gate.set()
    assert await second == "prompt 1"


async def test_what_was_built_is_kept_though_all_who_waited_were_cancelled():
    cache, build = PromptCache(), Builder()
    (only,) = await asked(cache, build, 1)
    flight = cache._flights["key"]
    only.cancel()
    build.gate.set()
    await asyncio.wait({only, flight})
    assert await cache.get("key", build) == "prompt 1"


async def test_a_failure_goes_to_all_who_wait_and_is_not_kept():
    cache, build = PromptCache(), Builder(FileNotFoundError("AGENTS.md"))
    tasks = await asked(cache, build, 3)
    build.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [FileNotFoundError] * 3
    build.error = None
    assert await cache.get("key", build) == "prompt 2"


async def test_a_failure_that_nobody_waited_for_is_no_news(caplog):
    cache, build = PromptCache(), Builder(ValueError("lost"))
    (only,) = await asked(cache, build, 1)
    flight = cache._flights["key"]
    only.cancel()
    build.gate.set()
    await asyncio.wait({only, flight})
    assert not caplog.text


async def test_keys_are_kept_apart_and_only_so_many():
    cache = PromptCache(size=2)
    for key in "abc":
        assert await cache.get(key, lambda key=key: key) == key
    assert repr(cache) == "<PromptCache 2 kept, 0 being built>"


@pytest.mark.parametrize("times", [1, 5])
async def test_the_loop_turns_while_it_is_built(times):
    cache, build = PromptCache(), Builder()
    tasks = await asked(cache, build, times)
    turns = 0
    while turns < 100:
        await asyncio.sleep(0)
        turns += 1
    assert not any(task.done() for task in tasks)
    build.gate.set()
    await asyncio.gather(*tasks)
