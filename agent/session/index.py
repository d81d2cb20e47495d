"""Which sessions there are: a table beside their files, made again from them when it is lost.

The files are the truth; this only spares reading them all.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.database import use_wal
from agent.errors import JournalError

if TYPE_CHECKING:
    import sqlite3

LOST = frozenset({11, 26})
"""SQLite's codes for a file that is damaged, and for one that is no database."""

TABLE = """
create table if not exists sessions (
    id text primary key,
    name text not null unique,
    created real not null
)
"""


class NameTakenError(Exception):
    """There is a session of that name."""


class IndexLostError(JournalError):
    """The index cannot be read; it can be made again from the journals."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as a list shows it."""

    id: str
    name: str
    created: float
    """Seconds since 1970, like `updated`."""
    updated: float
    bytes: int
    """Of its journal."""


class SessionIndex:
    """Names and ids; each call opens the file, so that any thread and process may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"<SessionIndex {self._path}>"

    def add(self, session: str, name: str, created: float) -> None:
        """Enter a session.

        Raises:
            NameTakenError: there is one of that name.
        """
        with self._open() as table:
            table.execute("insert into sessions values (?, ?, ?)", (session, name, created))

    def rename(self, session: str, name: str) -> None:
        """Give a session another name.

        Raises:
            NameTakenError: there is one of that name.
        """
        with self._open() as table:
            table.execute("update sessions set name = ? where id = ?", (name, session))

    def remove(self, session: str) -> None:
        """Take a session out."""
        with self._open() as table:
            table.execute("delete from sessions where id = ?", (session,))

    def find(self, name: str) -> str | None:
        """Give the id of the session of that name, or of that id."""
        with self._open() as table:
            found = table.execute(
                "select id from sessions where name = ? or id = ? order by name = ? desc",
                (name, name, name),
            ).fetchone()
        return None if found is None else str(found[0])

    def rows(self) -> list[tuple[str, str, float]]:
        """Give id, name and time of creation of every session."""
        with self._open() as table:
            return list(table.execute("select id, name, created from sessions"))

    def replace(self, rows: Iterable[tuple[str, str, float]]) -> None:
        """Make the table again."""
        with self._open() as table:
            table.execute("delete from sessions")
            table.executemany("insert or ignore into sessions values (?, ?, ?)", rows)

    @contextmanager
    def _open(self) -> "Iterator[sqlite3.Connection]":
        import sqlite3  # noqa: PLC0415  (slow to import; this runs in a thread)

        connection = None
        try:
            connection = sqlite3.connect(self._path, timeout=10)
            use_wal(connection)
            connection.execute("pragma synchronous = full")
            connection.execute(TABLE)
            with connection:
                yield connection
        except sqlite3.IntegrityError as error:
            raise NameTakenError from error
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) in LOST:
                raise IndexLostError(f"{self._path}: {error}") from error
            raise JournalError(
                f"the index of sessions {str(self._path)!r} cannot be used: {error}"
            ) from error
        finally:
            if connection is not None:
                connection.close()
