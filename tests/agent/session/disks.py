"""A disk that fails, is slow or takes little at a time, when a test says so."""

import asyncio
import errno
import os
import threading
from io import FileIO

from agent.session.disk import FileDisk


class StagedDisk(FileDisk):
    """A real file; give `disk.on` to `Journal.open`, and set what shall happen whenever it shall.

    What was written since the last sync is lost when a sync fails, as it may be on a real machine.
    """

    def __init__(self) -> None:
        self.room: int | None = None
        """Up to which offset there is space; None: as far as one likes."""
        self.most = 1_000_000
        """Bytes taken by one write."""
        self.sync_errors: list[int] = []
        """Of the next syncs, one each."""
        self.truncate_error: int | None = None
        self.write_gate = threading.Event()
        self.sync_gate = threading.Event()
        """Closed, that is cleared, it holds up what comes."""
        self.write_gate.set()
        self.sync_gate.set()
        self.written = asyncio.Event()
        self.syncing = asyncio.Event()
        """Set on the loop when something was taken, or a sync begins; the test clears it."""
        self.writes = 0
        self.syncs = 0
        self.threads: set[int] = set()
        self.closed = threading.Event()
        self._lost: list[tuple[int, int]] = []
        self._loop = asyncio.get_running_loop()

    def on(self, file: FileIO) -> "StagedDisk":
        super().__init__(file)
        return self

    def pwrite(self, data: memoryview, offset: int) -> int:
        self.threads.add(threading.get_ident())
        space = self.most if self.room is None else min(self.most, self.room - offset)
        if space <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = super().pwrite(data[:space], offset)
        self.writes += 1
        self._lost.append((offset, taken))
        self._loop.call_soon_threadsafe(self.written.set)
        self.write_gate.wait()
        return taken

    def sync(self) -> None:
        self.threads.add(threading.get_ident())
        self._loop.call_soon_threadsafe(self.syncing.set)
        self.sync_gate.wait()
        self.syncs += 1
        if self.sync_errors:
            number = self.sync_errors.pop(0)
            for offset, size in self._lost:
                super().pwrite(memoryview(bytes(size)), offset)
            raise OSError(number, os.strerror(number))
        self._lost.clear()
        super().sync()

    def truncate(self, size: int) -> None:
        if self.truncate_error is not None:
            raise OSError(self.truncate_error, os.strerror(self.truncate_error))
        super().truncate(size)

    def close(self) -> None:
        super().close()
        self.closed.set()
