"""Looking at sessions without an agent: which there are, and what is in their files.

Looking needs no lock and changes nothing: a session that another process has open can be looked at,
and so can a folder that may only be read. Damage is told as a part of what was seen, so that one
damaged file does not hide the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from agent.errors import JournalError, SessionNotFoundError
from agent.session.files import SessionFiles
from agent.session.stored import look

Json: TypeAlias = dict[str, Any]

NAMED = 8
"""How many sessions are named where one was not found."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A session's file, as far as it could be read."""

    path: Path
    name: str
    """The id, where the file does not tell."""
    created: float
    entries: Sequence[Json]
    tail: int = 0
    """Bytes at its end that are no whole entry."""
    damage: str = ""
    """Why it cannot be read; empty when it can."""

    def intact(self) -> Sequence[Json]:
        """Give its entries.

        Raises:
            JournalError: its file cannot be read.
        """
        if self.damage:
            raise JournalError(self.damage)
        return self.entries

    @property
    def id(self) -> str:
        """Never changes."""
        return self.path.stem


def journals(folder: Path) -> list[Path]:
    """Give the sessions' files of a data folder."""
    return sorted((folder / "sessions").glob("*.jsonl"))


def look_at(path: Path) -> Looked:
    """Read a session's file, whoever writes it; damage is told, not raised.

    Raises:
        FileNotFoundError: it was removed meanwhile.
    """
    try:
        scan = look(path)
    except JournalError as error:
        return Looked(path, path.stem, 0.0, (), damage=str(error))
    kinds = {"header", "renamed"}
    names = [each.get("name") for each in scan.entries if each.get("type") in kinds]
    header = scan.entries[0] if scan.entries else {}
    created = header.get("created")
    return Looked(
        path,
        str(names[-1]) if names else path.stem,
        float(created) if isinstance(created, int | float) else 0.0,
        scan.entries,
        scan.tail,
        "" if scan.entries else f"the journal {str(path)!r} holds no whole entry",
    )


def look_around(folder: Path) -> Iterator[Looked]:
    """Read all sessions of a data folder."""
    for path in journals(folder):
        try:
            yield look_at(path)
        except FileNotFoundError:
            continue  # removed meanwhile


def find(folder: Path, wanted: str) -> Looked:
    """Find a session by its name or its id.

    The index is a hint only; the files themselves tell their names, so all are read without it.

    Raises:
        SessionNotFoundError: there is none.
    """
    hinted = _hinted(folder, wanted)
    if hinted is not None:
        return hinted
    known = list(look_around(folder))
    for each in known:
        if each.name == wanted:
            return each
    for each in known:
        if each.id == wanted:
            return each
    raise SessionNotFoundError(
        f"there is no session named {wanted!r} in {folder}: {_named([each.name for each in known])}"
    )


def _hinted(folder: Path, wanted: str) -> Looked | None:
    """Find a session through the index; None when it does not help."""
    if not (folder / "sessions" / "index.sqlite").is_file():
        return None
    files = SessionFiles(folder)
    try:
        session = files.find(wanted)
        looked = None if session is None else look_at(files.path(session))
    except (JournalError, FileNotFoundError, UnicodeEncodeError):
        return None  # it may only be read, is damaged, does not fit the files, or cannot hold this
    # A damaged file does not tell its name: there the index knows it.
    is_it = looked is not None and (looked.damage or wanted in {looked.name, looked.id})
    return looked if is_it else None


def _named(names: Sequence[str]) -> str:
    if not names:
        return "there are none; --data-dir or TOOLLOOP_DATA_DIR names another folder"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"there are {', '.join(repr(name) for name in names[:NAMED])}{more}"
