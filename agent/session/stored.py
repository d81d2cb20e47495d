"""A journal's file as it is found: its entries, and its damaged tail set aside.

Blocks; called in a thread. The rules:

- what is found counts as safe, since the file and its folder are synced when it is opened; so does
  every name that was given before;
- nothing is thrown away: a damaged tail is on the disk in a file of its own before it is cut off;
- a file without one whole entry is not cut off at all: it need not be a journal;
- those who only look change nothing.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from itertools import count
from pathlib import Path
from typing import TypeAlias

from agent.errors import DamagedJournalError
from agent.session.backlog import Batch
from agent.session.disk import Disk, put, sync_file, sync_folder
from agent.session.lines import Entry, Scan, encode, scan
from agent.session.lock import open_locked, open_to_look, refusals
from agent.session.network import warn_of_network

OpenDisk: TypeAlias = Callable[[FileIO], Disk]


@dataclass(frozen=True, slots=True)
class Tail:
    """What was cut off a journal because it was damaged."""

    file: Path
    """Where its bytes are now."""
    bytes: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A journal's file, open and locked."""

    disk: Disk
    entries: list[Entry]
    end: int
    """Where the last entry ends."""
    set_aside: Tail | None = None


def open_stored(path: Path, *, create: bool, disk: OpenDisk) -> Stored:
    """Open and lock a journal's file, and set a damaged tail aside.

    Raises:
        FileNotFoundError: there is none, and none was to be created.
        SessionBusyError: somebody has it open.
        DamagedJournalError: it is damaged in its middle, or holds no whole entry.
        JournalError: anything else.
    """
    with refusals(path):
        file = open_locked(path, create=create)
        opened = disk(file)
        try:
            warn_of_network(path)
            return _load(path, file, opened)
        except BaseException:
            opened.close()
            raise


def look(path: Path) -> Scan:
    """Read a journal that somebody may be writing; its damaged tail is told, and left as it is.

    Raises:
        FileNotFoundError: there is none.
        DamagedJournalError: it is damaged in its middle.
        JournalError: it could not be read.
    """
    with refusals(path), open_to_look(path) as file:
        found = scan(_read(file))
    _check(path, found)
    return found


def _load(path: Path, file: FileIO, disk: Disk) -> Stored:
    data = _read(file)
    found = scan(data)
    _check(path, found)
    if found.tail and not found.entries:
        raise _damaged(path, 1, "it holds no whole entry, so it may not be a journal at all")
    disk.sync()
    sync_folder(path.parent)
    if not found.tail:
        return Stored(disk, found.entries, found.good_bytes)
    return _set_aside(path, disk, found, data[found.good_bytes :])


def _read(file: FileIO) -> bytes:
    """Read up to where a file ends now.

    No further: what a writer appends meanwhile could claim that bytes were safe which were read
    before they were written.
    """
    left = os.fstat(file.fileno()).st_size
    pieces: list[bytes] = []
    while left and (piece := file.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _check(path: Path, found: Scan) -> None:
    if found.damage is not None:
        raise _damaged(path, found.damage, "an entry there was safe on the disk, and is lost")


def _damaged(path: Path, line: int, why: str) -> DamagedJournalError:
    return DamagedJournalError(
        f"the journal {str(path)!r} is damaged at line {line}: {why}. Nothing of it was changed; "
        "restore it from a copy",
        file=str(path),
        line=line,
    )


def _set_aside(path: Path, disk: Disk, found: Scan, tail: bytes) -> Stored:
    """Move a damaged tail to a file of its own, and append an entry that says so."""
    file = _keep(path.with_name(f"{path.name}.tail-{found.good_bytes}"), tail)
    disk.truncate(found.good_bytes)
    disk.sync()
    known = len(found.entries)
    entry = {"type": "set_aside", "file": file.name, "bytes": len(tail)}
    line = encode(known, known, entry)
    if error := put(disk, Batch((line,), found.good_bytes, known + 1, sync=True)):
        raise error
    end = found.good_bytes + len(line)
    return Stored(disk, [*found.entries, entry], end, Tail(file, len(tail)))


def _keep(wanted: Path, data: bytes) -> Path:
    """Write a file under this name, or a numbered one where it is taken, and sync it."""
    path = next(name for name in _names(wanted) if not os.path.lexists(name))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            sync_file(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return path


def _names(wanted: Path) -> Iterator[Path]:
    yield wanted
    for number in count(2):
        yield wanted.with_name(f"{wanted.name}-{number}")
