"""One reply: events in, blocks and confirmed calls out. Pure.

The rules that this file keeps (the design's section 3):

- a call is **confirmed** when its block has stopped, its input parses strictly, and the model has
  moved on: a later block started after that stop, or the reply ended with a stop reason that
  confirms. A reply that is cut off closes its last block too;
- calls are given out in block order, each once;
- after a `fallback` block nothing is given out before the reply's end;
- a block index that comes again begins a new block, and gaps between indexes mean nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from agent.claude.blocks import SERVER_CALLS, Block, Json
from agent.claude.stop_reasons import meaning


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text for a person, as it comes."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """What the model thinks, where the server shows it."""

    text: str


@dataclass(frozen=True, slots=True)
class CallConfirmed:
    """A client tool's call that may be dispatched now."""

    id: str
    name: str
    input: Json
    block: int
    """Its block's place in the reply, from 0."""
    is_behind_open_block: bool
    """Whether an earlier block has not stopped, or an earlier server tool not answered yet: if the
    stream broke now, the call could not be kept, so an effect has to wait for the end."""


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """The server reported an error in the stream."""

    type: str
    message: str


Output: TypeAlias = TextDelta | ThinkingDelta | CallConfirmed | StreamFailed


class Reply:
    """The state of one reply, event by event."""

    def __init__(self) -> None:
        self.message: Json = {}
        """What `message_start` told, without its content."""
        self.blocks: list[Block] = []
        """In the order in which they started."""
        self.stop_reason: str | None = None
        self.usage: Json = {}
        """Cumulative: each report overwrites the fields that it names."""
        self.is_ended = False
        """Whether a terminal event came; a stream that ends without one is broken."""
        self.pings = 0
        self._current: dict[int, Block] = {}
        # Stopped since the last block started; server calls without an answer, by their place.
        self._just_stopped: list[Block] = []
        self._open_server_calls: dict[object, int] = {}
        self._given = 0
        self._stopped = 0  # so many blocks from the first on have stopped
        self._is_late = False

    def __repr__(self) -> str:
        end = f"ended with {self.stop_reason}" if self.is_ended else "open"
        return f"<Reply {len(self.blocks)} blocks, {end}>"

    def feed(self, event: Json) -> Sequence[Output]:
        """Take an event in; give what follows from it. Unknown events change nothing."""
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._delta(event)
        if kind == "content_block_start":
            return [*self._start(event), *self._confirmed()]
        if kind == "content_block_stop":
            self._stop(event)
        elif kind == "message_start":
            return [*self._begin(event), *self._confirmed()]
        elif kind == "message_delta":
            self._change(event)
            return self._confirmed()
        elif kind == "message_stop":
            self.is_ended = True
        elif kind == "ping":
            self.pings += 1
        elif kind == "error":
            return (_failure(event),)
        return ()

    def content(self) -> list[Json]:
        """Give the blocks that have stopped, as they go back."""
        return [block.content() for block in self.blocks if block.is_stopped]

    @property
    def container(self) -> str | None:
        """Where the server keeps what its tools made; the next request has to name it."""
        container = self.message.get("container")
        return container.get("id") if isinstance(container, dict) else None

    @property
    def text(self) -> str:
        """What a person saw of it."""
        texts = (block.content().get("text") for block in self.blocks if block.type == "text")
        return "".join(str(text or "") for text in texts)

    def calls(self) -> list[Json]:
        """Give the client tools' calls, confirmed or not."""
        return [block.content() for block in self.blocks if block.type == "tool_use"]

    # -- events --------------------------------------------------------------------------------

    def _begin(self, event: Json) -> list[Output]:
        message = dict(event.get("message") or {})
        content = message.pop("content", None) or []
        self.message = message
        self._report(message.get("usage"))
        shown: list[Output] = []
        for number, start in enumerate(content):
            shown += self._start({"index": number, "content_block": start})
            self._stop({"index": number})
        if message.get("stop_reason"):
            self._end(message["stop_reason"])
        return shown

    def _start(self, event: Json) -> Sequence[Output]:
        for stopped in self._just_stopped:
            stopped.has_moved_on = True
        self._just_stopped.clear()
        block = Block(int(event.get("index") or 0), dict(event.get("content_block") or {}))
        self.blocks.append(block)
        self._current[block.index] = block
        self._is_late = self._is_late or block.type == "fallback"
        if block.type in SERVER_CALLS:
            self._open_server_calls[block.start.get("id")] = len(self.blocks) - 1
        self._open_server_calls.pop(block.start.get("tool_use_id"), None)
        if block.type == "text" and block.start.get("text"):
            return (TextDelta(block.start["text"]),)
        return ()

    def _delta(self, event: Json) -> Sequence[Output]:
        block = self._current.get(int(event.get("index") or 0))
        if block is None or block.is_stopped:
            return ()
        text = block.add(event.get("delta") or {})
        if not text:
            return ()
        return (ThinkingDelta(text) if block.type == "thinking" else TextDelta(text),)

    def _stop(self, event: Json) -> None:
        block = self._current.get(int(event.get("index") or 0))
        if block is not None and not block.is_stopped:
            block.is_stopped = True
            self._just_stopped.append(block)

    def _change(self, event: Json) -> None:
        self._report(event.get("usage"))
        delta = event.get("delta") or {}
        if delta.get("container"):
            self.message["container"] = delta["container"]
        if delta.get("stop_reason"):
            self._end(delta["stop_reason"])

    def _end(self, reason: str) -> None:
        self.stop_reason = reason
        self.is_ended = True

    def _report(self, usage: object) -> None:
        if isinstance(usage, dict):
            self.usage |= {name: value for name, value in usage.items() if value is not None}

    # -- calls ---------------------------------------------------------------------------------

    def _confirmed(self) -> Sequence[CallConfirmed]:
        """Give the next calls in block order, as far as they are confirmed."""
        is_meant = self.is_ended and meaning(self.stop_reason).confirms
        given: list[CallConfirmed] = []
        if self._is_late and not is_meant:
            return given
        for number in range(self._given, len(self.blocks)):
            block = self.blocks[number]
            if block.type == "tool_use":
                is_sure = block.is_stopped and (block.has_moved_on or is_meant)
                if not is_sure and not self.is_ended:
                    return given
                call = self._call(number, block) if is_sure else None
                if call is not None:
                    given.append(call)
            self._given = number + 1
        return given

    def _call(self, number: int, block: Block) -> CallConfirmed | None:
        given = block.parsed_input()
        if given is None:
            return None
        return CallConfirmed(
            str(block.start.get("id") or ""),
            str(block.start.get("name") or ""),
            given,
            number,
            self._is_behind_open_block(number),
        )

    def _is_behind_open_block(self, number: int) -> bool:
        while self._stopped < number and self.blocks[self._stopped].is_stopped:
            self._stopped += 1
        waits = any(place < number for place in self._open_server_calls.values())
        return waits or self._stopped < number


def _failure(event: Json) -> StreamFailed:
    error = event.get("error") or {}
    return StreamFailed(str(error.get("type") or "error"), str(error.get("message") or ""))
