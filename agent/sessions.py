"""The sessions of a data folder: found, made, and moved about as a whole.

The rule that this file keeps: a session that is open here is one object, whoever asks for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias, TypeVar

from agent.errors import SessionError, SessionNotFoundError
from agent.session import export
from agent.session.entries import Header, to_json
from agent.session.files import SessionFiles, parse_export
from agent.session.index import SessionInfo
from agent.session.journal import Journal
from agent.session.log import SessionLog, check
from agent.session.session import Session

T = TypeVar("T")
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
        self._locks: dict[str, asyncio.Lock] = {}
        self.opened: dict[str, Session] = {}
        """By id."""

    def __repr__(self) -> str:
        return f"<Sessions in {self._files.folder}, {len(self.opened)} open>"

    async def prepare(self) -> None:
        """Make the folder, and look at what is in it."""
        await _in_thread(self._files.prepare)

    async def infos(self) -> list[SessionInfo]:
        """List the sessions, the one last used first."""
        await self._ready()
        return await _in_thread(self._files.infos)

    async def open(self, name: str | None = None) -> Session:
        """Open a session, or go on with it; make it when there is none.

        Raises:
            JournalError: its file cannot be read or written, or another process has it open.
        """
        await self._ready()
        wanted = name if name is not None else f"session {self._files.new_id()}"
        if not wanted.strip():
            raise SessionError("a session's name is not blank")
        async with self._locks.setdefault(wanted, asyncio.Lock()):
            found = await _in_thread(self._files.find, wanted)
            if found is None:
                return await self._create(replace(await self._pinned(), name=wanted), ())
            known = self.opened.get(found)
            if known is not None and not known.is_closed:
                return known
            return await self._load(found)

    async def rename(self, name: str, new_name: str) -> None:
        """Give a session another name.

        Raises:
            SessionError: there is none of the one name, or one of the other.
        """
        session = await self.open(await self._known(name))
        await _in_thread(self._files.rename, session.id, new_name)
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
        journal = await Journal.open(self._files.path(found), create=False)
        try:
            await _in_thread(self._files.remove, found)
        finally:
            await journal.close()

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
        header = replace(
            now,
            name=new_name,
            system=was["system"],
            origin={"session": found, "entries": len(entries)},
            thinks_from=0 if list(was["tools"]) == now.tools else _replies(entries),
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
        header = Header(
            "",
            name or str(was.get("name") or "imported"),
            time.time(),
            str(was.get("system") or ""),
            list(was.get("tools") or ()),
            str(was.get("workspace") or ""),
            origin={"session": was.get("session"), "entries": len(entries)},
            thinks_from=int(was.get("thinks_from") or 0),
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
        history = [to_json(header), *entries]
        check(history)  # before anything is on disk: they may not fit together
        await _in_thread(self._files.add, header.session, header.name, header.created)
        try:
            journal = await Journal.open(self._files.path(header.session), create=True)
        except BaseException:
            await _in_thread(self._files.forget, header.session)
            raise
        for entry in history:
            journal.append(entry)
        return self._lent(SessionLog(journal, history))

    async def _load(self, session: str) -> Session:
        journal = await Journal.open(self._files.path(session), create=False)
        try:
            return self._lent(SessionLog(journal, journal.take_entries()))
        except BaseException:
            await journal.close()
            raise

    def _lent(self, log: SessionLog) -> Session:
        session = self._lend(log)
        self.opened[session.id] = session
        return session

    async def _entries(self, session: str) -> list[Json]:
        if session in self.opened:
            await self.opened[session].flush()
        return await _in_thread(self._files.entries, session)

    async def _known(self, name: str) -> str:
        await self._ready()
        found = await _in_thread(self._files.find, name)
        if found is None:
            raise SessionNotFoundError(f"there is no session named {name!r}")
        return found


async def _in_thread(work: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)


def _before(entries: list[Json], message: int | None) -> list[Json]:
    """Give the entries up to a message."""
    if message is None:
        return entries
    places = [place for place, entry in enumerate(entries) if entry.get("type") == "message"]
    if not 0 <= message < len(places):
        raise SessionError(f"there is no message {message}: the session has {len(places)}")
    return entries[: places[message]]


def _replies(entries: list[Json]) -> int:
    return sum(entry.get("type") == "request" for entry in entries)
