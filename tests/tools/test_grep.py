"""Lines by a regular expression."""

import codecs
import errno
import os
from pathlib import Path

import pytest

from tools import grep_files
from tools.errors import ToolError
from tools.workspace import Workspace, open_regular
from tools.workspace_errors import PathError, told_of

from .finding import grepped, put


async def test_matches_stand_below_their_files_in_the_order_of_the_paths(tmp_path: Path):
    put(tmp_path, {"b/x": "foo\n", "b.py": "no\n  foo bar\nfoo", "a": "no\n", ".h": "a foo\n"})

    assert await grepped(tmp_path, "foo") == ".h\n1:a foo\n\nb/x\n1:foo\n\nb.py\n2:  foo bar\n3:foo"


async def test_one_file_can_be_searched(tmp_path: Path):
    put(tmp_path, {"a/b": "x\ny\n", "a/c": "x\n", ".gitignore": "*"})

    assert await grepped(tmp_path, "x", path="a/b") == "a/b\n1:x"
    assert await grepped(tmp_path, "z", path="a/b") == "No line of 'a/b' matches 'z'."


async def test_lines_around_matches_are_shown_once_with_gaps_between(tmp_path: Path):
    put(tmp_path, {"a": "".join(f"{n}{'x' if n in (2, 5, 12) else ''}\n" for n in range(1, 15))})

    assert await grepped(tmp_path, "x", context_lines=1) == (
        "a\n1-1\n2:2x\n3-3\n4-4\n5:5x\n6-6\n--\n11-11\n12:12x\n13-13"
    )


async def test_lines_around_matches_go_on_across_pieces_of_a_large_file(tmp_path: Path):
    lines = [f"{number:>7}" for number in range(1, 50_001)]  # 8 bytes each, pieces of 16,384 lines
    for number in (16_384, 16_386, 32_768, 49_153, 50_000):
        lines[number - 1] = "x"
    put(tmp_path, {"a": "\n".join(lines)})

    expected = ["a"]
    for first, last in ((16_383, 16_387), (32_767, 32_769), (49_152, 49_154), (49_999, 50_000)):
        expected += ["--"] if len(expected) > 1 else []
        for number in range(first, last + 1):
            text = lines[number - 1]
            expected.append(f"{number}{':' if text == 'x' else '-'}{text}")
    assert await grepped(tmp_path, "x", context_lines=1) == "\n".join(expected)
    assert await grepped(tmp_path, "x", output="count") == "a: 5"


async def test_a_page_says_how_to_see_the_next_one(tmp_path: Path):
    put(tmp_path, {"a": "x1\nx2\nx3\n", "b": "x4\n"})

    assert await grepped(tmp_path, "x", limit=2) == (
        "a\n1:x1\n2:x2\n\n[matching lines 1-2; more follow: offset=2]"
    )
    assert await grepped(tmp_path, "x", limit=2, offset=2) == (
        "a\n3:x3\n\nb\n1:x4\n\n[3-4 of 4 matching lines; the end]"
    )
    assert await grepped(tmp_path, "x", offset=4) == (
        "[offset=4 is behind the end: there are 4 matching lines]"
    )
    assert await grepped(tmp_path, "x", limit=1, output="files") == (
        "a\n[matching files 1-1; more follow: offset=1]"
    )
    assert await grepped(tmp_path, "x", limit=1, output="count", offset=1) == (
        "b: 1\n[2-2 of 2 matching files; the end]"
    )


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_the_pages_together_are_everything(limit: int, tmp_path: Path):
    put(tmp_path, {f"f{n}": "x\ny\nxx\nx\ny\ny\nx\n" for n in range(3)})

    matches, offset = [], 0
    while True:
        page = await grepped(tmp_path, "x", limit=limit, offset=offset)
        lines = page.split("\n")
        matches += [line for line in lines if line[0:1].isdigit()]
        if not lines[-1].endswith(f"offset={offset + limit}]"):
            break
        offset += limit
    assert matches == ["1:x", "3:xx", "4:x", "7:x"] * 3


async def test_a_page_shows_what_is_around_a_match_that_another_page_shows(tmp_path: Path):
    put(tmp_path, {"a": "1\n2x\n3x\n4\n5\n6x\n"})

    assert await grepped(tmp_path, "x", context_lines=1, limit=1) == (
        "a\n1-1\n2:2x\n\n[matching lines 1-1; more follow: offset=1]"
    )
    assert await grepped(tmp_path, "x", context_lines=1, limit=1, offset=1) == (
        "a\n2-2x\n3:3x\n4-4\n\n[matching lines 2-2; more follow: offset=2]"
    )


async def test_a_page_holds_no_more_than_50_kb(tmp_path: Path):
    put(tmp_path, {"a": ("x" * 496 + "\n") * 500})

    found = await grepped(tmp_path, "x", limit=1_000)
    shown = found.count(":x")
    assert found.endswith(f"\n[matching lines 1-{shown}; more follow: offset={shown}]")
    assert 49_000 < len(found) < 50_200


async def test_a_long_line_is_cut_around_its_match(tmp_path: Path):
    put(tmp_path, {"a": "é" * 5_000_000 + "needle" + "ü" * 1_000 + "\nshort needle\n"})

    assert await grepped(tmp_path, "needle") == (
        f"a\n1:[...]{'é' * 75}needle{'ü' * 172}[...] [cut: this line has 10,002,006 bytes]\n"
        "2:short needle"
    )


async def test_of_a_line_of_more_than_16_mb_the_start_is_searched(tmp_path: Path):
    size = 17 * 1024 * 1024
    put(tmp_path, {"a": "x" + "-" * size + "y\nz\n" + "-" * size + "y"})

    notice = "[lines of more than 16 MB, whose rest was not searched: a]"
    assert await grepped(tmp_path, "y|z") == f"a\n2:z\n{notice}"
    assert await grepped(tmp_path, "y") == f"No line matches 'y' in 1 file below '.'.\n{notice}"


@pytest.mark.parametrize(
    "content",
    [
        "ä\r\nfoo ä\r\n",
        codecs.BOM_UTF8 + "ä\nfoo ä".encode(),
        codecs.BOM_UTF16_LE + "ä\r\nfoo ä\r\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "ä\nfoo ä".encode("utf-16-be"),
        "ä\nfoo ä\n".encode("latin-1"),
    ],
    ids=["crlf", "utf-8", "utf-16-le", "utf-16-be", "latin-1"],
)
async def test_the_encoding_and_the_line_ends_make_no_difference(content, tmp_path: Path):
    put(tmp_path, {"a": content})

    assert await grepped(tmp_path, "^ä$|foo .$") == "a\n1:ä\n2:foo ä"


async def test_of_a_binary_file_only_is_said_that_it_matches(tmp_path: Path):
    put(tmp_path, {"a": b"foo\0\nfoo\n", "b": "foo", "c": b"\0bar"})

    assert await grepped(tmp_path, "foo") == "a: binary file matches\n\nb\n1:foo"
    assert await grepped(tmp_path, "foo", output="files") == "a\nb"
    assert await grepped(tmp_path, "foo", output="count") == "a: binary file matches\nb: 1"


async def test_control_characters_are_shown_as_symbols(tmp_path: Path):
    put(tmp_path, {"a": "x\x1b[31m\x07\ty\rz\n"})

    assert await grepped(tmp_path, "x") == "a\n1:x␛[31m␇\ty␍z"


@pytest.mark.parametrize(
    ("pattern", "given", "expected"),
    [
        ("a.c", {}, ["1:abc", "2:a.c"]),
        ("a.c", {"literal": True}, ["2:a.c"]),
        ("ABC", {"ignore_case": True}, ["1:abc"]),
        ("A.C", {"ignore_case": True, "literal": True}, ["2:a.c"]),
        (r"\.c\s*$", {}, ["2:a.c"]),
        (r"[^\n]c$", {}, ["1:abc", "2:a.c"]),
        ("^$", {}, ["3:"]),
        (r"\\n", {}, ["4:\\n"]),
        (r"[\]n]$", {}, ["4:\\n"]),
        ("(?i)B", {}, ["1:abc"]),
        ("(?s)c.*n", {}, []),
        ("a|$", {}, ["1:abc", "2:a.c", "3:", "4:\\n"]),
    ],
)
async def test_a_pattern_matches_within_lines(pattern, given, expected, tmp_path: Path):
    put(tmp_path, {"f": "abc\na.c\n\n\\n\n"})

    found = await grepped(tmp_path, pattern, **given)
    assert (found.split("\n")[1:] if found.startswith("f\n") else []) == expected


async def test_a_glob_chooses_files(tmp_path: Path):
    put(tmp_path, {"a.py": "x", "src/b.py": "x", "src/c.ts": "x"})

    assert await grepped(tmp_path, "x", glob="*.py", output="files") == "a.py\nsrc/b.py"
    assert await grepped(tmp_path, "x", glob="src/*", output="files") == "src/b.py\nsrc/c.ts"
    assert await grepped(tmp_path, "y", glob="*.ts") == (
        "No line matches 'y' in 1 file (glob '*.ts') below '.'."
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"pattern": ""}, "pattern: it is empty"),
        ({"pattern": "x" * 2_001}, "pattern: 2,001 characters are too many"),
        ({"pattern": "a\nb"}, "it holds a line break"),
        ({"pattern": "a\nb", "literal": True}, "it holds a line break"),
        ({"pattern": r"a\nb"}, r"a line never holds \n"),
        ({"pattern": r"\Aa"}, "write ^ for a line's start"),
        ({"pattern": r"a\z"}, "write $ for a line's end"),
        ({"pattern": r"a\Z"}, "write $ for a line's end"),
        ({"pattern": r"\C"}, "write . for any character"),
        ({"pattern": r"\Qa\E"}, "use literal=true"),
        ({"pattern": "(?m)a"}, "(?m) cannot be set"),
        ({"pattern": "(?-m:a)"}, "(?m) cannot be set"),
        ({"pattern": "(a"}, "missing ): (a (for text as it stands use literal=true)."),
        ({"pattern": "a)"}, "unexpected ): a)"),
        ({"pattern": "*"}, "no argument for repetition operator: *"),
        ({"pattern": "a(?=b)"}, "there is no look-around and no back-reference"),
        ({"pattern": "a(?<!b)"}, "there is no look-around and no back-reference"),
        ({"pattern": r"(a)\1"}, "there is no look-around and no back-reference"),
        ({"pattern": r"(?:\pL{50}){20}"}, "too large"),
        ({"pattern": "a{1001}"}, "invalid repetition size: {1001}"),
        ({"pattern": "a", "glob": "{a"}, "glob: '{a': a `{` is never closed"),
        ({"pattern": "a", "path": "nope"}, "'nope' was not found"),
        ({"pattern": "a", "path": "/"}, "leads out of the workspace"),
        ({"pattern": "a", "path": "pipe"}, "a named pipe, which is never opened"),
        ({"pattern": "a", "path": "f/x"}, "'f' is not a folder"),
        ({"pattern": "a", "context_lines": 11}, "context_lines"),
        ({"pattern": "a", "output": "all"}, "output"),
        ({"pattern": "a", "limit": 0}, "limit"),
    ],
)
async def test_bad_input_is_told(given, text: str, tmp_path: Path):
    put(tmp_path, {"f": "x"})
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ToolError) as caught:
        await grepped(tmp_path, **given)
    assert text in str(caught.value)


async def test_a_pattern_takes_linear_time(tmp_path: Path):
    put(tmp_path, {"a": "x" * 1_000_000 + "\n" + "xa" * 100_000})

    for pattern in ("(x+x+)+y", "(x|x|xx)*y", "(?:a|x)*x(?:a|x){500}y", "^(([a-z])+.)+[A-Z]$"):
        assert (await grepped(tmp_path, pattern)).startswith("No line matches")


async def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path, {"a": "x", "b\n": "x", "c": "x"})

    def refuse(folder: int, name: str, path: str) -> int:
        if name == "c":
            os.unlink(name, dir_fd=folder)
        if name.startswith("b"):
            raise PathError("no") from PermissionError()
        return open_regular(folder, name, path)

    monkeypatch.setattr(grep_files, "open_regular", refuse)
    assert await grepped(tmp_path, "x") == "a\n1:x\n[files that cannot be read: b␊]"


async def test_a_folder_that_the_system_refuses_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: Workspace, path: str) -> None:
        with told_of(path):
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Workspace, "open_folder", refuse)
    with pytest.raises(PathError, match=r"^'\.': permission denied"):
        await grepped(tmp_path, "x")


async def test_no_file_is_read_behind_a_full_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path, dict.fromkeys("abcdef", "x"))
    opened: list[str] = []

    def watched(folder: int, name: str, path: str) -> int:
        opened.append(path)
        return open_regular(folder, name, path)

    monkeypatch.setattr(grep_files, "open_regular", watched)
    assert await grepped(tmp_path, "x", limit=2, output="files") == (
        "a\nb\n[matching files 1-2; more follow: offset=2]"
    )
    assert opened == ["a", "b", "c"]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that refuses reads")
async def test_a_file_that_fails_while_it_is_read_is_named():
    process = Path(f"/proc/{os.getpid()}")

    assert await grepped(process, "x", path="mem") == (
        "No line of 'mem' matches 'x'.\n[files that cannot be read: mem]"
    )
