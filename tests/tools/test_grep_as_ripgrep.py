"""What grep finds, as ripgrep sees it: same files, same order, same lines."""

import asyncio
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from .finding import grepped, put

RIPGREP = shutil.which("rg")

pytestmark = pytest.mark.skipif(
    RIPGREP is None, reason="ripgrep is not on PATH: grep is NOT COMPARED with it"
)

WORDS = (
    "foo",
    "Foo",
    "bar()",
    "x = 1",
    "ä",
    "Ä",
    "a.b",
    "$",
    "\t",
    "import os",
    "",
    "// *",
    "日本",
)
NAMES = ("a", "b.py", "src", "x.txt", ".hidden", "Ä.py", "c d", "a.b", "A")
PATTERNS = (
    "foo",
    "^foo",
    "foo$",
    r"\bfoo\b",
    "^$",
    r"^\s*$",
    r"o+ +b",
    "ä",
    "[^a-z]$",
    "(foo|bar) .*x",
    r"\(\)",
    r"(?i)FOO",
    "x*",
    r"\d{1,2}",
    r"[\s,]x",
    "日.",
    r"\$",
    "nothing at all",
)
ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16")
GIVEN: tuple[tuple[dict[str, object], tuple[str, ...]], ...] = (
    ({}, ()),
    ({"ignore_case": True}, ("-i",)),
    ({"context_lines": 1}, ("-C1",)),
    ({"context_lines": 3, "ignore_case": True}, ("-C3", "-i")),
    ({"output": "files"}, ("-l",)),
    ({"output": "count"}, ("-c",)),
    # A glob of ripgrep's brings back what is ignored.
    ({"glob": "*.py", "include_ignored": True}, ("-u", "-g", "*.py")),
    ({"glob": "src/**/*.{py,txt}", "include_ignored": True}, ("-u", "-g", "src/**/*.{py,txt}")),
)


def grow(chance: random.Random, folder: Path, depth: int) -> None:
    for name in chance.sample(NAMES, chance.randint(2, 6)):
        if depth and "." not in name:
            grow(chance, folder / name, depth - 1)
            continue
        lines = [" ".join(chance.choices(WORDS, k=3)) for _ in range(chance.randint(0, 30))]
        end = chance.choice(("\n", "\n", "\r\n"))
        text = end.join(lines) + chance.choice((end, ""))
        put(folder, {name: text.encode(chance.choice(ENCODINGS))})
    if chance.random() < 0.3:
        put(folder, {".gitignore": chance.choice(("*.txt\n", "/a\n", "*\n!*.py\n!*/\n"))})


def as_ripgrep_sees(folder: Path, pattern: str, options: tuple[str, ...]) -> str:
    done = subprocess.run(
        [
            *(str(RIPGREP), "--no-config", "--sort", "path", "--hidden", "--no-require-git"),
            *("--no-ignore-global", "--no-ignore-exclude", "--no-ignore-parent", "--crlf"),
            *("--heading", "--line-number", "--color", "never", *options, "-e", pattern, "."),
        ],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    text = done.stdout.decode().removesuffix("\n")
    lines = [line.removeprefix("./").removesuffix("\r") for line in text.split("\n")]
    if "-c" in options:
        lines = [line.replace(":", ": ") for line in lines]
    return "\n".join(lines)


@pytest.mark.parametrize("given", GIVEN, ids=lambda given: " ".join(given[1]) or "plain")
@pytest.mark.parametrize("seed", range(5))
async def test_grep_finds_what_ripgrep_finds(seed: int, given, tmp_path: Path):
    arguments, options = given
    grow(random.Random(seed), tmp_path, 2)

    for pattern in PATTERNS:
        expected = await asyncio.to_thread(as_ripgrep_sees, tmp_path, pattern, options)
        found = await grepped(tmp_path, pattern, limit=1_000, **arguments)
        assert (found if not found.startswith("No line") else "") == expected, pattern


@pytest.mark.parametrize("text", ["a.b", "$", "bar()", "// *", r"\d"])
async def test_grep_finds_text_as_ripgrep_finds_it(text: str, tmp_path: Path):
    grow(random.Random(7), tmp_path, 2)

    expected = await asyncio.to_thread(as_ripgrep_sees, tmp_path, text, ("-F",))
    found = await grepped(tmp_path, text, literal=True, limit=1_000)
    assert (found if not found.startswith("No line") else "") == expected
