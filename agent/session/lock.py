"""Opening a journal's file, for the one who writes it and for those who look.

The writer holds a lock of the file (`flock`) as long as it has it open; the system lets go of it
when the process ends, however it ends. Those who look need no lock, and create nothing.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from agent.errors import JournalError, SessionBusyError
from agent.session.disk import sync_folder


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Say what the system refused in opening a journal.

    Raises:
        FileNotFoundError: there is no such file.
        JournalError: anything else.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "there is no such journal", str(path)) from error
    except OSError as error:
        reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise JournalError(
            f"the journal {str(path)!r} could not be opened: {reason}; nothing was lost",
        ) from error


def open_locked(path: Path, *, create: bool) -> FileIO:
    """Open a journal's file to write it, and take its lock.

    Raises:
        SessionBusyError: somebody has it open.
        JournalError: it is not a file, was removed meanwhile, or exists and was to be created.
        OSError: the system refused.
    """
    if create:
        _make_folder(path.parent)
    file = _open(path, os.O_RDWR | (os.O_CREAT | os.O_EXCL if create else 0), "r+")
    try:
        _lock(file, path)
    except BaseException:
        file.close()
        raise
    return file


def open_to_look(path: Path) -> FileIO:
    """Open a journal's file to read it.

    Raises:
        JournalError: it is not a file.
        OSError: the system refused.
    """
    # A pipe is not waited for.
    return _open(path, os.O_RDONLY | os.O_NONBLOCK, "r")


def _open(path: Path, flags: int, mode: str) -> FileIO:
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise JournalError(
            f"the journal {str(path)!r} exists already: open it, or choose another name",
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise JournalError(f"the journal {str(path)!r} is not a file: choose another path")
    return FileIO(descriptor, mode)


def _lock(file: FileIO, path: Path) -> None:
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SessionBusyError(
            f"the journal {str(path)!r} is open for writing already, in another process or in "
            "another part of this one: use it there, or close it there first",
        ) from error
    # Between opening and locking, whoever had the lock may have removed the file.
    if not os.path.samestat(os.fstat(file.fileno()), path.lstat()):
        raise JournalError(f"the journal {str(path)!r} was replaced meanwhile: open it again")


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, for this user alone, so that a crash leaves them there."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
