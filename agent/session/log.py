"""A session's journal and history, kept in step: what is recorded is applied.

Where an entry cannot be JSON (an infinity in what a server sent), it is recorded with the offending
numbers as text.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from agent.claude.wire import finite
from agent.errors import SessionError
from agent.session.entries import Entry, Header, check_header, from_json, to_json
from agent.session.history import History
from agent.session.lines import NotAnEntryError, encode

Json: TypeAlias = dict[str, Any]


class Store(Protocol):
    """Where entries go: a file's journal, or another that keeps the same promises."""

    def append(self, entry: Json) -> int:
        """Take the next entry, at once; give its number."""
        ...

    async def flush(self) -> None:
        """Wait until everything appended so far is safe."""
        ...

    async def close(self) -> None:
        """Flush, and let go of it."""
        ...


class SessionLog:
    """What happened in a session, and what follows from it."""

    def __init__(self, store: Store, found: Sequence[Json] = ()) -> None:
        self.store = store
        self.history = History()
        self.unknown_entries = 0
        """Entries of kinds that this version does not know: a newer one wrote them."""
        for members in found:
            self.take(members)

    def __repr__(self) -> str:
        return f"<SessionLog {self.history!r} in {self.store!r}>"

    def take(self, members: Json) -> None:
        """Apply an entry that the store holds already.

        Raises:
            SessionError: it does not follow from those before.
        """
        entry = from_json(members)
        if entry is None:
            self.unknown_entries += 1
        else:
            self.history.apply(entry)

    def record(self, entry: Entry) -> None:
        """Apply an entry, and append it."""
        self.history.apply(entry)
        members = to_json(entry)
        try:
            self.store.append(members)
        except NotAnEntryError:
            self.store.append(finite(members))

    async def flush(self) -> None:
        """Wait until everything recorded so far is safe.

        Raises:
            JournalError: the disk did not take it.
        """
        await self.store.flush()


def check(found: Sequence[Json]) -> Header:
    """See whether entries are a session's; give its header.

    Raises:
        SessionError: they do not.
    """
    history = History()
    try:
        for number, members in enumerate(found):
            encode(number, 0, members)
            entry = from_json(members)
            if isinstance(entry, Header):
                check_header(entry)
            if entry is not None:
                history.apply(entry)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise SessionError(f"these entries are no session's: {error}") from error
    if history.header is None:
        raise SessionError("these entries are no session's: there is no header")
    return history.header
