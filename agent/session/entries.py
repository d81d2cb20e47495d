"""What a journal holds, entry by entry: frozen values, and their JSON.

A session is its entries: whoever applies them in order (`history`) has the session's state, and a
running session applies the very entries that it appends. The order in which entries of one reply
arrive is the order in which things happened; `reply` and `block` put them back in request order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeAlias, get_args

Json: TypeAlias = dict[str, Any]

VERSION = 1
"""Of the journal's schema."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first entry: what the session is pinned to."""

    type: ClassVar[str] = "header"
    session: str
    """Its id, which never changes."""
    name: str
    created: float
    """Seconds since 1970, as everywhere in a journal."""
    system: str
    tools: Sequence[Json]
    """Definitions as the API takes them, in their order."""
    workspace: str = ""
    version: int = VERSION
    origin: Json | None = None
    """Of a fork: the session that it was made from, and how many of its entries it took."""
    thinks_from: int = 0
    """The reply from which on thinking goes back: what came before was bound to another prefix."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a person sent; it reaches the model with the request that carries it."""

    type: ClassVar[str] = "message"
    content: Sequence[Json]
    at: float = 0.0
    by: str = "person"
    """Or `runtime`, for what a person did not write."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a call that has no result of its own."""

    block: int
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a request is about to carry to the model beyond what went before."""

    type: ClassVar[str] = "request"
    reply: int
    """The number of the reply that it asks for, from 0."""
    messages: Sequence[int] = ()
    """Which of the session's messages, counted from 0."""
    answers: Sequence[Answer] = ()
    """Made up for calls of the reply before that have no result."""
    model: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks of a reply that have stopped, as they came, each with its place."""

    type: ClassVar[str] = "blocks"
    reply: int
    blocks: Sequence[tuple[int, Json]]


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that has an effect is about to start."""

    type: ClassVar[str] = "intent"
    reply: int
    block: int
    effect: str


@dataclass(frozen=True, slots=True)
class Result:
    """A call's answer."""

    type: ClassVar[str] = "result"
    reply: int
    block: int
    content: Sequence[Json]
    """Blocks as the API takes them, at least one."""
    is_error: bool = False
    status: str = "finished"
    """How it came: `finished`, `failed`, `denied`, `timed_out`, `interrupted`, `not_executed`."""
    started: float | None = None
    ended: float | None = None
    files: Json = field(default_factory=dict)
    """The versions of files that it shows or made: what the model knows once it is told."""


@dataclass(frozen=True, slots=True)
class Question:
    """A person is asked whether a call may run."""

    type: ClassVar[str] = "question"
    reply: int
    block: int
    why: str = ""
    """For the person: what made it a question."""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What was answered to a question: the newest of a call counts."""

    type: ClassVar[str] = "decision"
    reply: int
    block: int
    allows: bool
    reason: str = ""
    """Of a denial, for the model."""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Calls:
    """When the calls of a turn were where: see `scheduler.record_json`."""

    type: ClassVar[str] = "calls"
    records: Sequence[Json]


@dataclass(frozen=True, slots=True)
class ReplyEnd:
    """A reply is over, whatever its end."""

    type: ClassVar[str] = "reply"
    reply: int
    kept: int
    """How many of its blocks stand in the conversation; the others were cut away."""
    stop_reason: str | None = None
    """None when it did not come to its own end."""
    why: str = ""
    """Why it was cut, or dropped."""
    usage: Json = field(default_factory=dict)
    message: Json = field(default_factory=dict)
    """The reply's own id, model and the like."""


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """A turn is over."""

    type: ClassVar[str] = "turn"
    why: str
    text: str = ""
    """For a person, when there is something to say."""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Renamed:
    """The session has another name."""

    type: ClassVar[str] = "renamed"
    name: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """A damaged tail was set aside here: entries may be missing before this one."""

    type: ClassVar[str] = "set_aside"
    file: str
    bytes: int


Entry: TypeAlias = (
    Header
    | Message
    | Request
    | Blocks
    | Intent
    | Result
    | Question
    | Decision
    | Calls
    | ReplyEnd
    | TurnEnd
    | Renamed
    | SetAside
)

KINDS: dict[str, type[Entry]] = {kind.type: kind for kind in get_args(Entry)}


_MEMBERS = {kind: tuple(each.name for each in fields(kind)) for kind in KINDS.values()}


def to_json(entry: Entry) -> Json:
    """Give an entry as it stands in the journal."""
    members: Json = {"type": entry.type}
    for name in _MEMBERS[type(entry)]:
        members[name] = getattr(entry, name)
    if isinstance(entry, Request):
        members["answers"] = [[answer.block, answer.text] for answer in entry.answers]
    return members


def from_json(members: Json) -> Entry | None:
    """Read an entry; None for a kind that this version does not know. Unknown members are passed.

    Raises:
        TypeError: a member is missing.
    """
    kind = KINDS.get(str(members.get("type")))
    if kind is None:
        return None
    given = {name: members[name] for name in _MEMBERS[kind] if name in members}
    if kind is Request:
        given["answers"] = [Answer(*answer) for answer in given.get("answers", ())]
    return kind(**given)


def check_header(header: Header) -> None:
    """See whether a header holds what it should.

    Raises:
        TypeError: it does not.
    """
    wanted = {"name": str, "system": str, "thinks_from": int, "tools": list}
    for name, kind in wanted.items():
        if not isinstance(getattr(header, name), kind):
            raise TypeError(f"{name} of the header is not a {kind.__name__}")
    if not all(isinstance(tool, dict) for tool in header.tools):
        raise TypeError("a tool of the header is not an object")
