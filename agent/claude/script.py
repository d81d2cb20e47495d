"""What the loopback server answers: frames as the API sends them, and what happens between them.

A script is a list of frames (bytes of the response) and steps; `reply` builds one from blocks::

    reply(Text("Let me look."), Gate("looking"), Call("toolu_1", "read", {"path": "a.py"}))

A step may stand between the blocks, and with `between` between the pieces of one; a finished script
is a list, so a step can be put anywhere else too. Nothing comes after `Reset` and `Stall`, and a
script with `stop_reason=None` has no terminal event.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

from agent.claude.blocks import CALLS, Json

# -- steps -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait, by the clock of the server's loop."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Gate:
    """Wait until the test opens it."""

    name: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Break the connection off: the client sees a TCP reset."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the response here, cleanly: a client sees the end of the stream, not an error."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Send nothing more until the client goes away."""


Step: TypeAlias = Pause | Gate | Reset | Close | Stall

# -- blocks ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A text block."""

    text: str
    pieces: int = 1
    between: Step | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """A thinking block; with empty text it is one whose text is omitted."""

    text: str
    signature: str
    pieces: int = 1
    between: Step | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A client tool's call; an input that is a string is sent as it stands, JSON or not."""

    id: str
    name: str
    input: Json | str = field(default_factory=dict)
    pieces: int = 1
    between: Step | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """Any other block, as it stands: a server tool's call or result, or a type yet unknown."""

    block: Json


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Events or bytes, as they stand."""

    given: bytes | Sequence[Json]


Part: TypeAlias = Text | Thinking | Call | Whole | Ping | Raw | Step


@dataclass(frozen=True, slots=True)
class HttpError:
    """An answer with an error status and the API's error JSON."""

    status: int
    type: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    should_retry: bool | None = None

    def all_headers(self) -> dict[str, str]:
        """Give its headers, with the server's advice on retrying."""
        if self.should_retry is None:
            return dict(self.headers)
        return {**self.headers, "x-should-retry": str(self.should_retry).lower()}


Script: TypeAlias = Sequence[bytes | Step] | HttpError

USAGE: Json = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 1,
    "service_tier": "standard",
}


def reply(
    *parts: Part,
    stop_reason: str | None = "",
    usage: Json | None = None,
    model: str = "claude-loopback",
    id: str = "msg_loopback",  # noqa: A002  (the API's name for it)
) -> list[bytes | Step]:
    """Build the script of a streamed reply.

    Without a stop reason given it is `tool_use` if there is a call, `end_turn` otherwise; with None
    the reply has no terminal event. `usage` goes over the numbers that are sent otherwise.
    """
    if stop_reason == "":
        stop_reason = "tool_use" if any(isinstance(part, Call) for part in parts) else "end_turn"
    counted = USAGE | (usage or {})
    message = {"id": id, "type": "message", "role": "assistant", "model": model, "content": []}
    ends = {"stop_reason": None, "stop_sequence": None, "usage": counted}
    return [
        frame({"type": "message_start", "message": message | ends}),
        *_frames(parts),
        *_terminal(stop_reason, counted),
    ]


def error_event(type: str, message: str) -> Raw:  # noqa: A002  (the API's name for it)
    """Give an error that comes within the stream, after the status 200."""
    return Raw([{"type": "error", "error": {"type": type, "message": message}}])


def frame(event: Json) -> bytes:
    """Write an event as the API does."""
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


def split(text: str, pieces: int) -> list[str]:
    """Cut a text into pieces of nearly one size; fewer when it has fewer characters."""
    pieces = max(1, min(pieces, len(text)))
    cuts = [len(text) * number // pieces for number in range(pieces + 1)]
    return [text[start:end] for start, end in pairwise(cuts)]


def _frames(parts: Iterable[Part]) -> Iterator[bytes | Step]:
    index = 0
    for part in parts:
        match part:
            case Ping():
                yield frame({"type": "ping"})
            case Raw(bytes() as given):
                yield given
            case Raw(given):
                yield from (frame(event) for event in given if isinstance(event, dict))
            case Text() | Thinking() | Call() | Whole():
                yield from _block(index, part)
                index += 1
            case _:
                yield part


def _block(index: int, part: Text | Thinking | Call | Whole) -> Iterator[bytes | Step]:
    start, deltas = _content(part)
    yield frame({"type": "content_block_start", "index": index, "content_block": start})
    between = getattr(part, "between", None)
    for number, delta in enumerate(deltas):
        if number and between is not None:
            yield between
        yield frame({"type": "content_block_delta", "index": index, "delta": delta})
    yield frame({"type": "content_block_stop", "index": index})


def _content(part: Text | Thinking | Call | Whole) -> tuple[Json, list[Json]]:
    """Give what a block starts as, and the deltas that make it whole."""
    match part:
        case Text(text, pieces):
            return {"type": "text", "text": ""}, _deltas("text", text, pieces)
        case Thinking(text, signature, pieces):
            start: Json = {"type": "thinking", "thinking": "", "signature": ""}
            signed = {"type": "signature_delta", "signature": signature}
            return start, [*_deltas("thinking", text, pieces), signed]
        case Call(id, name, given, pieces):
            raw = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
            call: Json = {"type": "tool_use", "id": id, "name": name, "input": {}}
            return call, _input(raw, pieces)
        case Whole(block) if block.get("type") in CALLS:
            return {**block, "input": {}}, _input(json.dumps(block.get("input", {})), 1)
        case Whole(block):
            return block, []


def _deltas(kind: str, text: str, pieces: int) -> list[Json]:
    return [{"type": f"{kind}_delta", kind: piece} for piece in split(text, pieces) if piece]


def _input(raw: str, pieces: int) -> list[Json]:
    """Give the fragments of a call's input: an empty one first, as the API does."""
    fragments = ["", *split(raw, pieces)]
    return [{"type": "input_json_delta", "partial_json": fragment} for fragment in fragments]


def _terminal(stop_reason: str | None, usage: Mapping[str, Any]) -> list[bytes]:
    if stop_reason is None:
        return []
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return [
        frame({"type": "message_delta", "delta": delta, "usage": dict(usage)}),
        frame({"type": "message_stop"}),
    ]
