"""Where sessions are kept on one machine: a folder of journals, and an index of their names.

Everything here reads and writes the disk, and is called in a thread; what opens a journal for
writing is `journal`.
"""

import contextlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from agent.errors import JournalError, SessionError, SessionNotFoundError
from agent.session.index import IndexLostError, NameTakenError, SessionIndex, SessionInfo
from agent.session.lock import open_locked
from agent.session.stored import look

Json: TypeAlias = dict[str, Any]


class SessionFiles:
    """The sessions of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "sessions"
        self._index = SessionIndex(self.folder / "index.sqlite")

    def __repr__(self) -> str:
        return f"<SessionFiles {self.folder}>"

    def path(self, session: str) -> Path:
        """Give the file of a session."""
        return self.folder / f"{session}.jsonl"

    def new_id(self) -> str:
        """Give an id that sorts by time."""
        return f"{int(time.time() * 1000):012x}-{os.urandom(5).hex()}"

    def prepare(self) -> None:
        """Make the folder; make the index again when it does not fit the files.

        Raises:
            JournalError: the folder cannot be used.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._look_around()
        except OSError as error:
            raise JournalError(
                f"the folder of sessions {str(self.folder)!r} cannot be used: {error.strerror}"
            ) from error

    def _look_around(self) -> None:
        try:
            known = {session for session, _, _ in self._index.rows()}
        except IndexLostError:
            self._forget_index()
            known = set()
        if known != {file.stem for file in self.folder.glob("*.jsonl")}:
            self._index.replace(self._scan())

    def find(self, name: str) -> str | None:
        """Give the id of the session of that name, or of that id."""
        return self._index.find(name)

    def add(self, session: str, name: str, created: float) -> None:
        """Enter a new session.

        Raises:
            SessionError: there is one of that name.
        """
        try:
            self._index.add(session, name, created)
        except NameTakenError:
            if self._index.find(name) != session:  # whoever looks around may have entered it
                raise SessionError(f"there is a session named {name!r} already") from None

    def rename(self, session: str, name: str) -> None:
        """Enter another name.

        Raises:
            SessionError: there is one of that name.
        """
        try:
            self._index.rename(session, name)
        except NameTakenError:
            raise SessionError(f"there is a session named {name!r} already") from None

    def remove(self, session: str) -> None:
        """Remove a session's files, whatever state they are in.

        Raises:
            SessionBusyError: somebody has it open.
        """
        with contextlib.suppress(FileNotFoundError), open_locked(self.path(session), create=False):
            self._unlink(session)
        self._index.remove(session)

    def set_aside(self, session: str) -> bool:
        """Put a journal that was never begun out of the way; False when it was begun."""
        if look(self.path(session)).entries:
            return False
        with open_locked(self.path(session), create=False):
            self.path(session).rename(self.folder / f"{session}.not-begun")
        self._index.remove(session)
        return True

    def _unlink(self, session: str) -> None:
        for file in self.folder.glob(f"{session}.jsonl*"):
            file.unlink(missing_ok=True)

    def infos(self) -> list[SessionInfo]:
        """List the sessions, the newest first."""
        infos = []
        for session, name, created in self._index.rows():
            with contextlib.suppress(FileNotFoundError):
                state = self.path(session).stat()
                infos.append(SessionInfo(session, name, created, state.st_mtime, state.st_size))
        return sorted(infos, key=lambda info: info.updated, reverse=True)

    def entries(self, session: str) -> list[Json]:
        """Read a session's entries, also while somebody writes it.

        Raises:
            SessionNotFoundError: there is none.
            JournalError: it cannot be read.
        """
        try:
            return look(self.path(session)).entries
        except FileNotFoundError:
            raise SessionNotFoundError(f"there is no session {session!r}") from None

    # -- the index -----------------------------------------------------------------------------

    def _forget_index(self) -> None:
        for file in self.folder.glob("index.sqlite*"):
            file.unlink(missing_ok=True)

    def _scan(self) -> list[tuple[str, str, float]]:
        """Read names and times from the journals; one that cannot be read keeps its id as name."""
        rows = []
        taken: set[str] = set()
        for file in sorted(self.folder.glob("*.jsonl")):
            name, created = self._named(file)
            name = name if name not in taken else f"{name} ({file.stem})"
            taken.add(name)
            rows.append((file.stem, name, created))
        return rows

    def _named(self, file: Path) -> tuple[str, float]:
        try:
            entries: Sequence[Json] = look(file).entries
        except (JournalError, OSError):
            return file.stem, file.stat().st_mtime
        header = entries[0] if entries else {}
        names = [entry["name"] for entry in entries if entry.get("type") in {"header", "renamed"}]
        return names[-1] if names else file.stem, float(header.get("created") or 0)


def parse_export(text: str) -> list[Json]:
    """Read an exported session's entries.

    Raises:
        SessionError: it is not one.
    """
    try:
        exported = json.loads(text)
        entries = exported["entries"]
    except (ValueError, TypeError, KeyError):
        raise SessionError("not an exported session: a JSON object with `entries`") from None
    is_ours = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    if not is_ours or not entries or entries[0].get("type") != "header":
        raise SessionError("not an exported session: its first entry is no header")
    return list(entries)
