"""What the tests of tools may use: a line to processes that shows when they have ended."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from blockbuster import blockbuster_ctx

from tools.process_members import MARK

from .repository import Repository, Trap


class Lifeline:
    """A FIFO that processes hold open as long as they live.

    A shell holds it after `exec 9>PATH`, and all that it starts then does, too; what they write is
    read here, and its end is the proof that none of them lives any more.
    """

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._writer = os.open(path, os.O_WRONLY)

    def hold(self) -> str:
        return f"exec 9>'{self.path}'"

    async def says(self, *words: str) -> None:
        """Wait until each of the words has been written."""
        missing = set(words)
        while missing:
            missing -= set((await self._read()).decode().split())

    async def is_dead(self) -> None:
        """Wait until no process holds the line."""
        self.close_writer()
        while await self._read():
            pass

    async def _read(self) -> bytes:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._reader, readable.set)
        try:
            async with asyncio.timeout(30):
                await readable.wait()
        finally:
            loop.remove_reader(self._reader)
        return os.read(self._reader, 65_536)

    def close_writer(self) -> None:
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1

    def close(self) -> None:
        self.close_writer()
        os.close(self._reader)


@pytest.fixture
def lifeline(tmp_path: Path) -> Iterator[Lifeline]:
    line = Lifeline(tmp_path / "lifeline")
    yield line
    line.close()


@pytest.fixture(autouse=True)
def nothing_blocks() -> Iterator[None]:
    """Fail a test in which a tool blocks the event loop."""
    with blockbuster_ctx("tools"):
        yield


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    """Fail a test after which a child process of ours is left, running or not reaped."""
    yield
    assert no_child_lives()


def no_child_lives() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


@pytest.fixture
async def no_descriptor_is_left() -> AsyncIterator[None]:
    """Fail a test after which more descriptors are open than before."""
    before = psutil.Process().num_fds()
    yield
    assert psutil.Process().num_fds() == before


@pytest.fixture
def inner_mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """Let this process itself be part of a tree."""
    monkeypatch.setenv(MARK, "outermark;")
    return "outermark"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose own configuration of git is known."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / ".gitconfig").write_text("[user]\nname = A\nemail = a@example.org\n")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def repository(tmp_path: Path, home: Path) -> Repository:
    del home  # Needed to be there.
    return Repository(tmp_path / "project")


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path / "trap")
