"""What is left when a browser is not needed any more: nothing that was started here."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.manager import BrowserManager

from .conftest import LIMITS, SECONDS, SETTINGS, becomes_true, running
from .test_manager_recovery import fails, going, title

ROOT = Path(__file__).parents[3]


class HeldTimer:
    """A timer that goes off when the test says so."""

    def __init__(self):
        self.set = []

    def later(self, seconds, callback):
        self.set.append((seconds, callback))
        return self

    def cancel(self):
        self.set.pop()


async def test_work_that_runs_when_the_browser_is_closed_is_told_so(managers, site):
    manager = managers()
    work = manager.use("a", going(site.url("/held")), timeout=SECONDS)
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    await manager.close()
    assert (await fails(work)).code is BrowserCode.CANCELLED
    with pytest.raises(BrowserError, match="closed for good"):
        manager.use("a", title, timeout=SECONDS)
    await manager.close()


async def test_a_browser_that_is_closed_while_it_starts_leaves_nothing(managers, marked):
    manager = managers()
    work = manager.use("a", title, timeout=SECONDS)
    assert await asyncio.to_thread(becomes_true, marked.drivers)
    await manager.close()
    assert (await fails(work)).code is BrowserCode.CANCELLED
    assert await asyncio.to_thread(becomes_true, lambda: not marked.processes())


@pytest.mark.parametrize("who", [("drivers",), ("browsers",), ("drivers", "browsers")])
async def test_closing_is_bounded_although_a_process_hangs(managers, marked, who):
    manager = managers(limits=replace(LIMITS, close=0.5))
    await manager.use("a", title, timeout=SECONDS)
    for each in who:
        for pid in getattr(marked, each)():
            os.kill(pid, signal.SIGSTOP)
    await manager.close()
    assert await asyncio.to_thread(becomes_true, lambda: not marked.processes())


async def test_a_session_that_is_ended_takes_its_context_and_its_work_along(shared, site):
    work = shared.use("a", going(site.url("/held")), timeout=SECONDS)
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    await shared.end_session("a")
    error = await fails(work)
    assert error.message == "This session's browser was closed."
    assert running(shared).browser.contexts == []
    assert await shared.use("a", title, timeout=SECONDS) == ("t1", "")
    await shared.end_session("unknown")


async def test_a_close_that_is_cancelled_closes_all_the_same(managers, marked):
    manager = managers()
    await manager.use("a", title, timeout=SECONDS)
    closing = asyncio.ensure_future(manager.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait((closing,))
    assert closing.cancelled()
    assert await asyncio.to_thread(marked.browsers) == []


async def test_an_idle_browser_is_closed_and_comes_back_with_the_next_use(
    chromium, nothing_is_left, marked, site
):
    del nothing_is_left
    timer = HeldTimer()
    manager = BrowserManager(
        replace(SETTINGS, executable=chromium, idle_seconds=60), later=timer.later
    )
    await manager.use("a", going(site.url("/other")), timeout=SECONDS)
    held = manager.use("a", going(site.url("/held")), timeout=SECONDS)
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    assert await manager.use("b", title, timeout=SECONDS) == ("t1", "")
    assert timer.set == []  # One still uses it.
    site.release.set()
    await held
    ((seconds, ring),) = timer.set
    assert seconds == 60
    manager._owner._loop.call_soon_threadsafe(ring)
    assert await asyncio.to_thread(becomes_true, lambda: not marked.browsers())
    assert not manager.is_running
    error = await fails(manager.use("a", title, timeout=SECONDS))
    assert error.message == (
        "The browser was closed after 60 s without use. Nothing was done. "
        f"Tabs that are gone: t1 {site.url('/held')}."
    )
    assert await manager.use("a", title, timeout=SECONDS) == ("t2", "")
    assert len(marked.browsers()) == 1
    await manager.close()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def turned_away(listening):
    """Take one connection, and give nothing; from then on nobody listens."""
    listening.settimeout(SECONDS)
    with listening:
        listening.accept()[0].close()


class Foreign:
    """A browser that somebody else started."""

    def __init__(self, chromium, folder, port):
        line = [
            *(str(chromium), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *(f"--remote-debugging-port={port}", f"--user-data-dir={folder}", "about:blank"),
        ]
        self.process = subprocess.Popen(line, stderr=subprocess.DEVNULL, start_new_session=True)

    def end(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


async def test_a_browser_that_is_not_there_yet_is_waited_for_and_left_alive(
    managers, chromium, tmp_path, marked
):
    listening = await asyncio.to_thread(socket.create_server, ("127.0.0.1", 0))
    port = listening.getsockname()[1]
    manager = managers(cdp_url=f"http://127.0.0.1:{port}")
    first = manager.use("a", title, timeout=SECONDS)
    await asyncio.to_thread(turned_away, listening)
    foreign = await asyncio.to_thread(Foreign, chromium, tmp_path, port)
    try:
        assert await first == ("t1", "")
        browser = running(manager).browser
        theirs = len(browser.contexts) - 1
        await manager.end_session("a")
        assert len(browser.contexts) == theirs
        await manager.use("b", title, timeout=SECONDS)
        await manager.close()
        assert foreign.process.poll() is None
        assert marked.drivers() == []
        again = managers(cdp_url=f"http://127.0.0.1:{port}")
        assert await again.use("a", title, timeout=SECONDS) == ("t1", "")
        assert len(running(again).browser.contexts) == theirs + 1  # None of the first one's.
        await again.close()
    finally:
        await asyncio.to_thread(foreign.end)


async def test_a_browser_that_never_comes_is_told_with_its_address(managers):
    url = f"http://127.0.0.1:{free_port()}"
    manager = managers(cdp_url=url, limits=replace(LIMITS, connect=0.5))
    with pytest.raises(BrowserError) as told:
        await manager.use("a", title, timeout=SECONDS)
    assert told.value.message == (
        f"No browser answered at cdp_url={url!r} for 0.5 s. "
        "Start it with --remote-debugging-port, or correct it."
    )


async def test_a_call_keeps_its_place_until_its_work_has_settled(shared, site):
    held, released = [], threading.Event()

    class Call:
        def hold(self, work):
            held.append(work)
            return released.set

    work = shared.use("a", going(site.url("/held")), timeout=SECONDS, call=Call())
    assert held == [work]
    assert await asyncio.to_thread(site.arrived.wait, SECONDS)
    assert not released.is_set()
    waiting = asyncio.ensure_future(work.result())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait((waiting,))
    assert not released.is_set()
    await work.settled()
    assert await asyncio.to_thread(released.wait, SECONDS)


HOST = """
import asyncio, json, os, signal, sys
from tools.browser.manager import BrowserManager

async def tab_id(session, tab):
    await tab.page.goto("data:text/html,<title>here</title>")
    return await tab.title()

async def main():
    manager = BrowserManager()
    print(await manager.use("a", tab_id, timeout=20), flush=True)
    if sys.argv[1] == "killed":
        signal.pause()

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["killed", "left open"])
async def test_a_host_that_is_gone_leaves_no_browser_and_no_driver(chromium, marked, how):
    del chromium
    host = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-c", HOST, how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ.copy(),
    )
    try:
        assert await asyncio.to_thread(host.stdout.readline) == b"here\n"
        if how == "killed":
            assert len(marked.browsers()) == len(marked.drivers()) == 1
            host.kill()
    finally:
        said = await asyncio.to_thread(host.communicate, timeout=SECONDS)
    assert said == (b"", b"")
    assert await asyncio.to_thread(becomes_true, lambda: not marked.processes())
