from pathlib import Path
from typing import Any

import pytest

from tools.file_edit import file_edit
from tools.file_read import file_read
from tools.file_version import LARGEST_HASHED

from .file_runs import Conversation


@pytest.fixture
def conversation(tmp_path: Path) -> Conversation:
    return Conversation(tmp_path)


pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


def edits(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"old_text": old, "new_text": new} for old, new in pairs]


async def edited(conversation: Conversation, data: bytes, *pairs: tuple[str, str]) -> bytes:
    """Give the bytes after some edits."""
    file = conversation.workspace / "a"
    file.write_bytes(data)
    await conversation.call(file_edit, path="a", edits=edits(*pairs))
    conversation.written.clear()
    return file.read_bytes()


async def refused(conversation: Conversation, data: bytes, given: list[dict[str, Any]]) -> str:
    """Give what is said of edits that leave the file as it is."""
    file = conversation.workspace / "a"
    file.write_bytes(data)
    before = file.stat()
    said = await conversation.refusal(file_edit, path="a", edits=given)
    assert (file.read_bytes(), file.stat().st_ino) == (data, before.st_ino)
    assert [*conversation.workspace.iterdir()] == [file]
    return said


async def test_an_exact_text_is_replaced_and_the_change_is_shown(conversation):
    (conversation.workspace / "a").write_text("".join(f"line {n}\n" for n in range(1, 10)))

    assert await conversation.call(
        file_edit, path="a", edits=edits(("line 5\n", "line five\nand a half\n"))
    ) == (
        "Edited 'a': 1 replacement.\n"
        "      3\tline 3\n"
        "      4\tline 4\n"
        "-     5\tline 5\n"
        "+     5\tline five\n"
        "+     6\tand a half\n"
        "      7\tline 6\n"
        "      8\tline 7"
    )
    assert (conversation.workspace / "a").read_text() == (
        "line 1\nline 2\nline 3\nline 4\nline five\nand a half\nline 6\nline 7\nline 8\nline 9\n"
    )


async def test_each_edit_works_on_what_the_one_before_left(conversation):
    assert await edited(conversation, b"a b c", ("a", "x"), ("x b", "y"), ("c", "")) == b"y "


async def test_the_second_edit_may_not_match_and_then_none_is_applied(conversation):
    assert await refused(conversation, b"one\ntwo\n", edits(("one", "1"), ("three", "3"))) == (
        "'a' (after the edits before it), edits[1] (edit 2 of 2): old_text is not in the file. "
        "Read the lines again, and copy them exactly. Nothing was changed."
    )


async def test_a_text_that_occurs_several_times_is_refused_with_its_lines(conversation):
    assert await refused(conversation, b"x\ny\nx\n\nx x\n", edits(("x", "z"))) == (
        "'a', edits[0] (edit 1 of 1): old_text occurs 4 times, in lines 1, 3, 5, 5: add lines "
        "around it until it occurs once, or set replace_all. Nothing was changed."
    )


async def test_places_that_overlap_count_as_several(conversation):
    assert "occurs 2 times, in lines 1, 1" in await refused(conversation, b"aaa", edits(("aa", "")))


async def test_very_many_places_are_not_all_counted(conversation):
    said = await refused(conversation, b"x\n" * 5000, edits(("x", "y")))

    assert "1,000 times or more, in lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...: add" in said


async def test_every_place_is_replaced_if_that_is_wanted(conversation):
    (conversation.workspace / "a").write_text("x\n" * 5000)
    given = [{"old_text": "x", "new_text": "y", "replace_all": True}]
    said = await conversation.call(file_edit, path="a", edits=given)

    assert (conversation.workspace / "a").read_text() == "y\n" * 5000
    assert said == "Edited 'a': 5,000 replacements.\n(lines 1-5000 changed)"


async def test_a_long_change_is_shown_in_part(conversation):
    (conversation.workspace / "a").write_text("x\n" * 100)
    given = [{"old_text": "x", "new_text": "y", "replace_all": True}]
    said = await conversation.call(file_edit, path="a", edits=given)

    assert said.count("\n") == 61
    assert said.endswith("\n...")


async def test_changes_that_are_far_apart_are_shown_apart(conversation):
    (conversation.workspace / "a").write_text("".join(f"{n}\n" for n in range(1, 40)))
    said = await conversation.call(file_edit, path="a", edits=edits(("3\n4\n", ""), ("\n38", "x")))

    assert said == (
        "Edited 'a': 2 replacements.\n"
        "      1\t1\n"
        "      2\t2\n"
        "-     3\t3\n"
        "-     4\t4\n"
        "      3\t5\n"
        "      4\t6\n"
        "...\n"
        "     33\t35\n"
        "     34\t36\n"
        "-    37\t37\n"
        "-    38\t38\n"
        "+    35\t37x\n"
        "     36\t39"
    )


async def test_a_change_of_the_last_line_feed_alone_is_named(conversation):
    (conversation.workspace / "a").write_text("a\n")

    assert await conversation.call(file_edit, path="a", edits=edits(("a\n", "a"))) == (
        "Edited 'a': 1 replacement.\n(no line changed, only how the last one ends)"
    )


@pytest.mark.parametrize(
    ("data", "pair", "after"),
    [
        (b"a\r\nb\r\nc\r\n", ("a\nb", "x\ny\nz"), b"x\r\ny\r\nz\r\nc\r\n"),
        (b"a\r\nb\r\nc\r\n", ("a\r\nb", "x\r\ny"), b"x\r\ny\r\nc\r\n"),
        (b"a\r\nb\r\n", ("b", "x\ny"), b"a\r\nx\r\ny\r\n"),
        (b"a\r\nb\r\n", ("\nb", ""), b"a\r\n"),
        (b"a\nb\r\nc\nd\n", ("a\nb\nc", "x\ny"), b"x\r\ny\nd\n"),
        (b"a\nb\r\nc\n", ("a\n", "x\ny\n"), b"x\ny\nb\r\nc\n"),
        (b"a\nb\n", ("a", "x\r\ny"), b"x\ny\nb\n"),
        (b"a\rb\n", ("b", "c"), b"a\rc\n"),
        (b"one line", ("one", "two\nlines,"), b"two\nlines, line"),
    ],
)
async def test_line_endings_stay_as_they_are(conversation, data, pair, after):
    assert await edited(conversation, data, pair) == after


@pytest.mark.parametrize(
    ("encode", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("latin-1", b""),
    ],
)
async def test_encoding_and_byte_order_mark_stay(conversation, encode, mark):
    data = mark + "ä = 1\r\nö = 2\r\n".encode(encode)

    assert await edited(conversation, data, ("ö = 2", "ü = 3\nß = 4")) == (
        mark + "ä = 1\r\nü = 3\r\nß = 4\r\n".encode(encode)
    )


async def test_a_character_that_the_encoding_lacks_is_refused(conversation):
    assert await refused(conversation, "ä\n".encode("latin-1"), edits(("ä", "→"))) == (
        "'a' is Latin-1 (guessed: it is no UTF-8), which has no '→': leave it out, or write the "
        "whole file as UTF-8 with file_write."
    )


async def test_special_characters_of_patterns_are_ordinary(conversation):
    assert await edited(conversation, b"a.*b(\\1)\n", ("a.*b(\\1)", "\\g<0>\\n$1")) == (
        b"\\g<0>\\n$1\n"
    )


@pytest.mark.parametrize(
    ("data", "old", "hint"),
    [
        (
            b"\nif x:\n    pass  \n\n    done\n",
            "if x:\n\tpass\n\tdone",
            (
                "Lines 2-5 have the same words but other white space: check indentation, tabs, "
                "spaces at the ends of lines and blank lines."
            ),
        ),
        (
            b"one\ntwo\n",
            "     1\tone\n     2\ttwo\n",
            "It starts with line numbers, which are not in the file: leave them off.",
        ),
        (b"x\nDef F():\n", "def f():", "It is there in other letter case, near line 2."),
        (
            b"def greet(name):\n    return name\n",
            "def greets(names):",
            "Similar lines: line 1: 'def greet(name):'.",
        ),
        (b"", "anything", ""),
        (b"text\n", "\n\n\n", ""),
    ],
)
async def test_a_text_that_is_not_there_is_refused_with_a_hint(conversation, data, old, hint):
    assert await refused(conversation, data, edits((old, "new"))) == " ".join(
        [
            "'a', edits[0] (edit 1 of 1): old_text is not in the file.",
            *([hint] if hint else []),
            "Read the lines again, and copy them exactly. Nothing was changed.",
        ]
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "edits: the list is empty: give at least one replacement."),
        (
            edits(("", "x")),
            (
                "'a', edits[0] (edit 1 of 1): old_text is empty: give the text to replace, or use "
                "file_write. Nothing was changed."
            ),
        ),
        (
            edits(("a", "a")),
            (
                "'a', edits[0] (edit 1 of 1): old_text and new_text are the same: it would change "
                "nothing. Nothing was changed."
            ),
        ),
        (
            edits(("a", "b"), ("b", "a")),
            "'a': the edits undo each other: nothing would change.",
        ),
    ],
)
async def test_edits_that_would_change_nothing_are_refused(conversation, given, said):
    assert await refused(conversation, b"a\n", given) == said


async def test_a_binary_file_and_one_that_is_too_large_are_refused(conversation):
    assert await refused(conversation, b"a\0b", edits(("a", "b"))) == (
        "'a' is a binary file of 3 bytes: only text can be edited."
    )
    with (conversation.workspace / "a").open("wb") as file:
        file.truncate(LARGEST_HASHED + 1)
    assert "more than the 67,108,864 bytes that can be edited" in await conversation.refusal(
        file_edit, path="a", edits=edits(("a", "b"))
    )


async def test_a_file_that_is_not_there_is_not_made(conversation):
    (conversation.workspace / "main.py").touch()

    assert await conversation.refusal(file_edit, path="mian.py", edits=edits(("a", "b"))) == (
        "'mian.py' was not found: there is no 'mian.py' in '.'; near names there: 'main.py'."
    )
    assert not (conversation.workspace / "mian.py").exists()


async def test_a_file_that_was_never_read_may_be_edited(conversation):
    assert await edited(conversation, b"a\n", ("a", "b")) == b"b\n"


async def test_a_file_that_changed_since_it_was_read_is_not_edited(conversation):
    (conversation.workspace / "a").write_text("old text")
    await conversation.call(file_read, path="a")

    assert await refused(conversation, b"old text, own words", edits(("old", "new"))) == (
        "'a' has changed since it was read: read it again, so that nobody's changes are lost. "
        "Nothing was done."
    )


async def test_edits_follow_one_another_without_reading_in_between(conversation):
    (conversation.workspace / "a").write_text("1")
    await conversation.call(file_read, path="a")
    await conversation.call(file_edit, path="a", edits=edits(("1", "2")))
    await conversation.call(file_edit, path="a", edits=edits(("2", "3")))

    assert (conversation.workspace / "a").read_text() == "3"
