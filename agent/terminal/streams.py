"""The standard streams of a command as they are found: closed, full, left, or of few characters.

The rules that this file keeps:

- what the standard output does not take ends the command, as a `StreamError` with its exit code;
- nothing that is told on the standard error can end it.
"""

import os
import sys
from contextlib import suppress
from typing import Final, TextIO

BROKEN_PIPE: Final = 141
"""The exit code when nobody reads any more, as shells have it for SIGPIPE."""


class StreamError(Exception):
    """The standard output takes no more; the text is empty where nobody has to be told."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def prepare() -> None:
    """Have characters that the terminal's encoding lacks written as escapes, not refused."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def is_terminal() -> bool:
    """Say whether a person can be asked: both to read the question and to answer."""
    return all(each is not None and each.isatty() for each in (sys.stdin, sys.stderr))


def read() -> str:
    """Read the whole standard input; nothing when it is closed."""
    return "" if sys.stdin is None else sys.stdin.read()


def write(text: str) -> None:
    """Write to the standard output, at once.

    Raises:
        StreamError: it is closed, it is full, or nobody reads it.
    """
    if sys.stdout is None:
        raise StreamError("the standard output is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        give_up(sys.stdout)
        raise StreamError("", BROKEN_PIPE) from None
    except OSError as error:
        give_up(sys.stdout)
        raise StreamError(f"the standard output cannot be written: {error.strerror}") from error


def tell(text: str) -> None:
    """Write to the standard error, if anybody listens there."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        give_up(sys.stderr)


def give_up(stream: TextIO) -> None:
    """Lead what a stream still holds nowhere: the interpreter's end would fail with it."""
    with suppress(OSError, ValueError):  # a stand-in for the stream may have no descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
