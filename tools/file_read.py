"""`file_read`: a file of the workspace as text with line numbers, or as an image."""

import os
from dataclasses import dataclass
from typing import Final

import aiofiles

from tools.base import tool
from tools.content import Image, to_output
from tools.context import ToolContext
from tools.errors import ToolError
from tools.file_text import NotTextError, Text, decoded
from tools.file_version import LARGEST_HASHED, most_to_read, version_of
from tools.threads import in_thread, to_its_end
from tools.tool_classes import ToolClass
from tools.workspace import Workspace
from tools.workspace_errors import shown, told_of

MOST_LINES: Final = 2_000
MOST_BYTES: Final = 50_000
"""Of text that one call shows, below the limit at which any result is cut."""

_LONGEST_LINE: Final = 2_000
"""Characters of a line that are shown."""

_SMALL: Final = 256 * 1024
"""Bytes of a file that is looked through without a thread."""

_HEAD: Final = 16
"""Bytes of a binary file that an error shows."""


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    info: os.stat_result
    key: str


@tool(ToolClass.LOCAL_READ, path="path")
async def file_read(
    path: str, context: ToolContext, start_line: int = 1, lines: int | None = None
) -> str | Image:
    """Read a file of the workspace: text with line numbers, or a PNG, JPEG, GIF or WebP image.

    Each line is its number, a tab and the text; the number and the tab are not in the file, so
    leave them off in file_edit. One call shows up to 2,000 lines and 50 kB, and of each line the
    first 2,000 characters; when there is more, the last line says how to read on. Binary files and
    files of more than 64 MB are refused.

    Args:
        path: relative to the workspace, or absolute inside it.
        start_line: the first line to show, from 1.
        lines: how many to show; up to the limit if left out.
    """
    _check_range(start_line, lines)
    file = await to_its_end(_load(Workspace(context.workspace), path))
    if len(file.data) <= _SMALL:
        return _shown(file, path, context, start_line, lines)
    return await in_thread(lambda: _shown(file, path, context, start_line, lines))


def _check_range(start_line: int, lines: int | None) -> None:
    if start_line < 1:
        raise ToolError(f"start_line: {start_line} is no line: the first line is 1.")
    if lines is not None and lines < 1:
        raise ToolError(f"lines: {lines} is too few: ask for 1 or more, or leave it out.")


async def _load(workspace: Workspace, path: str) -> _File:
    keys: list[str] = []

    def opener(_: str, __: int) -> int:
        with workspace.open_file(path) as opened:
            keys.append(opened.key)
            return opened.take()

    with told_of(path):
        # `open` itself refuses a NUL in a path, without a word to the model: it gets another name.
        file = await aiofiles.open("a file of the workspace", "rb", opener=opener)
        try:
            info = os.fstat(file.raw.fileno())
            _check_size(info.st_size, path)
            return _File(await file.read(most_to_read(info)), info, keys[0])
        finally:
            file.raw.close()  # here: after reading it does not block, and a thread costs more


def _check_size(size: int, path: str) -> None:
    if size > LARGEST_HASHED:
        raise ToolError(
            f"{shown(path)} has {size:,} bytes, more than the {LARGEST_HASHED:,} that can be read: "
            "search it, or take a part of it with a shell command."
        )


def _shown(
    file: _File, path: str, context: ToolContext, start_line: int, lines: int | None
) -> str | Image:
    """Give what the model sees, and note that it saw this version."""
    image = _image(file.data, path)
    result = image or _numbered(_text(file.data, path), path, start_line, lines)
    context.versions.show(file.key, version_of(file.data, file.info))
    return result


def _image(data: bytes, path: str) -> Image | None:
    """Give the image that a file is; None when it is none."""
    output = to_output(data)
    if output.is_error:
        return None
    block = output.content[0]
    if isinstance(block, Image):
        return block
    raise ToolError(f"{shown(path)} is an image that cannot be shown: {block} Make it smaller.")


def _text(data: bytes, path: str) -> Text:
    try:
        return decoded(data)
    except NotTextError:
        raise ToolError(
            f"{shown(path)} is a binary file of {len(data):,} bytes (it starts with "
            f"{data[:_HEAD].hex(' ')}): it cannot be read as text; use a program that knows its "
            "format."
        ) from None


def _numbered(text: Text, path: str, start_line: int, lines: int | None) -> str:
    every = text.lines()
    if not every:
        return f"[{shown(path)} is empty]"
    if start_line > len(every):
        raise ToolError(
            f"start_line: {start_line} is behind the end: {shown(path)} has {len(every):,} lines."
        )
    wanted = MOST_LINES if lines is None else min(lines, MOST_LINES)
    numbered = _fitting(every[start_line - 1 : start_line - 1 + wanted], start_line)
    return "\n".join([*numbered, *_notices(text, start_line, len(numbered), len(every))])


def _fitting(lines: list[str], number: int) -> list[str]:
    """Number lines until they take the bytes that there are; at least one."""
    fitting: list[str] = []
    left = MOST_BYTES
    for at, line in enumerate(lines, number):
        each = f"{at:>6}\t{_cut(line)}"
        left -= (len(each) if each.isascii() else len(each.encode(errors="replace"))) + 1
        if left < 0 and fitting:
            break
        fitting.append(each)
    return fitting


def _cut(line: str) -> str:
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{line[:_LONGEST_LINE]} [cut: this line has {len(line):,} characters]"


def _notices(text: Text, start_line: int, count: int, total: int) -> list[str]:
    """Say what the lines alone do not show."""
    notices = []
    if text.encoding != "UTF-8":
        notices.append(f"[encoding: {text.encoding}]")
    if text.ends_lines_with == "\r\n":
        notices.append("[lines end with CRLF; file_edit keeps that]")
    last = start_line + count - 1
    if last < total:
        notices.append(
            f"[lines {start_line}-{last} of {total}; read on with start_line={last + 1}]"
        )
    elif start_line > 1:
        notices.append(f"[lines {start_line}-{last} of {total}; the end]")
    return notices
