"""What a model reads of a command: how it ended, what it wrote, what else it should know."""

import re
from typing import Final

from tools.content import EMPTY, ToolOutput
from tools.output import Excerpt, render
from tools.output_log import Piece, narrowed, piece
from tools.program import Completed
from tools.shell_command import Command, end_of
from tools.text import cleaned

SHOWN_BYTES: Final = 30_000
"""Of one command's output, or of one reading of it."""

_SAMPLE: Final = 8_000
"""Bytes of an output by which it is told whether it is text."""

_TEXT_SHARE: Final = 0.7
"""Of the characters of a text, so many are readable at least."""

_SHOWN_OF_BINARY: Final = 400

_UNREADABLE: Final = re.compile("[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
"""Bell, backspace, escape and white space belong to what terminals are sent."""


def is_long(command: Command) -> bool:
    """Say whether a command wrote more than is shown."""
    return command.log.total > SHOWN_BYTES


def result(command: Command, completed: Completed, kept_as: str | None) -> ToolOutput:
    """Tell how a command went; `kept_as` is the id under which its output can be read on."""
    end = end_of(completed)
    lines = [end.text] if completed.exit_code != 0 or completed.timed_out else []
    if completed.timed_out:
        lines[0] += ", and was ended with all that it started; what it wrote until then:"
    excerpt = narrowed(command.log.excerpt(), SHOWN_BYTES)
    lines += [written(excerpt), *notes(command, completed)]
    if kept_as is not None and is_long(command):
        since = piece(excerpt, 0, len(excerpt.head)).end
        lines.append(f'[What was left out: shell_output(id="{kept_as}", since={since})]')
    return ToolOutput(("\n".join(lines),), end.is_cut_short)


def notes(command: Command, completed: Completed) -> list[str]:
    """Say what else is worth knowing of a command that has ended."""
    ended = completed.ended
    found = []
    if completed.timed_out:
        found.append(
            "[For what takes longer: a larger timeout_seconds, or background=true for what is to "
            "go on running.]"
        )
    left = [each for each in ended.found if each not in ended.survivors]
    if left and not completed.timed_out and not command.is_stopped:
        found.append(
            f"[It left these running, and they were ended with it: {', '.join(left)}. To keep a "
            "program running, start it with background=true and without `&`.]"
        )
    if ended.survivors:
        found.append(f"[These could not be ended and may still run: {', '.join(ended.survivors)}.]")
    return found


def written(excerpt: Excerpt) -> str:
    """Show an output, without the line end that closes it."""
    if _is_binary(excerpt.head[:_SAMPLE] + excerpt.tail[-_SAMPLE:]):
        return _binary(excerpt.head or excerpt.tail, excerpt.total)
    return cleaned(render(excerpt)).removesuffix("\n") or EMPTY


def piece_text(part: Piece) -> str:
    """Show a part of an output."""
    if _is_binary(part.data[:_SAMPLE]):
        return _binary(part.data, len(part.data))
    return cleaned(part.data.decode(errors="replace")).removesuffix("\n")


def _is_binary(sample: bytes) -> bool:
    text = sample.decode(errors="replace")
    return len(_UNREADABLE.findall(text)) > (1 - _TEXT_SHARE) * len(text)


def _binary(data: bytes, total: int) -> str:
    start = cleaned(data[:_SHOWN_OF_BINARY].decode(errors="replace"))
    return (
        f"[{total:,} bytes of binary output, which cannot be shown: send it to a file, or through "
        f"`xxd`. It begins with:]\n{start}"
    )
