"""The calls to the system that write a journal, and what to do when they fail."""

import errno
import fcntl
import os
import sys
from contextlib import suppress
from io import FileIO
from itertools import accumulate
from pathlib import Path
from typing import Final, Protocol

from agent.session.backlog import Batch


class Disk(Protocol):
    """One open file, used by one thread at a time; each method may raise `OSError`."""

    def pwrite(self, data: memoryview, offset: int) -> int:
        """Write at an offset; give how many bytes were taken, which may be fewer."""

    def sync(self) -> None:
        """Return when all that was written is on the disk."""

    def truncate(self, size: int) -> None:
        """Cut the file off."""

    def close(self) -> None:
        """Let the file and its lock go."""


class FileDisk:
    """A file of this machine."""

    def __init__(self, file: FileIO) -> None:
        self._file = file

    def __repr__(self) -> str:
        return f"<FileDisk {self._file!r}>"

    def pwrite(self, data: memoryview, offset: int) -> int:
        """Write at an offset, whatever stands there."""
        return os.pwrite(self._file.fileno(), data, offset)

    def sync(self) -> None:
        """Wait for the disk, not only for the system."""
        sync_file(self._file.fileno())

    def truncate(self, size: int) -> None:
        """Cut the file off, or fill it up with zeros."""
        os.ftruncate(self._file.fileno(), size)

    def close(self) -> None:
        """Let go of the lock even where a forked child holds the file open too."""
        if not self._file.closed:
            with suppress(OSError):  # Whatever mattered was synced before.
                fcntl.flock(self._file.fileno(), fcntl.LOCK_UN)
            with suppress(OSError):
                self._file.close()


def sync_file(descriptor: int) -> None:
    """Return when a file's content and size are on the disk."""
    if sys.platform == "darwin":
        _sync_drive(descriptor)
    else:
        os.fdatasync(descriptor)


def _sync_drive(descriptor: int) -> None:
    """Sync on macOS, where `fsync` alone leaves the data in the drive's cache."""
    if sys.platform == "darwin":
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        except OSError as error:
            if error.errno not in {errno.ENOTSUP, errno.EINVAL, errno.ENOTTY}:
                raise
            os.fsync(descriptor)  # All that this file system has.


def sync_folder(folder: Path) -> None:
    """Return when a folder's list of names is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put(disk: Disk, batch: Batch) -> Exception | None:
    """Write a batch, and sync it if it asks for that; give what went wrong.

    After a failed write the file ends with a whole entry again. Where not even that can be done,
    what is left over lies where the next batch is written.
    """
    written = 0
    try:
        data = memoryview(b"".join(batch.lines))
        while written < len(data):
            written += _some(disk.pwrite(data[written:], batch.offset + written))
        if batch.sync:
            disk.sync()
    except Exception as error:  # noqa: BLE001  (whatever it is, those who wait are told)
        if written < sum(map(len, batch.lines)):
            with suppress(OSError):
                disk.truncate(batch.offset + _whole(batch, written))
        return error
    return None


def _some(taken: int) -> int:
    """Refuse to go on when a write takes nothing and gives no reason."""
    if taken == 0:
        raise OSError(errno.EIO, "the disk took nothing of what was written")
    return taken


def _whole(batch: Batch, written: int) -> int:
    """Give how many bytes of what was written are whole lines."""
    ends = accumulate(map(len, batch.lines), initial=0)
    return max(end for end in ends if end <= written)


def describe(path: Path, error: Exception) -> str:
    """Say that a journal could not be written, why, and what to do."""
    number = error.errno if isinstance(error, OSError) else None
    reason = (error.strerror if isinstance(error, OSError) else None) or repr(error)
    remedy = _REMEDIES.get(number or 0, _REMEDY)
    return f"the journal {str(path)!r} could not be written: {reason}; {remedy}"


_REMEDY: Final = "if it fails again, look at the system's log for that disk"
_REMEDIES: Final = {
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some space, or have the quota raised",
    errno.EFBIG: "raise the limit on a file's size (ulimit -f), or start a new session",
    errno.EROFS: "the disk has become read-only: look at the system's log, mount it again",
    errno.ESTALE: "the file system was unmounted or its server lost it: mount it again",
}
