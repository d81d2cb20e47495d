"""Trees that are odd, hostile or on the move, and calls that nobody waits for any more."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from tools import glob_files, tree_walk
from tools.base import Tool
from tools.context import ToolContext
from tools.file_resources import file_resources
from tools.find import FIND_TOOLS, directory_tree
from tools.grep_blocks import Blocks
from tools.stoppable import Stop, StoppedError, stoppable
from tools.tool_classes import Place
from tools.tree_walk import TreeWalk
from tools.workspace import Entry, Workspace, enter, scan

from .finding import globbed, grepped, outlined, put

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


@pytest.fixture
async def warm(tmp_path: Path) -> None:
    """Have all that a first call opens for good: the threads' pool, what is imported."""
    for find in (globbed, grepped):
        await find(tmp_path, "x")


def test_the_tools_stand_in_a_fixed_order():
    assert [tool.name for tool in FIND_TOOLS] == ["glob", "grep", "directory_tree"]


@pytest.mark.parametrize("tool", FIND_TOOLS, ids=lambda tool: tool.name)
def test_the_subtree_at_the_path_is_read(tool: Tool[..., Any], tmp_path: Path):
    put(tmp_path, {"src/a": ""})
    given = {"path": "src"} if tool is directory_tree else {"path": "src", "pattern": "x"}
    access = tool.access(tool.parse(given), Place("a session", tmp_path))
    assert access.reads == file_resources(tmp_path, "src")
    assert not access.writes


async def test_what_is_outside_is_never_read(tmp_path: Path):
    put(tmp_path, {"secret/x": "secret", "ws/a": "open"})
    (tmp_path / "ws/link").symlink_to("../secret")
    (tmp_path / "ws/x").symlink_to(tmp_path / "secret/x")

    folder = tmp_path / "ws"
    assert await globbed(folder, "**") == f"a\nlink -> ../secret\nx -> {tmp_path}/secret/x"
    assert await grepped(folder, "secret|open") == "a\n1:open"
    for path in ("link", "x"):
        with pytest.raises(Exception, match="leads out of the workspace"):
            await grepped(folder, "secret", path=path)


async def test_a_folder_that_is_swapped_for_a_link_is_not_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put(tmp_path, {"secret/x": "secret", "ws/a/f": "x", "ws/b/x": "x"})
    folder = tmp_path / "ws"

    def swap_first(descriptor: int, name: str) -> int:
        if name == "b":
            (folder / "b").rename(tmp_path / "moved")
            (folder / "b").symlink_to("../secret")
        return enter(descriptor, name)

    monkeypatch.setattr(tree_walk, "enter", swap_first)
    assert await grepped(folder, "x|secret", output="files") == "a/f"


async def test_what_vanishes_meanwhile_was_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put(tmp_path, {"a": "x", "b": "x", "d/f": "x", "e/f": "x"})

    def scan_then_remove(folder: int) -> list[Entry]:
        entries = scan(folder)
        if any(entry.name == "b" for entry in entries):
            os.unlink("b", dir_fd=folder)
            os.unlink("d/f", dir_fd=folder)
            os.rmdir("d", dir_fd=folder)
        return entries

    monkeypatch.setattr(tree_walk, "scan", scan_then_remove)
    assert await grepped(tmp_path, "x", output="files") == "a\ne/f"


async def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put(tmp_path, {"a/f": "x", "b/f": "x", "f": "x"})

    def refuse(folder: int, name: str) -> int:
        if name == "a":
            raise PermissionError(13, "Permission denied")
        return enter(folder, name)

    monkeypatch.setattr(tree_walk, "enter", refuse)
    assert await globbed(tmp_path, "**") == "b/f\nf\n[cannot be read: a]"
    assert await grepped(tmp_path, "x", output="files") == "b/f\nf\n[cannot be read: a]"
    assert await outlined(tmp_path) == (
        "./\n  a/ (cannot be read)\n  b/\n    f (1 B)\n  f (1 B)\n[cannot be read: a]"
    )


async def test_pipes_and_devices_are_never_opened(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    put(tmp_path, {"f": "x"})

    assert await grepped(tmp_path, "x") == "f\n1:x"
    assert await globbed(tmp_path, "**") == "f\npipe"


async def test_a_very_deep_tree_is_entered_to_a_limit(tmp_path: Path):
    deep = tmp_path / "/".join("d" * 120)
    deep.mkdir(parents=True)
    put(deep, {"f": "x"})

    limit = "/".join("d" * 100)
    assert await grepped(tmp_path, "x") == (
        f"No line matches 'x' in 0 files below '.'.\n"
        f"[deeper than 100 folders, not entered: {limit}]"
    )
    assert await globbed(tmp_path, "f", path=limit) == f"{'/'.join('d' * 120)}/f"


async def test_a_very_large_tree_is_walked_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tree_walk, "MOST_ENTRIES", 3)
    put(tmp_path, {f"f{n}": "" for n in range(5)})

    assert await globbed(tmp_path, "*") == (
        "f0\nf1\nf2\n[stopped after 3 entries: name a folder below as path]"
    )


@pytest.mark.usefixtures("warm")
async def test_a_cancelled_call_stops_its_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path, {f"d{n}/f": "" for n in range(50)})
    began, may_go_on, ended = asyncio.Event(), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    entered: list[str] = []
    listed = glob_files._listed

    def gated_enter(folder: int, name: str) -> int:
        entered.append(name)
        loop.call_soon_threadsafe(began.set)
        assert may_go_on.wait(20)
        return enter(folder, name)

    def watched(*given) -> str:
        try:
            return listed(*given)
        finally:
            loop.call_soon_threadsafe(ended.set)

    monkeypatch.setattr(tree_walk, "enter", gated_enter)
    monkeypatch.setattr(glob_files, "_listed", watched)
    call = asyncio.create_task(globbed(tmp_path, "**"))
    await began.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    may_go_on.set()
    await ended.wait()
    assert entered == ["d0"]


@pytest.mark.usefixtures("warm")
async def test_a_call_that_is_over_has_told_its_thread(tmp_path: Path):
    stops: list[Stop] = []

    await stoppable(ToolContext("a session", tmp_path), stops.append)
    with pytest.raises(StoppedError):
        stops[0].check()


def test_a_walk_that_is_left_closes_its_folders(tmp_path: Path):
    put(tmp_path, {"a/b/c/f": ""})
    before = psutil.Process().num_fds()

    walk = TreeWalk(Workspace(tmp_path), ".", Stop()).entries()
    assert [next(walk).inner for _ in range(3)] == ["a", "a/b", "a/b/c"]
    assert psutil.Process().num_fds() > before
    walk.close()
    assert psutil.Process().num_fds() == before


def test_a_search_in_a_large_file_stops_between_its_pieces(tmp_path: Path):
    put(tmp_path, {"f": "x\n" * 1_000_000})
    stop = Stop()
    with (tmp_path / "f").open("rb", buffering=0) as file:
        blocks = iter(Blocks(file.fileno(), stop))
        assert next(blocks).startswith(b"x\n")
        stop.set()
        with pytest.raises(StoppedError):
            next(blocks)
