import hashlib
import os
from pathlib import Path

import pytest

from tools import Image
from tools.content import to_output
from tools.file_read import MOST_BYTES, file_read
from tools.file_version import LARGEST_HASHED

from .file_runs import Conversation

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


VERSION_OF_A = f"blake2b:{hashlib.blake2b(b'a', digest_size=16).hexdigest()}"


@pytest.fixture
def conversation(tmp_path: Path) -> Conversation:
    return Conversation(tmp_path)


pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


async def read(conversation: Conversation, data: bytes, **given: int) -> str:
    (conversation.workspace / "a").write_bytes(data)
    result = await conversation.call(file_read, path="a", **given)
    assert isinstance(result, str)
    return result


async def refused(conversation: Conversation, data: bytes, **given: int) -> str:
    (conversation.workspace / "a").write_bytes(data)
    return await conversation.refusal(file_read, path="a", **given)


async def test_lines_are_numbered_as_an_editor_numbers_them(conversation):
    assert await read(conversation, b"one\n\n\tthree") == "     1\tone\n     2\t\n     3\t\tthree"


async def test_only_a_line_feed_ends_a_line(conversation):
    text = "a\x0bb\x0cc\u2028d\x85e\rf\n"

    assert await read(conversation, text.encode()) == f"     1\t{text[:-1]}"


async def test_a_range_is_read_and_says_where_it_stands(conversation):
    data = b"".join(b"line %d\n" % number for number in range(1, 11))

    assert await read(conversation, data, start_line=3, lines=2) == (
        "     3\tline 3\n     4\tline 4\n[lines 3-4 of 10; read on with start_line=5]"
    )
    assert await read(conversation, data, start_line=10) == (
        "    10\tline 10\n[lines 10-10 of 10; the end]"
    )
    assert await read(conversation, data, lines=9_999) == await read(conversation, data)


async def test_two_thousand_lines_are_shown_and_how_to_read_on(conversation):
    result = await read(conversation, b"x\n" * 5312)

    assert result.endswith("  2000\tx\n[lines 1-2000 of 5312; read on with start_line=2001]")
    last = await read(conversation, b"x\n" * 5312, start_line=4001)
    assert last.endswith("  5312\tx\n[lines 4001-5312 of 5312; the end]")


async def test_what_is_shown_fits_the_limit_of_bytes_and_is_not_cut_again(conversation):
    result = await read(conversation, "ä".encode() * 500 + b"\n" + b"y" * 900 + b"\n" * 1)
    assert "cut" not in result
    result = await read(conversation, ("ä" * 500 + "\n").encode() * 1000)

    assert MOST_BYTES - 2_000 < len(result.encode()) < MOST_BYTES + 200
    assert to_output(result).text == result
    assert "[lines 1-49 of 1000; read on with start_line=50]" in result


async def test_reading_on_shows_every_line_once(conversation):
    (conversation.workspace / "a").write_text("".join(f"{'z' * 300}{n}\n" for n in range(700)))
    seen: list[str] = []
    while True:
        result = await conversation.call(file_read, path="a", start_line=len(seen) + 1)
        shown = [line.split("\t")[1] for line in result.split("\n") if "\t" in line]
        seen += shown
        if "read on" not in result:
            break

    assert seen == [f"{'z' * 300}{n}" for n in range(700)]


async def test_a_very_long_line_is_cut_with_a_notice(conversation):
    assert await read(conversation, b"x" * 12_345 + b"\nshort\n") == (
        f"     1\t{'x' * 2000} [cut: this line has 12,345 characters]\n     2\tshort"
    )


async def test_an_empty_file_says_so(conversation):
    assert await read(conversation, b"") == "['a' is empty]"
    assert await read(conversation, b"\n") == "     1\t"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("ä\n".encode(), "     1\tä"),
        (b"\xef\xbb\xbf" + "ä\n".encode(), "     1\tä\n[encoding: UTF-8 with BOM]"),
        ("\ufeffä\n".encode("utf-16-le"), "     1\tä\n[encoding: UTF-16 LE with BOM]"),
        ("\ufeffä\n".encode("utf-16-be"), "     1\tä\n[encoding: UTF-16 BE with BOM]"),
        ("ä\n".encode("latin-1"), "     1\tä\n[encoding: Latin-1 (guessed: it is no UTF-8)]"),
        (b"a\r\nb\r\n", "     1\ta\n     2\tb\n[lines end with CRLF; file_edit keeps that]"),
        (b"a\r\nb\nc\n", "     1\ta\n     2\tb\n     3\tc"),
        (b"\x1b[31mred\x1b[0m\n", "     1\t\x1b[31mred\x1b[0m"),
    ],
)
async def test_an_encoding_is_told_when_it_is_not_plain(conversation, data, said):
    assert await read(conversation, data) == said


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0",
        b"text\0text",
        b"\xff\xfe\0\0a\0\0\0",
        b"\xff\xfea",
        b"\xfe\xff\xd8\x00",
        bytes(range(1, 256)),
        b"\x80\x81\x01\x02\x03\x04",
    ],
)
async def test_a_binary_file_is_refused_with_its_size_and_start(conversation, data):
    assert await refused(conversation, data) == (
        f"'a' is a binary file of {len(data):,} bytes (it starts with {data[:16].hex(' ')}): it "
        "cannot be read as text; use a program that knows its format."
    )


@pytest.mark.parametrize(
    "data", [PNG, b"\xff\xd8\xff\xe0rest", b"GIF89a..", b"RIFF\x10\0\0\0WEBPVP8 "]
)
async def test_an_image_is_shown_as_one_whatever_its_name(conversation, data):
    (conversation.workspace / "a.txt").write_bytes(data)
    image = await conversation.call(file_read, path="a.txt")

    assert isinstance(image, Image)
    assert image.data == data
    assert conversation.last.shown.keys() == {"a.txt"}


async def test_an_image_that_is_too_large_is_refused(conversation):
    said = await refused(conversation, PNG + b"\0" * 4_000_000)

    assert said.startswith("'a' is an image that cannot be shown: ")
    assert said.endswith("Make it smaller.")


async def test_a_file_that_is_too_large_is_refused_without_reading_it(conversation):
    with (conversation.workspace / "a").open("wb") as file:
        file.truncate(LARGEST_HASHED + 1)

    assert await conversation.refusal(file_read, path="a") == (
        "'a' has 67,108,865 bytes, more than the 67,108,864 that can be read: search it, or take "
        "a part of it with a shell command."
    )


async def test_a_range_that_is_none_is_refused(conversation):
    assert await refused(conversation, b"a\nb\n", start_line=3) == (
        "start_line: 3 is behind the end: 'a' has 2 lines."
    )
    assert await refused(conversation, b"a", start_line=0) == (
        "start_line: 0 is no line: the first line is 1."
    )
    assert await refused(conversation, b"a", lines=0) == (
        "lines: 0 is too few: ask for 1 or more, or leave it out."
    )


async def test_what_was_read_is_noted_with_its_version(conversation):
    (conversation.workspace / "folder").mkdir()
    (conversation.workspace / "folder" / "a").write_text("a")
    (conversation.workspace / "link").symlink_to("folder/a")
    await conversation.call(file_read, path="folder/a")
    by_name = conversation.last.shown
    await conversation.call(file_read, path="link", start_line=1, lines=1)

    assert conversation.last.shown == by_name == {"folder/a": VERSION_OF_A}


async def test_what_could_not_be_read_is_not_noted(conversation):
    await refused(conversation, b"\0")
    assert conversation.last.shown == {}
    await refused(conversation, b"a\n", start_line=2)
    assert conversation.last.shown == {}


async def test_a_file_in_a_pipe_or_a_folder_is_refused_at_once(conversation):
    os.mkfifo(conversation.workspace / "pipe")

    assert "a named pipe" in await conversation.refusal(file_read, path="pipe")
    assert "is a folder" in await conversation.refusal(file_read, path=".")


async def test_a_file_with_many_lines_is_looked_through_in_a_thread(conversation):
    result = await read(conversation, b"line\n" * 200_000, start_line=150_000, lines=1)

    assert result == (
        "150000\tline\n[lines 150000-150000 of 200000; read on with start_line=150001]"
    )
