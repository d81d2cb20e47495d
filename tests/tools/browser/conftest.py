"""What tests with a real browser share: the browser, a site, and proof that nothing is left."""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tools.browser.manager import BrowserManager
from tools.browser.running import Running
from tools.browser.settings import BrowserSettings, TimeLimits, installed_program
from tools.process_members import MARK

from .pages import Site

SECONDS = 20

LIMITS = TimeLimits(probe=1.0, settle=1.0)
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
    monkeypatch.setenv(MARK, f"{mark};")
    return Marked(mark)


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
def shared_downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def module_manager(chromium: Path, shared_downloads: Path) -> Iterator[BrowserManager]:
    settings = replace(
        SETTINGS, executable=chromium, downloads=lambda session: shared_downloads / session
    )
    manager = BrowserManager(settings)

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


async def _nothing(session: object, tab: object) -> None:
    """Only opens a tab."""


def running(manager: BrowserManager) -> Running:
    """Look into a manager for the browser that it has."""
    assert manager._running is not None
    return manager._running
