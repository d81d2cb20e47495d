"""What is ignored, as git itself sees it."""

import asyncio
import random
import subprocess
from pathlib import Path

import pytest

from tools import ignores
from tools.workspace import Entry, scan

from .finding import globbed, grepped, outlined, put

NAMES = ("a", "b", "build", "x.py", "y.txt", ".env", "a b", "[c]", "Ä", "#d", "!e", "x.pyc")
LINES = (
    "*.py",
    "!x.py",
    "build/",
    "/build",
    "!build/",
    "a/b",
    "a/**/x.py",
    "**/a",
    "a/**",
    "!a/x.py",
    "*",
    "!*/",
    "*.py[co]",
    "?.txt",
    "[!x].txt",
    "# a comment",
    "",
    r"\#d",
    r"\!e",
    "a b",
    "y.txt ",
    "/*",
    "!/a",
    "Ä",
    "**/build/*.txt",
    "x.*",
    "b/",
    r"\[c]",
    "/a/*/y.txt",
    "foo/**/",
    "!",
    "***",
)


def grow(random: random.Random, folder: Path, depth: int) -> None:
    folder.mkdir(exist_ok=True)
    if random.random() < 0.5:
        lines = random.sample(LINES, random.randint(1, 5))
        (folder / ".gitignore").write_text("\n".join(lines) + "\n")
    for name in random.sample(NAMES, random.randint(2, 7)):
        if depth and random.random() < 0.5:
            grow(random, folder / name, depth - 1)
        else:
            (folder / name).write_text("")


def as_git_sees(folder: Path) -> list[list[str]]:
    command = ["git", "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return sorted(name.split("/") for name in done.stdout.decode().split("\0") if name)


@pytest.fixture(params=range(60))
def project(request: pytest.FixtureRequest, tmp_path: Path, home: Path) -> Path:
    del home  # whose configuration of git is known
    folder = tmp_path / "project"
    grow(random.Random(request.param), folder, 3)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


async def test_what_is_ignored_is_what_git_ignores(project: Path):
    text = await globbed(project, "**", limit=1_000)
    found = [] if text.startswith("No file") else text.split("\n")

    expected = await asyncio.to_thread(as_git_sees, project)
    assert [name.split("/") for name in found] == expected


async def test_all_tools_leave_out_what_is_ignored_and_say_so(tmp_path: Path):
    put(tmp_path, {".gitignore": "*.log\nout/\n", "a.log": "x", "out/b": "x", "c": "y"})

    assert await globbed(tmp_path, "*.log") == (
        "No file matches '*.log' below '.'; 2 ignored entries were left out: include_ignored=true "
        "looks there too."
    )
    assert await grepped(tmp_path, "x") == (
        "No line matches 'x' in 2 files below '.'; 2 ignored entries were left out: "
        "include_ignored=true searches them too."
    )
    assert await outlined(tmp_path) == (
        "./\n  .gitignore (11 B)\n  c (1 B)\n[2 ignored entries left out; include_ignored=true]"
    )


async def test_what_is_ignored_is_shown_when_asked_for(tmp_path: Path):
    put(tmp_path, {".gitignore": "*.log\nout/\n", "a.log": "x", "out/b": "x", "c": "y"})

    assert await globbed(tmp_path, "**", include_ignored=True) == ".gitignore\na.log\nc\nout/b"
    assert await grepped(tmp_path, "x", include_ignored=True) == "a.log\n1:x\n\nout/b\n1:x"
    assert await outlined(tmp_path, include_ignored=True) == (
        "./\n  out/\n    b (1 B)\n  .gitignore (11 B)\n  a.log (1 B)\n  c (1 B)"
    )


async def test_an_ignored_folder_that_is_asked_for_is_looked_at(tmp_path: Path):
    put(tmp_path, {".gitignore": "out/\n", "out/b/c": "x", "out/.gitignore": "*.o", "out/d.o": ""})

    assert await globbed(tmp_path, "**", path="out") == "out/.gitignore\nout/b/c"
    assert await globbed(tmp_path, "**", path="out/b") == "out/b/c"


async def test_what_leaves_a_folder_out_has_no_say_in_it_when_it_is_asked_for(tmp_path: Path):
    put(tmp_path, {".gitignore": "*\n", "out/a": "", "out/.gitignore": "b\n", "out/b": ""})

    assert await globbed(tmp_path, "**", path="out") == "out/.gitignore\nout/a"


async def test_ignore_files_above_the_folder_count(tmp_path: Path):
    put(tmp_path, {".gitignore": "*.o\n/src/x\n", "src/a.o": "", "src/x": "", "src/y": ""})

    assert await globbed(tmp_path, "**", path="src") == "src/y"


async def test_a_folder_above_that_cannot_be_listed_has_no_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put(tmp_path, {".gitignore": "*.o\n", "src/.gitignore": "*.log\n", "src/a/b.o": "x"})
    put(tmp_path, {"src/a/b.log": "x"})

    def refuse_first(folder: int) -> list[Entry]:
        entries = scan(folder)
        if any(entry.name == "src" for entry in entries):
            raise PermissionError(13, "Permission denied")
        return entries

    monkeypatch.setattr(ignores, "scan", refuse_first)
    assert await globbed(tmp_path, "**", path="src/a") == "src/a/b.o"


async def test_dot_ignore_has_the_last_word_in_its_folder(tmp_path: Path):
    put(tmp_path, {".gitignore": "a\n", ".ignore": "!a\nb\n", "a": "", "b": ""})

    assert await globbed(tmp_path, "**") == ".gitignore\n.ignore\na"


async def test_gits_own_folder_is_never_shown(tmp_path: Path):
    put(tmp_path, {".git/config": "x", "sub/.git": "gitdir: x", "a/.gitkeep": ""})

    assert await globbed(tmp_path, "**", include_ignored=True) == "a/.gitkeep"


async def test_an_ignore_file_that_is_a_link_is_not_followed(tmp_path: Path):
    put(tmp_path, {"rules": "a\n", "a": ""})
    (tmp_path / ".gitignore").symlink_to("rules")

    assert await globbed(tmp_path, "?") == "a"


@pytest.mark.parametrize(
    "lines",
    [
        "\n".join(f"*foo*{number}*" for number in range(1_900)),
        "*a" * 400 + "b",
        "[" * 900,
        "x" * 300_000,
        "\0\n\xff\n[z-a]\n[[:nope:]]\n!\n/\n",
    ],
    ids=["many", "stars", "brackets", "long", "nonsense"],
)
async def test_a_hostile_ignore_file_does_no_harm(lines: str, tmp_path: Path):
    put(tmp_path, {".gitignore": lines.encode("latin-1"), "a" * 200: "", "b": ""})

    assert await globbed(tmp_path, "[ab]*") == f"{'a' * 200}\nb"
