"""Files by a pattern for their paths."""

import asyncio
import os
from pathlib import Path

import pytest

from tools import tree_walk
from tools.errors import ToolError
from tools.workspace import enter

from .finding import globbed, put

TREE = ("a.py", "b.PY", "src/a.ts", "src/b.tsx", "src/deep/c.ts", "src/deep/d.py", "t/[x].py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    put(tmp_path, dict.fromkeys((*TREE, ".github/ci.yml", "a b/{c}", "t/1-2,3"), ""))
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.py", "a.py src/deep/d.py t/[x].py"),
        ("**/*.py", "a.py src/deep/d.py t/[x].py"),
        ("./*.py", "a.py"),
        ("src/*.{ts,tsx}", "src/a.ts src/b.tsx"),
        ("src/**/*.ts", "src/a.ts src/deep/c.ts"),
        ("src/**", "src/a.ts src/b.tsx src/deep/c.ts src/deep/d.py"),
        ("**/deep/*", "src/deep/c.ts src/deep/d.py"),
        ("{src/deep,t}/*.py", "src/deep/d.py t/[x].py"),
        ("[a-b].{py,PY}", "a.py b.PY"),
        ("[!a].*", "b.PY src/b.tsx src/deep/c.ts src/deep/d.py"),
        ("[^a].py", "src/deep/d.py"),
        ("src[!a]b.tsx", ""),
        ("src?b.tsx", ""),
        ("?.ts", "src/a.ts src/deep/c.ts"),
        (r"\[x\].py", "t/[x].py"),
        ("[[]x].py", "t/[x].py"),
        (r"\{c\}", "a b/{c}"),
        ("1-2,3", "t/1-2,3"),
        ("*.yml", ".github/ci.yml"),
        ("src/deep", ""),
        ("src*", ""),
        ("SRC/*", ""),
        ("{{a,b}.py,c.ts}", "a.py src/deep/c.ts"),
        ("{**/*.ts,**/*.tsx}", "src/a.ts src/b.tsx src/deep/c.ts"),
        ("{src/**/*.py,t/*}", "src/deep/d.py t/1-2,3 t/[x].py"),
        ("{a,}.py", "a.py"),
        ("[{]*", "a b/{c}"),
        (r"*\,3", "t/1-2,3"),
        ("[[:upper:]]*", ""),
        ("*.[[:upper:]]*", "b.PY"),
    ],
)
async def test_a_pattern_matches(pattern: str, expected: str, tree: Path):
    found = await globbed(tree, pattern)
    if not expected:
        assert found == f"No file matches {pattern!r} below '.'."
    else:
        assert found.replace("\n", " ") == expected


async def test_the_order_is_that_of_the_names_folder_by_folder(tmp_path: Path):
    put(tmp_path, dict.fromkeys(("b/z", "b.c", "a", "b/a/x", "B", "b-"), ""))

    assert await globbed(tmp_path, "**") == "B\na\nb/a/x\nb/z\nb-\nb.c"


async def test_a_pattern_is_relative_to_the_folder_and_paths_to_the_workspace(tree: Path):
    assert await globbed(tree, "deep/*.ts", path="src") == "src/deep/c.ts"
    assert await globbed(tree, "deep/*.ts", path=str(tree / "src")) == "src/deep/c.ts"


async def test_a_page_says_how_to_see_the_next_one(tmp_path: Path):
    put(tmp_path, {f"f{number}": "" for number in range(5)})

    assert (
        await globbed(tmp_path, "*", limit=2) == "f0\nf1\n[1-2 of 5 files; read on with offset=2]"
    )
    assert await globbed(tmp_path, "*", limit=2, offset=2) == (
        "f2\nf3\n[3-4 of 5 files; read on with offset=4]"
    )
    assert await globbed(tmp_path, "*", limit=2, offset=4) == "f4\n[5-5 of 5 files; the end]"
    assert (
        await globbed(tmp_path, "*", offset=9) == "[offset=9 is behind the end: there are 5 files]"
    )


async def test_a_page_holds_no_more_than_50_kb(tmp_path: Path):
    put(tmp_path, {f"{'x' * 240}{number:04}": "" for number in range(300)})
    put(tmp_path, {"z": ""})  # small enough, but behind what there was no room for

    found = await globbed(tmp_path, "*", limit=1_000)
    shown = 50_000 // 245
    assert found.endswith(f"[1-{shown} of 301 files; read on with offset={shown}]")
    assert len(found.split("\n")) == shown + 1


async def test_a_link_is_named_with_its_target_and_not_followed(tmp_path: Path):
    put(tmp_path, {"src/a.py": ""})
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "out").symlink_to("/")
    (tmp_path / "src/gone.py").symlink_to("nowhere")

    assert await globbed(tmp_path, "**") == (
        "loop -> .\nout -> /\nsrc/a.py\nsrc/gone.py -> nowhere"
    )


async def test_a_name_is_shown_on_one_line_whatever_is_in_it(tmp_path: Path):
    for name in (b"new\nline\x1b[31m\t\r", b"\xff.py", "é".encode()):
        (tmp_path / os.fsdecode(name)).write_bytes(b"")

    assert await globbed(tmp_path, "*") == "new␊line␛[31m␉␍\né\n\ufffd.py"
    assert await globbed(tmp_path, "?.py") == "\ufffd.py"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"pattern": ""}, "pattern: '': it names nothing."),
        ({"pattern": "./"}, "pattern: './': it names nothing."),
        ({"pattern": "/etc/*"}, "pattern: '/etc/*': it is relative to `path`"),
        ({"pattern": "../*"}, "pattern: '../*': `..` leads nowhere in it"),
        ({"pattern": "src/"}, "it is for files: write 'src/**' for all below."),
        ({"pattern": "{a,b"}, r"a `{` is never closed (`\{` is the brace)."),
        ({"pattern": "{a,b}" * 7}, "its braces make more than 100 patterns."),
        ({"pattern": "{a,b}" * 200}, "its braces make more than 100 patterns."),
        ({"pattern": "a[b"}, r"a `[` is never closed (`\[` is the bracket)."),
        ({"pattern": "a\\"}, r"a `\` stands at the end of a name."),
        ({"pattern": "[z-a]"}, "it is too large or has a range like [z-a]."),
        ({"pattern": "x" * 1_001}, "pattern: 1,001 characters are too many"),
        ({"pattern": "*", "limit": 0}, "limit"),
        ({"pattern": "*", "limit": 1_001}, "limit"),
        ({"pattern": "*", "offset": -1}, "offset"),
        ({"pattern": "*", "path": "nope"}, "'nope' was not found"),
        ({"pattern": "*", "path": "a.py"}, "'a.py' is not a folder"),
        ({"pattern": "*", "path": ".."}, "leads out of the workspace"),
        ({"pattern": "*", "path": ""}, "The path is empty"),
    ],
)
async def test_bad_input_is_told(given, text: str, tree: Path):
    with pytest.raises(ToolError) as caught:
        await globbed(tree, **given)
    assert text in str(caught.value)


async def test_a_pattern_takes_linear_time(tmp_path: Path):
    put(tmp_path, {"a" * 250: ""})

    assert (await globbed(tmp_path, "*a" * 300 + "b")).startswith("No file matches")


async def test_many_braces_are_read(tree: Path):
    assert await globbed(tree, "{}" * 496 + "a.py") == "a.py"


async def test_only_folders_in_which_something_may_match_are_read(tree: Path, monkeypatch):
    entered: list[str] = []

    def watched(folder: int, name: str) -> int:
        entered.append(name)
        return enter(folder, name)

    monkeypatch.setattr(tree_walk, "enter", watched)
    assert await globbed(tree, "src/*.ts") == "src/a.ts"
    assert await globbed(tree, "{src/deep/*,a b/?}", limit=1) == (
        "src/deep/c.ts\n[1-1 of 2 files; read on with offset=1]"
    )
    assert entered == ["src", "a b", "src", "deep"]


async def test_the_order_does_not_hang_on_the_disk(tmp_path: Path):
    names = [f"{number * 7919 % 1000:03}" for number in range(200)]
    for at, name in enumerate(names):
        path = tmp_path / name
        await asyncio.to_thread(path.write_text, "")
        os.utime(path, (at, at))

    assert await globbed(tmp_path, "*") == "\n".join(sorted(names))
