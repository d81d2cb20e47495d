"""A session's journal: an append-only file of entries, of which it knows nothing but their type.

The rules:

- `append` never waits: the entry is encoded at once and written soon, one write for all that were
  appended within `SOON`; `flush` is the barrier behind which all of it is safe;
- one batch at a time is with the writers; whoever flushes meanwhile shares the next one, or the
  same one when it holds all that was appended;
- a failure is told to those who flush, or else to `on_trouble`; the entries are kept, and tried
  again with the next append or flush, never by themselves: a full disk is not hammered;
- while there is trouble each batch is synced, and only a sync that succeeds ends it;
- the file is let go of when the last batch has come back, never while a thread may be using it.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from agent.errors import JournalError
from agent.session.backlog import Backlog, Batch
from agent.session.disk import FileDisk, describe, put
from agent.session.lines import Entry, Scan
from agent.session.stored import OpenDisk, Stored, look, open_stored
from agent.session.writer import WRITERS, in_thread

_log = logging.getLogger(__name__)

SOON = 0.005
"""Seconds within which appended entries are written together, when nobody flushes: each write
costs two switches between threads."""

_Waiter: TypeAlias = "asyncio.Future[None]"


class Journal:
    """One session's file, open for writing; belongs to the event loop that opened it."""

    def __init__(self, path: Path, stored: Stored, on_trouble: Callable[[str], object]) -> None:
        self.path = path
        self.entries = stored.entries
        """Those found on opening; the last one tells of a tail that was set aside just now."""
        self.set_aside = stored.set_aside
        """The damaged tail that was cut off on opening, if there was one."""
        self.trouble: str | None = None
        """Why the last write or sync failed; None once a sync has succeeded again."""
        self.on_trouble = on_trouble
        """Called on the loop with the text of a failure that nobody who flushes was told."""
        self._disk = stored.disk
        self._backlog = Backlog(count=len(stored.entries), end=stored.end)
        self._loop = asyncio.get_running_loop()
        self._waiters: list[tuple[int, _Waiter]] = []
        """Who flushes, and how many entries shall be safe then."""
        self._due = False
        """Whether something was appended since the last attempt to write."""
        self._kicked = False
        self._later: asyncio.TimerHandle | None = None
        self._busy = False
        """Whether a batch, or the release, is with the writers."""
        self._closing = False
        self._released = asyncio.Event()

    @classmethod
    async def open(
        cls,
        path: str | PathLike[str],
        *,
        create: bool,
        disk: OpenDisk = FileDisk,
        on_trouble: Callable[[str], object] = _log.warning,
    ) -> Self:
        """Open a journal to write it, or create it with its folders.

        Raises:
            FileNotFoundError: there is none, and `create` is false.
            SessionBusyError: it is open already, in this process or in another.
            DamagedJournalError: it is damaged before its end; nothing of it was changed.
            JournalError: there is one and `create` is true, or the system refused.
        """
        file = Path(path)

        def work() -> Stored:
            WRITERS.start()
            return open_stored(file, create=create, disk=disk)

        stored = await in_thread(work, unwanted=lambda stored: stored.disk.close())
        return cls(file, stored, on_trouble)

    def __repr__(self) -> str:
        state = f"{self._backlog.count} entries, {self._backlog.unsynced} unsynced"
        return f"<Journal {self.path.name} {state}{', closed' if self._closing else ''}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def take_entries(self) -> list[Entry]:
        """Give the entries found on opening, and forget them."""
        entries, self.entries = self.entries, []
        return entries

    def append(self, entry: Entry) -> int:
        """Take an entry, as it is now, and give its sequence number; it is written soon.

        Raises:
            NotAnEntryError: it cannot be one.
            JournalError: the journal is closed.
        """
        self._check_open()
        seq = self._backlog.add(entry)
        self._due = True
        if self._later is None and not self._kicked:
            self._later = self._loop.call_later(SOON, self._kick)
        return seq

    async def flush(self) -> None:
        """Return when all that was appended so far is safe on the disk.

        A cancellation disturbs nobody: it is written all the same.

        Raises:
            JournalError: the disk did not take it; a later flush tries again.
        """
        if not self._backlog.unsynced:
            return
        self._check_open()
        waiter = self._loop.create_future()
        self._waiters.append((self._backlog.count, waiter))
        self._kick()
        await waiter

    async def close(self) -> None:
        """Flush, and let go of the file and its lock, whatever comes of the flush.

        A cancellation ends the waiting only.

        Raises:
            JournalError: not all entries are safe; what the file holds is whole.
        """
        if not self._closing:
            self._closing = True
            self._due = self._backlog.unsynced > 0
            self._kick()
        await self._released.wait()
        if self._backlog.unsynced:
            raise JournalError(
                f"{self.trouble}. The last {self._backlog.unsynced} entries may be lost",
            )

    def _check_open(self) -> None:
        if self._closing:
            raise JournalError(f"the journal {str(self.path)!r} is closed: open it again")

    def _kick(self) -> None:
        """Go on in the next iteration of the loop, with all that came in this one."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if not self._kicked:
            self._kicked = True
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Start what is to be done next, unless something is being done."""
        self._kicked = False
        if self._busy:
            return
        if self._waiters or self._due:
            self._attempt()
        elif self._closing and not self._released.is_set():
            self._busy = True
            WRITERS.submit(self._disk.close, self._let_go)

    def _attempt(self) -> None:
        self._busy, self._due = True, False
        sync = bool(self._waiters) or self._closing or self.trouble is not None
        batch = self._backlog.batch(sync=sync)
        WRITERS.submit(partial(put, self._disk, batch), partial(self._came_back, batch))

    def _came_back(self, batch: Batch, error: Exception | None) -> None:
        self._busy = False
        self._backlog.settle(batch, failed=error is not None)
        if error is not None:
            self.trouble = describe(self.path, error)
        elif batch.sync:
            self.trouble = None
        told = self._answer(batch, error) if batch.sync else False
        self._go_on()
        if error is not None and not told:
            self.on_trouble(describe(self.path, error))

    def _answer(self, batch: Batch, error: Exception | None) -> bool:
        """Answer those who wait for no more than what was synced; tell whether any listens."""
        answered = [waiter for count, waiter in self._waiters if count <= batch.count]
        self._waiters = [waiting for waiting in self._waiters if waiting[0] > batch.count]
        listening = [waiter for waiter in answered if not waiter.done()]
        for waiter in listening:
            if error is None:
                waiter.set_result(None)
            else:
                failure = JournalError(f"{self.trouble}. Nothing is lost yet: flush again then")
                failure.__cause__ = error
                waiter.set_exception(failure)
                waiter.exception()  # Seen, in case that its task is cancelled at this moment.
        return bool(listening)

    def _let_go(self, _: None) -> None:
        self._busy = False
        self._released.set()


async def read(path: str | PathLike[str]) -> Scan:
    """Read a journal without its lock, and repair nothing; somebody may be writing it.

    Raises:
        FileNotFoundError: there is none.
        DamagedJournalError: it is damaged before its end.
        JournalError: it could not be read.
    """
    return await in_thread(partial(look, Path(path)), unwanted=lambda _: None)
