"""The thread that a browser belongs to: work from any loop, cancellation, the end."""

import asyncio
import logging
import threading

import pytest

from tools.browser import owner as owner_module
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.owner import Owner, is_known_noise


@pytest.fixture
async def owner():
    made = Owner("test")
    yield made
    await made.close()


class Held:
    """Work that goes on until it is told, and takes its time when it is cancelled."""

    def __init__(self):
        self.began = threading.Event()
        self.cancelled = threading.Event()
        self.let_go = threading.Event()

    async def run(self):
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
            await asyncio.to_thread(self.let_go.wait, 20)


async def thread_name(suffix):
    return threading.current_thread().name + suffix


async def test_work_of_three_loops_runs_on_the_one_loop_of_the_owner(owner):
    async def loop_and_thread():
        return id(asyncio.get_running_loop()), threading.get_ident()

    def another_host():
        return asyncio.run(owner.run(loop_and_thread))

    here = await owner.run(loop_and_thread)
    others = await asyncio.gather(*(asyncio.to_thread(another_host) for _ in range(2)))
    assert others == [here, here]
    assert here[1] != threading.get_ident()


async def test_arguments_go_in_and_a_result_comes_out(owner):
    assert await owner.run(thread_name, "!") == "toolloop-test!"


async def test_what_work_raises_comes_out_as_it_is(owner):
    async def fails():
        raise LookupError("as it is")

    with pytest.raises(LookupError, match="as it is"):
        await owner.run(fails)


async def test_whoever_is_cancelled_is_free_at_once_and_can_wait_for_the_end(owner):
    held = Held()
    work = owner.submit(held.run)
    waiting = asyncio.ensure_future(work.result())
    await asyncio.to_thread(held.began.wait, 20)
    waiting.cancel()
    await asyncio.wait((waiting,))
    assert waiting.cancelled()
    assert await asyncio.to_thread(held.cancelled.wait, 20)
    assert not work.is_settled
    told = asyncio.Event()
    work.when_settled(told.set)
    assert not told.is_set()
    held.let_go.set()
    await work.settled()
    await told.wait()
    assert work.is_settled


async def test_a_second_cancellation_does_not_cut_the_clean_up_short(owner):
    held = Held()
    work = owner.submit(held.run)
    await asyncio.to_thread(held.began.wait, 20)
    work.cancel()
    assert await asyncio.to_thread(held.cancelled.wait, 20)
    work.cancel()
    for _ in range(2):  # After the cancellation, and after what it would have made ready.
        await owner.run(thread_name, "")
    assert not work.is_settled
    held.let_go.set()
    await work.settled()


async def test_a_cancelled_wait_for_the_end_cancels_nothing(owner):
    held = Held()
    work = owner.submit(held.run)
    waiting = asyncio.ensure_future(work.settled())
    await asyncio.to_thread(held.began.wait, 20)
    waiting.cancel()
    await asyncio.wait((waiting,))
    await owner.run(thread_name, "")  # A cancellation would have been there before this.
    assert not held.cancelled.is_set()
    held.let_go.set()
    work.cancel()
    await work.settled()


async def test_work_that_is_cancelled_before_it_began_never_begins(owner):
    began = []

    async def begins():
        began.append(True)

    gate = threading.Event()

    async def blocks():
        gate.wait(20)

    blocking = owner.submit(blocks)
    work = owner.submit(begins)
    work.cancel()
    gate.set()
    await blocking
    await work.settled()
    assert began == []


async def test_a_waiter_whose_loop_is_gone_disturbs_nobody(owner, caplog):
    held = Held()
    work = owner.submit(held.run)

    async def waits_briefly():
        work.when_settled(lambda: None)

    await asyncio.to_thread(asyncio.run, waits_briefly())
    held.let_go.set()
    work.cancel()
    await work.settled()
    assert caplog.records == []


async def test_what_runs_when_the_owner_is_closed_is_told_so():
    owner = Owner()
    held = Held()
    held.let_go.set()
    work = owner.submit(held.run)
    await asyncio.to_thread(held.began.wait, 20)
    await owner.close()
    with pytest.raises(BrowserError, match="cancelled: The browser was closed before") as told:
        await work
    assert told.value.code is BrowserCode.CANCELLED


async def test_work_that_does_not_end_when_cancelled_is_settled_when_its_loop_is_gone(monkeypatch):
    monkeypatch.setattr(owner_module, "_END_SECONDS", 0.01)
    owner = Owner()
    began = threading.Event()
    over = []

    async def stubborn():
        began.set()
        while not over:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    work = owner.submit(stubborn)
    await asyncio.to_thread(began.wait, 20)
    await owner.close()
    over.append(True)
    with pytest.raises(BrowserError, match="closed before"):
        await work


async def test_a_closed_owner_takes_nothing_and_can_be_closed_again():
    owner = Owner()
    await owner.run(thread_name, "")
    await asyncio.gather(owner.close(), owner.close())
    await owner.close()
    with pytest.raises(BrowserError, match="closed"):
        owner.submit(thread_name, "")
    assert repr(owner) == "<Owner browser closed>"


async def test_an_owner_that_was_never_used_starts_no_thread():
    before = threading.active_count()
    owner = Owner()
    await owner.close()
    assert threading.active_count() == before


async def test_work_that_blocks_the_loop_is_told_of(owner, caplog, monkeypatch):
    monkeypatch.setattr(owner_module, "SLOW_START", 0.0)
    with caplog.at_level(logging.WARNING):
        await owner.run(thread_name, "")
    assert "something blocks it" in caplog.text


async def test_what_playwright_leaves_behind_is_no_news_and_all_else_is(owner, caplog):
    from playwright.async_api import Error, TimeoutError  # noqa: A004, PLC0415  (slow, and its name)

    def left(error, message="Future exception was never retrieved"):
        return {"message": message, "exception": error}

    driver_gone = Exception("Connection closed while reading from the driver")
    assert is_known_noise(left(Error("x")))
    assert is_known_noise(left(TimeoutError("x"), "Task exception was never retrieved"))
    assert is_known_noise(left(driver_gone))
    assert not is_known_noise(left(Error("x"), "Exception in callback"))
    assert not is_known_noise(left(ValueError("x")))
    assert not is_known_noise(left(Exception("another")))
    assert not is_known_noise({"message": "Future exception was never retrieved"})

    async def forgets():
        loop = asyncio.get_running_loop()
        loop.call_exception_handler(left(Error("noise")))
        loop.call_exception_handler(left(ValueError("news")))

    await owner.run(forgets)
    assert "news" in caplog.text
    assert "noise" not in caplog.text
