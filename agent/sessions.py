"""The sessions of a data folder: found, made, and moved about as a whole.

The rule that this file keeps: a session that is open here is one object, whoever asks for it.
"""

import asyncio
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

from agent.errors import DamagedJournalError, SessionError, SessionNotFoundError
from agent.session import export
from agent.session.entries import Header, to_json
from agent.session.files import SessionFiles, parse_export
from agent.session.index import SessionInfo
from agent.session.journal import Journal
from agent.session.log import SessionLog, check
from agent.session.session import Session
from tools.text import is_whole

Json: TypeAlias = dict[str, Any]


class Sessions:
    """Made by `Agent`; a name is a session's name or its id."""

    def __init__(
        self,
        files: SessionFiles,
        pinned: Callable[[], Awaitable[Header]],
        lend: Callable[[SessionLog], Session],
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._files = files
        self._ready = ready
        self._pinned = pinned
        self._lend = lend
        self._locks = Locks()
        self.opened: dict[str, Session] = {}
        """By id."""

    def __repr__(self) -> str:
        return f"<Sessions in {self._files.folder}, {len(self.opened)} open>"

    async def prepare(self) -> None:
        """Make the folder, and look at what is in it."""
        await asyncio.to_thread(self._files.prepare)

    async def infos(self) -> list[SessionInfo]:
        """List the sessions, the one last used first."""
        await self._ready()
        return await asyncio.to_thread(self._files.infos)

    async def open(self, name: str | None = None) -> Session:
        """Open a session, or go on with it; make it when there is none.

        Raises:
            JournalError: its file cannot be read or written, or another process has it open.
        """
        await self._ready()
        wanted = _checked(name if name is not None else f"session {self._files.new_id()}")
        async with self._locks.of(f"name {wanted}"):
            found = await asyncio.to_thread(self._files.find, wanted)
            if found is not None:
                session = await self._reopen(found)
                if session is not None:
                    return session
            return await self._create(replace(await self._pinned(), name=wanted), ())

    async def rename(self, name: str, new_name: str) -> None:
        """Give a session another name.

        Raises:
            SessionError: there is none of the one name, or one of the other.
        """
        session = await self.open(await self._known(name))
        await asyncio.to_thread(self._files.rename, session.id, _checked(new_name))
        session.rename(new_name)
        await session.flush()

    async def delete(self, name: str) -> None:
        """Remove a session and its files.

        Raises:
            SessionNotFoundError: there is none.
            SessionBusyError: another process has it open.
        """
        found = await self._known(name)
        session = self.opened.pop(found, None)
        if session is not None:
            await session.close()
        await asyncio.to_thread(self._files.remove, found)

    async def fork(self, name: str, new_name: str, *, before_message: int | None = None) -> Session:
        """Make a session that begins as another did, with the tools of today.

        Where the tools are the same, so is all that the model sees. Where they have changed, its
        earlier thinking is left out: it was bound to the tools of then.

        Args:
            name: of the session to fork.
            new_name: of the new one.
            before_message: leave out this message, counted from 0, and all after it.

        Raises:
            SessionError: there is none of the one name, or one of the other.
        """
        found = await self._known(name)
        entries = _before(await self._entries(found), before_message)
        now = await self._pinned()
        was = entries[0]
        has_same_tools = list(was["tools"]) == now.tools
        header = replace(
            now,
            name=new_name,
            system=was["system"],
            origin={"session": found, "entries": len(entries)},
            thinks_from=was.get("thinks_from", 0) if has_same_tools else _replies(entries),
        )
        return await self._create(header, entries[1:])

    async def export(self, name: str, form: Literal["json", "markdown"] = "json") -> str:
        """Give a session as a document.

        Raises:
            SessionNotFoundError: there is none.
        """
        entries = await self._entries(await self._known(name))
        return export.as_markdown(entries) if form == "markdown" else export.as_json(entries)

    async def import_(self, text: str, name: str | None = None) -> Session:
        """Make a session from an exported one.

        Raises:
            SessionError: the text is no exported session, or its name is taken.
        """
        await self._ready()
        entries = parse_export(text)
        was = entries[0]
        header = replace(
            check(entries),
            name=name or _last_name(entries),
            origin={"session": was.get("session"), "entries": len(entries)},
        )
        return await self._create(header, entries[1:])

    async def close(self) -> None:
        """Interrupt what runs, and let go of every journal.

        Raises:
            JournalError: not all of a session is on disk.
        """
        sessions = list(self.opened.values())
        self.opened.clear()
        ends = await asyncio.gather(*(each.close() for each in sessions), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    # -- inside --------------------------------------------------------------------------------

    async def _create(self, header: Header, entries: Sequence[Json]) -> Session:
        header = replace(header, session=self._files.new_id(), created=time.time())
        kept = [entry for entry in entries if entry.get("type") != "renamed"]
        history = [to_json(header), *kept]
        check(history)  # before anything is on disk: they may not fit together
        _checked(header.name)
        journal = await Journal.open(self._files.path(header.session), create=True)
        try:
            for entry in history:
                journal.append(entry)
            await journal.flush()  # a name leads to a whole session, whenever a crash comes
            await asyncio.to_thread(self._files.add, header.session, header.name, header.created)
            return self._lent(SessionLog(journal, history))
        except BaseException:
            await journal.close()
            await asyncio.to_thread(self._files.remove, header.session)
            raise

    async def _reopen(self, session: str) -> Session | None:
        """Give a session that there is; None when it was never begun."""
        async with self._locks.of(f"id {session}"):
            known = self.opened.get(session)
            if known is not None and not known.is_closed:
                return known
            try:
                return await self._load(session)
            except FileNotFoundError:
                raise SessionNotFoundError(f"the file of session {session!r} is gone") from None
            except (DamagedJournalError, SessionError):
                if await asyncio.to_thread(self._files.set_aside, session):
                    return None
                raise

    async def _load(self, session: str) -> Session:
        journal = await Journal.open(self._files.path(session), create=False)
        try:
            tail = journal.set_aside
            told = [f"A damaged end of its file was set aside: {tail.file}."] if tail else []
            return self._lent(SessionLog(journal, journal.take_entries()), told)
        except BaseException:
            await journal.close()
            raise

    def _lent(self, log: SessionLog, notices: Sequence[str] = ()) -> Session:
        session = self._lend(log)
        session.notices += notices
        self.opened[session.id] = session
        return session

    async def _entries(self, session: str) -> list[Json]:
        if session in self.opened:
            await self.opened[session].flush()
        return await asyncio.to_thread(self._files.entries, session)

    async def _known(self, name: str) -> str:
        await self._ready()
        found = await asyncio.to_thread(self._files.find, name)
        if found is None:
            raise SessionNotFoundError(f"there is no session named {name!r}")
        return found


class Locks:
    """A lock for each name in use."""

    def __init__(self) -> None:
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    def __repr__(self) -> str:
        return f"<Locks {[*self._locks]}>"

    def of(self, name: str) -> asyncio.Lock:
        """Give the lock of a name; it lives as long as somebody has it."""
        return self._locks.setdefault(name, asyncio.Lock())


def _checked(name: str) -> str:
    """Give a name that can be one.

    Raises:
        SessionError: it is blank, or holds half a character.
    """
    if not name.strip():
        raise SessionError("a session's name is not blank")
    if not is_whole(name):
        raise SessionError(f"a session's name holds half a character: {name!r}")
    return name


def _last_name(entries: Sequence[Json]) -> str:
    names = [entry["name"] for entry in entries if entry.get("type") in {"header", "renamed"}]
    return str(names[-1])


def _before(entries: list[Json], message: int | None) -> list[Json]:
    """Give the entries up to the request that carries a message, without it and later ones."""
    if message is None:
        return entries
    count = sum(entry.get("type") == "message" for entry in entries)
    if not 0 <= message < count:
        raise SessionError(f"there is no message {message}: the session has {count}")
    kept: list[Json] = []
    seen = 0
    for entry in entries:
        if entry.get("type") == "request" and message in entry.get("messages", ()):
            break
        is_later = entry.get("type") == "message" and seen >= message
        seen += entry.get("type") == "message"
        if not is_later:
            kept.append(entry)
    return kept


def _replies(entries: Sequence[Json]) -> int:
    return sum(entry.get("type") == "request" for entry in entries)
