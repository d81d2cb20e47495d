"""A SQLite file, used by one thread of its own.

The rules that this file keeps:

- WAL with full syncs: what was committed is on disk before anybody is told;
- one piece of work is one transaction, begun as a writer, so that what it read is what it replaces,
  whatever other processes do with the file;
- nobody waits for the disk but whoever asked; a cancelled caller leaves no half transaction.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from agent.errors import AgentError
from tools.threads import to_its_end

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

BUSY_SECONDS: Final = 10.0
"""For another process's transaction to end."""

PAUSE_SECONDS: Final = 0.01
"""Between two tries at what SQLite does not wait for."""


class DatabaseError(AgentError):
    """The file cannot be read or written."""


class Database:
    """A file and its tables; opened at first use."""

    def __init__(self, path: Path, tables: Sequence[str]) -> None:
        self._path = path
        self._tables = tuple(tables)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"database {path.name}")
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open" if self._connection else "not open"
        return f"<Database {self._path} {state}>"

    async def run(self, work: "Callable[[sqlite3.Connection], T]") -> T:
        """Do some work in a transaction: all of it is on disk, or nothing.

        A cancellation is raised when the transaction has ended.

        Raises:
            DatabaseError: it could not be done; nothing of it was.
        """
        if self._is_closed:
            raise DatabaseError(f"{self._path} is closed")
        loop = asyncio.get_running_loop()
        return await to_its_end(loop.run_in_executor(self._thread, self._work, work))

    async def close(self) -> None:
        """Close the file when what was asked before has ended; harmless twice."""
        if not self._is_closed:
            self._is_closed = True
            await to_its_end(asyncio.get_running_loop().run_in_executor(self._thread, self._let_go))
            self._thread.shutdown(wait=False)

    def _work(self, work: "Callable[[sqlite3.Connection], T]") -> T:
        import sqlite3  # noqa: PLC0415  (slow to import; this runs in a thread)

        try:
            connection = self._opened()
            connection.execute("begin immediate")
            try:
                result = work(connection)
                connection.execute("commit")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise
        except (sqlite3.Error, OSError) as error:
            raise DatabaseError(f"{self._path} cannot be used: {error}") from error
        return result

    def _opened(self) -> "sqlite3.Connection":
        import sqlite3  # noqa: PLC0415  (as above)

        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.touch(mode=0o600)
            opened = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                use_wal(opened)
                opened.execute("pragma synchronous = full")
                for table in self._tables:
                    opened.execute(table)
            except BaseException:
                opened.close()
                raise
            self._connection = opened
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def use_wal(file: "sqlite3.Connection") -> None:
    """Have a file keep a write-ahead log; for a thread.

    Of several that switch a new file at once, SQLite refuses all but one without waiting.

    Raises:
        sqlite3.Error: it cannot be switched, or others are at it for too long.
    """
    import sqlite3  # noqa: PLC0415  (slow to import; this runs in a thread)

    last = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            file.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > last:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            return
