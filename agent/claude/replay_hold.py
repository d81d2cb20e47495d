"""A point at which a replay waits until a test, or whoever plays it, lets it go on."""

import asyncio
from collections.abc import Sequence
from typing import Final

from agent.claude.recording import Batch, Recording, RecordingError

END: Final = "end"
"""Where a reply's last events have come, and its end or its error has not."""


class Hold:
    """A point of a replay at which it waits; made by `ReplayModel.hold`."""

    def __init__(self, before: int | str, reply: int | None) -> None:
        self._before = before
        self._reply = reply
        self._place: tuple[int, int] | None = None
        self._problem: RecordingError | None = None
        self._reached = asyncio.Event()
        self._released = asyncio.Event()

    def __repr__(self) -> str:
        state = "released" if self._released.is_set() else "reached" if self.is_reached else "set"
        return f"<Hold before {self._before!r} {state}>"

    @property
    def is_reached(self) -> bool:
        """Whether the replay stands here, or stood."""
        return self._reached.is_set()

    async def reached(self) -> None:
        """Wait until the replay stands here.

        Raises:
            RecordingError: the recording has no such point, or the reply was left before it.
        """
        await self._reached.wait()
        if self._problem is not None:
            raise self._problem

    def release(self) -> None:
        """Let the replay go on; before it is reached, let it pass."""
        self._released.set()

    def find(self, recording: Recording) -> None:
        """Find the point.

        Raises:
            RecordingError: there is none; whoever waits for it is told so too.
        """
        try:
            self._place = _place(recording, self._before, self._reply)
        except RecordingError as error:
            self._problem = error
            self._reached.set()
            raise

    def leave(self, reply: int) -> None:
        """Note that the reader of a reply is gone: whoever waits for a later point is told."""
        if self._place is not None and self._place[0] == reply and not self.is_reached:
            self._problem = RecordingError(
                f"hold: the reply was left before {self._before!r}: whoever reads a reply leaves "
                "at its stop reason, when it is interrupted, or at an error"
            )
            self._reached.set()

    async def stop(self, reply: int, batch: int) -> None:
        """Wait, if this is the point."""
        if self._place == (reply, batch):
            self._reached.set()
            await self._released.wait()


def _place(recording: Recording, before: int | str, reply: int | None) -> tuple[int, int]:
    replies = recording.replies
    chosen = range(len(replies)) if reply is None else range(reply, reply + 1)
    is_any = isinstance(before, str) and before != END
    for number in chosen if is_any else chosen[:1]:
        if not 0 <= number < len(replies):
            break
        batch = _batch(replies[number].batches, before)
        if batch is not None:
            return number, batch
    where = f"reply {reply}" if reply is not None else "any reply" if is_any else "reply 0"
    counts = ", ".join(str(len(each.batches)) for each in replies) or "no"
    raise RecordingError(
        f"hold: there is no {before!r} in {where} of the recording {recording.name}; its "
        f"{len(replies)} replies have {counts} batches of events",
        file=recording.name,
    )


def _batch(batches: Sequence[Batch], before: int | str) -> int | None:
    """Give the number of the batch, from 0; that behind the last is the reply's end."""
    if before == END:
        return len(batches)
    if isinstance(before, int):
        place = before + len(batches) if before < 0 else before
        return place if 0 <= place < len(batches) else None
    found = (place for place, batch in enumerate(batches) if _has(batch, before))
    return next(found, None)


def _has(batch: Batch, name: str) -> bool:
    for event in batch.events:
        block = event.get("content_block") or {}
        if name in {event.get("type"), block.get("id"), block.get("name")}:
            return True
    return False
