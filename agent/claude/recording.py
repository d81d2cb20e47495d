"""A recorded conversation with a model, and the form of its file.

One JSON object a line, so that a recording can be read, compared and mended with any editor::

    {"type":"recording","version":1,"title":"…","source":"recorded","model":"…","made":"2026-11-21"}
    {"type":"request","at":0,"body":{"model":"…","tools":[…],"messages":[…]}}
    {"type":"events","at":0.812,"events":[{"type":"message_start",…}]}
    {"type":"end","at":2.4}
    {"type":"request","at":2.9,"keeps":1,"body":{"messages":[…]}}

The rules that it keeps:

- a file holds one conversation; `at` is in seconds since its first request, and never goes back;
- a later request says how many messages of the one before it `keeps`, and gives the messages that
  follow and the other members that changed (`without` names those that are gone): a long session
  is not written again with each request;
- a reply is any number of `events`, each what came in one piece, and then one of `end`, `error`
  (the model failed) and `cut` (whoever read it went away, as an interruption does);
- `source` says whether a model gave the replies (`recorded`) or a person wrote them (`scripted`);
  `files`, by path, are what a workspace has to hold for the recorded calls to make sense;
- `pages` names the shipped pages that are served on this machine while it is played; the recording
  calls their address `http://pages.invalid`, and whoever plays it puts the real one there (see
  `recording_pages`);
- a last line without its newline is what a crash left: it is set aside and told. Any other damage
  is an error that names the file and the line.

**What is in it**: everything that was said, by whom ever, and all that tools answered. Headers are
never recorded, and so no API key; cache markers and the credentials of MCP servers are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal, TypeAlias

from agent.claude.recorded_failure import Failure
from agent.claude.sse import Event
from agent.errors import AgentError

Json: TypeAlias = dict[str, Any]
Source: TypeAlias = Literal["recorded", "scripted"]

VERSION: Final = 1
SUFFIX: Final = ".jsonl"


class RecordingError(AgentError):
    """A recording cannot be read or written."""

    def __init__(self, message: str, *, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.file = file
        self.line = line
        """Counted from 1; 0 where none is to blame."""


class End(Enum):
    """How a reply ended that did not fail."""

    WHOLE = "end"
    CUT = "cut"
    """Whoever read it went away, or the recording stops in its middle."""


Ending: TypeAlias = End | Failure


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that came in one piece."""

    at: float
    """Seconds since the request."""
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class RecordedReply:
    """A request, and what answered it."""

    at: float
    """Seconds since the first request."""
    body: Json
    """The whole request."""
    batches: tuple[Batch, ...] = ()
    ending: Ending = End.CUT
    seconds: float = 0.0
    """From the request to the reply's end."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One conversation."""

    name: str
    """Where it was read from; for messages."""
    title: str
    source: Source
    model: str
    made: str
    """The day, as ISO 8601 writes it; empty when nobody knows."""
    replies: tuple[RecordedReply, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    """Texts of a workspace, by their paths in it."""
    notice: str = ""
    """What a person should know of the file: that its end was torn off."""
    pages: str = ""
    """The shipped pages that are served while it is played; empty when it needs none."""

    def turns(self) -> list[list[Json]]:
        """Give the content blocks of each message that began a turn."""
        found = []
        before: RecordedReply | None = None
        for reply in self.replies:
            blocks = _said(before, reply)
            if blocks:
                found.append(blocks)
            before = reply
        return found


def blocks_of(content: object) -> list[Json]:
    """Give a message's blocks; a string is one block of text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []


def _said(before: RecordedReply | None, reply: RecordedReply) -> list[Json]:
    """Give what a person said to begin a turn; nothing where the runtime went on by itself."""
    known = 0 if before is None else len(before.body["messages"])
    added = reply.body["messages"][known:]
    said = [each for message in added if message["role"] == "user" for each in _blocks(message)]
    spoken = [block for block in said if block.get("type") != "tool_result"]
    if before is None or before.ending is End.CUT:
        return spoken
    goes_on = isinstance(before.ending, Failure) and any(each["role"] != "user" for each in added)
    return [] if goes_on or len(spoken) < len(said) else spoken


def _blocks(message: Json) -> list[Json]:
    return blocks_of(message.get("content"))
