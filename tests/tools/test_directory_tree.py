"""A folder as an indented list."""

import os
from pathlib import Path

import pytest

from tools.errors import ToolError

from .finding import outlined, put


async def test_folders_come_first_then_files_with_their_sizes(tmp_path: Path):
    put(
        tmp_path, {"b/z": "", "b/a/f": "x" * 2_000, "a.py": "x", "big": b"\0" * 3_500_000, ".h": ""}
    )
    (tmp_path / "empty").mkdir()

    assert await outlined(tmp_path) == (
        "./\n"
        "  b/\n"
        "    a/\n"
        "      f (2.0 kB)\n"
        "    z (0 B)\n"
        "  empty/ (empty)\n"
        "  .h (0 B)\n"
        "  a.py (1 B)\n"
        "  big (3.3 MB)"
    )


async def test_a_folder_below_the_depth_says_how_much_is_in_it(tmp_path: Path):
    put(tmp_path, {"a/b/c/d": "", "a/b/e": "", "a/b/f": "", "g": ""})

    assert await outlined(tmp_path, depth=1) == "./\n  a/ (1 folder)\n  g (0 B)"
    assert await outlined(tmp_path, depth=2) == "./\n  a/\n    b/ (1 folder, 2 files)\n  g (0 B)"


async def test_a_folder_can_be_named(tmp_path: Path):
    put(tmp_path, {"a/b/c": "x", "d": ""})

    assert await outlined(tmp_path, path="a/b") == "a/b/\n  c (1 B)"


async def test_the_upper_levels_come_first_when_there_is_too_much(tmp_path: Path):
    put(tmp_path, {f"{folder}/{n:02}": "" for folder in ("a", "b/c") for n in range(20)})
    put(tmp_path, {f"f{n:02}": "" for n in range(20)})

    assert await outlined(tmp_path, limit=12) == (
        "./\n"
        "  a/\n"
        "    00 (0 B)\n"
        "    01 (0 B)\n"
        "    02 (0 B)\n"
        "    ... 17 files more\n"
        "  b/\n"
        "    c/\n"
        "      00 (0 B)\n"
        "      01 (0 B)\n"
        "      ... 18 files more\n"
        "  f00 (0 B)\n"
        "  f01 (0 B)\n"
        "  f02 (0 B)\n"
        "  f03 (0 B)\n"
        "  ... 16 files more\n"
        "[more than limit=12 entries: raise it (to 1,000 at most), or give a folder below as path]"
    )


@pytest.mark.parametrize("limit", [1, 2, 5, 30, 61, 62])
async def test_no_more_entries_than_the_limit_are_shown_and_the_rest_is_counted(
    limit: int, tmp_path: Path
):
    put(tmp_path, {f"{folder}/{n}": "" for folder in "abcde" for n in range(10)})
    put(tmp_path, {f"f{n}": "" for n in range(7)})

    lines = (await outlined(tmp_path, limit=limit)).split("\n")[1:]
    shown = [line for line in lines if not line.lstrip().startswith(("...", "["))]
    assert len(shown) <= limit
    assert (limit < 62) == lines[-1].startswith("[more than limit=")


async def test_more_entries_than_the_limit_in_one_folder_are_counted(tmp_path: Path):
    put(tmp_path, {f"d{n}/f": "" for n in range(5)} | {f"f{n}": "" for n in range(5)})

    assert await outlined(tmp_path, depth=1, limit=2) == (
        "./\n  d0/ (1 file)\n  d1/ (1 file)\n  ... 3 folders, 5 files more\n"
        "[more than limit=2 entries: raise it (to 1,000 at most), or give a folder below as path]"
    )


async def test_links_are_shown_with_their_targets_and_never_followed(tmp_path: Path):
    put(tmp_path, {"a/f": ""})
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "root").symlink_to("/")
    (tmp_path / "gone").symlink_to("no\nwhere")
    os.mkfifo(tmp_path / "pipe")

    assert await outlined(tmp_path, depth=10) == (
        "./\n"
        "  a/\n"
        "    f (0 B)\n"
        "    up -> ..\n"
        "  gone -> no␊where\n"
        "  pipe (a pipe, socket or device)\n"
        "  root -> /"
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"path": "nope"}, "'nope' was not found"),
        ({"path": "f"}, "'f' is not a folder"),
        ({"path": "../x"}, "leads out of the workspace"),
        ({"depth": 0}, "depth"),
        ({"depth": 11}, "depth"),
        ({"limit": 0}, "limit"),
        ({"limit": 1_001}, "limit"),
    ],
)
async def test_bad_input_is_told(given, text: str, tmp_path: Path):
    put(tmp_path, {"f": ""})

    with pytest.raises(ToolError) as caught:
        await outlined(tmp_path, **given)
    assert text in str(caught.value)
