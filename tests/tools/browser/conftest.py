"""What tests with a real browser share: the browser, a site, and proof that nothing is left."""

import asyncio
import gc
import os
import re
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from blockbuster import blockbuster_ctx

from agent import Agent
from tools.addresses import AddressPolicy
from tools.browser.browsing import Browsing
from tools.browser.manager import BrowserManager
from tools.browser.running import Running
from tools.browser.settings import BrowserSettings, TimeLimits, installed_program
from tools.process_members import MARK

from .hands import Hands, Mouth, agent_of
from .pages import Site

SECONDS = 20

LIMITS = TimeLimits(probe=1.0, settle=1.0)
QUICK = TimeLimits(probe=3.0, download_begin=0.5, download=2.0)
"""As above, where nothing is downloaded or never ends."""
SETTINGS = BrowserSettings(limits=LIMITS)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A browser of this machine; without one the test is skipped, and in CI it fails."""
    found = installed_program()
    if found is None:
        text = "NO CHROMIUM on PATH: nothing of the browser is tested. Install it."
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return found


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as served:
        yield served


@dataclass(frozen=True)
class Marked:
    """The processes that a test started, whoever their parent is by now."""

    mark: str

    def processes(self) -> dict[int, str]:
        found = {}
        for process in psutil.process_iter(["environ", "cmdline", "status"]):
            environment = process.info["environ"] or {}
            alive = process.info["status"] != psutil.STATUS_ZOMBIE
            if alive and self.mark in environment.get(MARK, "") and process.pid != os.getpid():
                found[process.pid] = " ".join(process.info["cmdline"] or ())
        return found

    def browsers(self) -> list[int]:
        """Those that nothing but a driver started."""
        return [
            pid
            for pid, line in self.processes().items()
            if "--remote-debugging-pipe" in line and "--type=" not in line
        ]

    def drivers(self) -> list[int]:
        return [pid for pid, line in self.processes().items() if line.endswith("run-driver")]


def becomes_true(holds: Callable[[], bool]) -> bool:
    """Wait for what other processes do, which nobody here is told of."""
    deadline = time.monotonic() + SECONDS
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return held


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Marked:
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, f"{os.environ.get(MARK, '')}{mark};")
    return Marked(mark)


OF_THE_KILLED = ("playwright-artifacts-", "org.chromium.Chromium.")
"""Folders that a driver or a browser makes, and cannot remove when it is killed."""


@pytest.fixture(scope="package", autouse=True)
def nothing_is_left_of_all_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail loudly when the tests of browsers leave anything behind, and name it."""
    marked, folder = Marked(uuid.uuid4().hex), tmp_path_factory.mktemp("temporary")
    before = _opened()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MARK, f"{os.environ.get(MARK, '')}{marked.mark};")
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", None)
        yield
    kinds: dict[str, Callable[[], Any]] = {
        "processes": marked.processes,
        "threads": lambda: [
            each.name for each in threading.enumerate() if each.name.startswith("toolloop-browser")
        ],
        "files and sockets": lambda: sorted((_opened() - before).elements()),
        "folders": lambda: sorted(
            each.name for each in folder.iterdir() if not each.name.startswith(OF_THE_KILLED)
        ),
    }
    gc.collect()  # loops of tests that are over
    left = {kind: found() for kind, found in kinds.items() if not _becomes_empty(found)}
    assert not left, f"the tests of browsers have left behind: {left}"


def _becomes_empty(found: Callable[[], Any]) -> bool:
    return becomes_true(lambda: not found())


def _opened() -> "Counter[str]":
    """Give the kinds of what is open: a socket's number says nothing."""
    names = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of the listing itself
            names.append(re.sub(r"\[\d+\]", "", str(each.readlink())))
    return Counter(name for name in names if not name.startswith(("/proc/", "/dev/null")))


@pytest.fixture
def no_child_is_left() -> None:
    """Instead of the one that every tool's test has: a browser may be shared by several tests."""


@pytest.fixture
def nothing_is_left(marked: Marked) -> Iterator[None]:
    """Fail a test after which a process, a child or a descriptor is left that was not there."""
    here = psutil.Process()
    children, descriptors = {each.pid for each in here.children()}, here.num_fds()
    yield
    assert becomes_true(lambda: not marked.processes()), marked.processes()
    assert becomes_true(lambda: {each.pid for each in here.children()} <= children)
    assert becomes_true(lambda: here.num_fds() <= descriptors), [
        each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()
    ]


@pytest.fixture
async def managers(
    chromium: Path, nothing_is_left: None
) -> AsyncIterator[Callable[..., BrowserManager]]:
    """Make managers with a browser of their own, closed at the end."""
    del nothing_is_left  # Looks when they are closed.
    made: list[BrowserManager] = []

    def make(**settings: Any) -> BrowserManager:
        given: dict[str, Any] = {"executable": chromium, **settings}
        made.append(BrowserManager(replace(SETTINGS, **given)))
        return made[-1]

    yield make
    for manager in made:
        await manager.close()


@pytest.fixture(scope="module")
def module_manager(chromium: Path) -> Iterator[BrowserManager]:
    manager = BrowserManager(replace(SETTINGS, executable=chromium))

    async def begin() -> None:
        await manager.use("warm", _nothing, timeout=SECONDS)
        await manager.end_session("warm")

    asyncio.run(begin())
    yield manager
    asyncio.run(manager.close())


@pytest.fixture
async def shared(module_manager: BrowserManager) -> AsyncIterator[BrowserManager]:
    """The browser of a module's tests; no session, context or descriptor is left by one."""
    here = psutil.Process()
    children, descriptors = {each.pid for each in here.children()}, here.num_fds()
    yield module_manager
    for name in tuple(module_manager._sessions):
        await module_manager.end_session(name)
    assert module_manager.generation == 1
    assert running(module_manager).browser.contexts == []
    assert {each.pid for each in here.children()} == children
    assert await asyncio.to_thread(becomes_true, lambda: here.num_fds() <= descriptors)


@pytest.fixture(scope="module")
def module_site() -> Iterator[Site]:
    with Site() as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_browsing(chromium: Path, module_site: Site) -> AsyncIterator[Browsing]:
    """What the tools of a module's tests use, on a browser of their own."""
    browsing = Browsing(
        replace(SETTINGS, executable=chromium, limits=QUICK, largest_download=100_000),
        AddressPolicy((f"127.0.0.1:{module_site.server_address[1]}",)),
    )
    yield browsing
    await browsing.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_agent(
    module_browsing: Browsing, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Agent, Mouth]]:
    async with agent_of(module_browsing, tmp_path_factory.mktemp("agent")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def hands(
    module_agent: tuple[Agent, Mouth], module_browsing: Browsing
) -> AsyncIterator[Hands]:
    """A session of the module's agent; its browser context ends with it."""
    agent, mouth = module_agent
    session = await agent.session()
    yield Hands(session, mouth)
    await session.close()
    assert running(module_browsing.manager).browser.contexts == []


@pytest.fixture
def workspace(module_agent: tuple[Agent, Mouth]) -> Path:
    return module_agent[0].config.workspace


async def _nothing(session: object, tab: object) -> None:
    """Only opens a tab."""


def running(manager: BrowserManager) -> Running:
    """Look into a manager for the browser that it has."""
    assert manager._running is not None
    return manager._running


@pytest.fixture(autouse=True)
def nothing_blocks() -> Iterator[None]:
    """As for other tools; the links in a path are read when its resources are fixed."""
    with blockbuster_ctx("tools") as watcher:
        watcher.functions["os.readlink"].can_block_in("tools/file_resources.py", "_enter")
        yield
