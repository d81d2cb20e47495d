"""A file as blocks of whole lines in UTF-8, whatever its size and encoding.

The rules that this file keeps:

- memory is bounded: a block is a piece of the file, and of a line that is longer than the limit the
  rest is left out and noted;
- a byte order mark says what the encoding is and is no part of the text; a block that is not UTF-8
  is read as Latin-1, as `file_read` does it; a line ends at a line feed, with or without a carriage
  return before it;
- a file with a NUL in its first piece is binary: its bytes stay as they are.
"""

import codecs
import os
from collections.abc import Iterator
from typing import Final

from tools.stoppable import Stop

_PIECE: Final = 128 * 1024

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes of a line that are searched, give or take a piece."""

_UTF_16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Blocks:
    """The lines of an open file, block by block. Raises OSError where it cannot be read."""

    __slots__ = ("_codec", "_descriptor", "_first", "_stop", "is_binary", "is_cut")

    def __init__(self, descriptor: int, stop: Stop) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self._first = self._piece()
        self._codec = _codec(self._first)
        self.is_binary = not self._codec and b"\0" in self._first
        self.is_cut = False
        """Whether there was a line longer than the limit, so far."""

    def __repr__(self) -> str:
        return f"<Blocks {'binary' if self.is_binary else self._codec or 'text'}>"

    def __iter__(self) -> Iterator[bytes]:
        """Give the blocks, once; each ends with a line feed, except the last one perhaps."""
        if self.is_binary:
            yield from self._whole_lines(self._pieces())
        elif self._codec:
            yield from map(_plain, self._whole_lines(self._decoded()))
        else:
            yield from map(_plain, self._whole_lines(self._pieces()))

    def _piece(self) -> bytes:
        """Read a piece to its full size, or to the end of the file."""
        self._stop.check()
        piece = os.read(self._descriptor, _PIECE)
        while piece and len(piece) < _PIECE:
            more = os.read(self._descriptor, _PIECE - len(piece))
            if not more:
                break
            piece += more
        return piece

    def _pieces(self) -> Iterator[bytes]:
        piece = self._first
        yield piece.removeprefix(codecs.BOM_UTF8)
        while len(piece) == _PIECE:
            piece = self._piece()
            yield piece

    def _decoded(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self._codec)("replace")
        mark = "\ufeff"
        for piece in self._pieces():
            yield decoder.decode(piece).removeprefix(mark).encode(errors="replace")
            mark = ""
        yield decoder.decode(b"", final=True).encode(errors="replace")

    def _whole_lines(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        rest: list[bytes] = []
        size = 0
        for piece in pieces:
            end = piece.rfind(b"\n") + 1
            if end:
                yield b"".join((*rest, self._line_end(piece, end, size)))
                rest, size = [piece[end:]], len(piece) - end
            elif size < LONGEST_LINE:
                rest.append(piece)
                size += len(piece)
            else:
                self.is_cut = True
        last = b"".join(rest)
        if last:
            yield last

    def _line_end(self, piece: bytes, end: int, size: int) -> bytes:
        """Give what goes on a line that has `size` bytes already, and the lines after it."""
        if size < LONGEST_LINE:
            return piece[:end]
        first = piece.find(b"\n")
        self.is_cut |= first > 0
        return piece[first:end]


def _codec(start: bytes) -> str:
    """Give the codec of a file in UTF-16; "" for any other."""
    if start.startswith(codecs.BOM_UTF32_LE):
        return ""
    return _UTF_16.get(start[:2], "")


def _plain(block: bytes) -> bytes:
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError:
            block = block.decode("latin-1").encode()
    return block.replace(b"\r\n", b"\n") if b"\r" in block else block
