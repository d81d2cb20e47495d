"""A turn as whoever sent the message sees it: its events as they come, its outcome at the end.

The turn goes on whether or not anybody reads; nothing is lost to a slow reader, since its events
wait for it in memory.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.claude.prices import Usage
from agent.events import Event, TextDelta, ToolCalled, ToolFinished, TurnFinished


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """A call of a turn, and how it ended."""

    id: str
    name: str
    input: Mapping[str, Any]
    status: str
    text: str


@dataclass(frozen=True, slots=True)
class TurnResult:
    """A turn that is over."""

    text: str
    """Of its last reply."""
    calls: tuple[CallOutcome, ...]
    """Those that were answered, in the order in which they were asked for."""
    stop_reason: str
    """What ended it: see `TurnFinished.why`."""
    usage: Usage
    error: str = ""


class Turn:
    """Iterate over it for its events; `await turn.result()` for its outcome."""

    def __init__(self, interrupt: Callable[[], None], message: int | None = None) -> None:
        self._interrupt = interrupt
        self.message = message
        """The number of the message that it answers."""
        self._waiting: deque[Event] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._called: dict[str, ToolCalled] = {}
        self._answered: dict[str, ToolFinished] = {}
        self._finished: asyncio.Future[TurnFinished] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        state = "finished" if self._finished.done() else "going on"
        return f"<Turn {state}, {len(self._waiting)} events not read>"

    def put(self, event: Event) -> None:
        """Take the next event in."""
        self._waiting.append(event)
        if not isinstance(event, TextDelta):
            self._note(event)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _note(self, event: Event) -> None:
        match event:
            case ToolCalled():
                self._called[event.id] = event
            case ToolFinished():
                self._answered[event.id] = event
            case TurnFinished() if not self._finished.done():
                self._finished.set_result(event)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Give the events from the first on, until the turn is over; for one reader."""
        while self._waiting or not self._finished.done():
            if not self._waiting:
                self._reader = asyncio.get_running_loop().create_future()
                await self._reader
            yield self._waiting.popleft()

    async def result(self) -> TurnResult:
        """Wait until the turn is over; give its outcome."""
        finished = await asyncio.shield(self._finished)
        calls = [
            CallOutcome(call.id, call.name, call.input, answer.status, answer.text)
            for call in self._called.values()
            if (answer := self._answered.get(call.id)) is not None
        ]
        return TurnResult(finished.text, tuple(calls), finished.why, finished.usage, finished.error)

    def interrupt(self) -> None:
        """End the turn, if it goes on: what runs is stopped, and every call is answered."""
        if not self._finished.done():
            self._interrupt()
