"""The pipes to a running program, on the event loop: what it writes is kept, what it reads is fed.

Set up and closed without a wait, so that no cancellation falls in between, and without asyncio's
transports, whose end waits for whoever else holds the pipe. Each owns its descriptor.
"""

import asyncio
import os
from io import FileIO
from typing import Final

from tools.output import CappedBuffer

_CHUNK: Final = 65_536
_MOST_IN_PIPE: Final = 64 * _CHUNK
"""Bytes; more than a pipe holds by default (64 kB), or at most where that can be set (1 MB)."""


class OutputPipe:
    """What a program writes, read as it comes."""

    def __init__(self, file: FileIO, buffer: CappedBuffer) -> None:
        self.buffer = buffer
        self.ended = asyncio.Event()
        """Set when nobody can write any more, or when we stopped reading."""
        self._file = file
        self._loop = asyncio.get_running_loop()
        os.set_blocking(file.fileno(), False)
        self._loop.add_reader(file.fileno(), self._read)

    def __repr__(self) -> str:
        return f"<OutputPipe {'ended' if self.ended.is_set() else 'open'} {self.buffer!r}>"

    def _read(self) -> bool:
        """Take one chunk; return whether there may be more now."""
        try:
            data = os.read(self._file.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        self.buffer.feed(data)
        if not data:
            self.close()
        return bool(data)

    def take_rest(self) -> None:
        """Take what is in the pipe now: without waiting, and no more than fits into one."""
        for _ in range(0, _MOST_IN_PIPE, _CHUNK):
            if self.ended.is_set() or not self._read():
                return

    def close(self) -> None:
        """Stop reading; a program that writes on is told so by a broken pipe."""
        if not self.ended.is_set():
            self._loop.remove_reader(self._file.fileno())
            self._file.close()
            self.ended.set()


class InputPipe:
    """What a program may read; closed once it is written, or once nobody reads it any more."""

    def __init__(self, file: FileIO, data: bytes) -> None:
        self._file = file
        self._rest = memoryview(data)
        self._loop = asyncio.get_running_loop()
        os.set_blocking(file.fileno(), False)
        self._loop.add_writer(file.fileno(), self._write)

    def __repr__(self) -> str:
        state = "closed" if self._file.closed else "open"
        return f"<InputPipe {state} {len(self._rest)} bytes to write>"

    def _write(self) -> None:
        try:
            written = os.write(self._file.fileno(), self._rest[:_CHUNK]) if self._rest else 0
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.close()
            return
        self._rest = self._rest[written:]
        if not self._rest:
            self.close()

    def close(self) -> None:
        """Let go of the pipe, whatever is left to write."""
        if not self._file.closed:
            self._loop.remove_writer(self._file.fileno())
            self._file.close()
