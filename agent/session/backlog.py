"""What a journal has to write: which entries are safe, and which bytes go where. Pure.

The rules:

- every line is kept until a sync that came after its writing has succeeded;
- after any failure the next batch holds every line since the last successful sync: after a failed
  sync the system may have dropped what it had taken, and says so only once;
- a batch says where it belongs, so that writing it again changes nothing that is right already.
"""

from dataclasses import dataclass

from agent.session.lines import Entry, encode


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines to write in one go."""

    lines: tuple[bytes, ...]
    offset: int
    """Where the first of them belongs."""
    count: int
    """Entries in the file once these are there."""
    sync: bool
    """Whether they, and all that was written before them, shall also be safe."""


class Backlog:
    """The lines since the last successful sync, and how far they are written."""

    def __init__(self, *, count: int, end: int) -> None:
        """Begin behind `count` safe entries, which end at the offset `end`."""
        self.safe = count
        """How many entries are known to be on the disk."""
        self._safe_end = end
        self._lines: list[bytes] = []
        self._written = 0
        self._end = end

    def __repr__(self) -> str:
        return f"<Backlog {self.count} entries, {self.unsynced} unsynced>"

    @property
    def unsynced(self) -> int:
        """How many entries are not known to be on the disk."""
        return len(self._lines)

    @property
    def count(self) -> int:
        """How many entries there are."""
        return self.safe + len(self._lines)

    def add(self, entry: Entry) -> int:
        """Take an entry, as it is now; give its sequence number.

        Raises:
            NotAnEntryError: it cannot be one.
        """
        seq = self.safe + len(self._lines)
        self._lines.append(encode(seq, self.safe, entry))
        return seq

    def batch(self, *, sync: bool) -> Batch:
        """Give all that is not written yet; to be settled before the next is asked for."""
        return Batch(tuple(self._lines[self._written :]), self._end, self.count, sync)

    def settle(self, batch: Batch, *, failed: bool) -> None:
        """Note what came of a batch."""
        if failed:
            self._written, self._end = 0, self._safe_end
            return
        self._written += len(batch.lines)
        self._end += sum(map(len, batch.lines))
        if batch.sync:
            del self._lines[: self._written]
            self.safe, self._safe_end, self._written = batch.count, self._end, 0
