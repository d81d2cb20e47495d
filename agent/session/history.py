"""The state that a session's entries make: pure, the same live and after a load.

The rules that this file keeps:

- the transcript grows at `request` entries only: there the reply before goes in as far as it was
  kept, then one user message: the results of its calls in request order, then what people sent;
- a reply of which nothing was kept leaves no trace in the transcript;
- every call that is kept is answered there, by its result or by the request's own answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from agent.claude.wire import encode, outgoing
from agent.errors import SessionError
from agent.session.entries import (
    Blocks,
    Decision,
    Entry,
    Header,
    Intent,
    Message,
    Question,
    Renamed,
    ReplyEnd,
    Request,
    Result,
    SetAside,
    TurnEnd,
)
from agent.session.prefix import THINKING, waits_for_server
from agent.session.transcript import Transcript, tool_result

Json: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class ReplyState:
    """What is known of a reply that was asked for."""

    number: int
    blocks: dict[int, Json] = field(default_factory=dict)
    intents: set[int] = field(default_factory=set)
    results: dict[int, Result] = field(default_factory=dict)
    questions: dict[int, Question] = field(default_factory=dict)
    """The newest of each call."""
    decisions: dict[int, Decision] = field(default_factory=dict)
    """What was answered to the newest question of each call."""
    end: ReplyEnd | None = None
    has_lost_entries: bool = False
    """Whether a damaged tail may have held more of it."""

    def apply(self, entry: Blocks | Intent | Result | Question | Decision | ReplyEnd) -> None:
        """Take an entry of this reply in."""
        match entry:
            case Blocks():
                self.blocks.update((place, block) for place, block in entry.blocks)
            case Intent():
                self.intents.add(entry.block)
            case Result():
                self.results.setdefault(entry.block, entry)
            case Question():
                self.questions[entry.block] = entry
                self.decisions.pop(entry.block, None)
            case Decision():
                self.decisions[entry.block] = entry
            case ReplyEnd():
                self.end = entry

    def content(self) -> list[Json]:
        """Give the blocks from the first on that are there without a gap, as they came."""
        blocks: list[Json] = []
        while len(blocks) in self.blocks:
            blocks.append(self.blocks[len(blocks)])
        return blocks

    def calls(self, kept: int) -> list[int]:
        """Give the places of the client tools' calls among the kept blocks."""
        content = self.content()[:kept]
        return [place for place, block in enumerate(content) if block.get("type") == "tool_use"]

    def kept(self) -> list[Json]:
        """Give the blocks that stand in the conversation, once it is over."""
        return self.content()[: self.end.kept if self.end is not None else 0]

    def wrote(self) -> dict[str, str]:
        """Give the versions of files that its calls with an effect left, in request order."""
        ended = (self.results[place] for place in sorted(self.results) if place in self.intents)
        return {file: version for result in ended for file, version in result.files.items()}

    def unanswered(self) -> list[int]:
        """Give the places of the kept calls that have no result."""
        kept = self.end.kept if self.end is not None else len(self.blocks)
        return [place for place in self.calls(kept) if place not in self.results]


class History:
    """A session's state; `apply` each entry in turn."""

    def __init__(self) -> None:
        self.header: Header | None = None
        self.name = ""
        self.messages: list[Message] = []
        self.pending: list[int] = []
        """The numbers of the messages that no request has carried yet."""
        self.transcript = Transcript()
        self.reply: ReplyState | None = None
        """The newest reply that was asked for; its predecessors are in the transcript."""
        self.replies = 0
        self.reported: list[tuple[str, Json]] = []
        """The usage of each reply as the server reported it, with the model's name."""
        self.container: str | None = None
        """Where the server keeps what its tools made."""
        self.files: dict[str, str] = {}
        """The version of each file that the model knows; replaced, never changed."""
        self.last_turn: TurnEnd | None = None
        """How the last turn ended; None while one runs, or when it did not come to its end."""
        self.entries = 0
        self._ids: set[str] = set()

    def __repr__(self) -> str:
        return f"<History {self.name!r} {self.entries} entries, {self.replies} replies>"

    @property
    def has_calls(self) -> bool:
        """Whether the newest reply has calls whose answers are to be sent."""
        reply = self.reply
        return reply is not None and reply.end is not None and bool(reply.calls(reply.end.kept))

    @property
    def is_paused(self) -> bool:
        """Whether the server has to go on with the newest reply before a message can follow."""
        return self.reply is not None and waits_for_server(self.reply.kept())

    @property
    def is_open(self) -> bool:
        """Whether a reply was asked for and is not over."""
        return self.reply is not None and self.reply.end is None

    def apply(self, entry: Entry) -> None:
        """Take the next entry in; those of kinds that change nothing here are passed over.

        Raises:
            SessionError: it does not follow from those before.
        """
        self.entries += 1
        match entry:
            case Header():
                self.header, self.name = entry, entry.name
            case Message():
                self.pending.append(len(self.messages))
                self.messages.append(entry)
            case Request():
                self._request(entry)
            case Blocks() | Intent() | Result() | Question() | Decision():
                self._of(entry.reply).apply(entry)
            case ReplyEnd():
                self._end_reply(entry)
            case TurnEnd():
                self.last_turn = entry
            case Renamed():
                self.name = entry.name
            case SetAside():
                self._lose()

    def _end_reply(self, end: ReplyEnd) -> None:
        self._of(end.reply).apply(end)
        self.container = end.message.get("container", self.container)
        if end.usage:
            self.reported.append((str(end.message.get("model") or ""), end.usage))

    def _of(self, reply: int) -> ReplyState:
        if self.reply is None or self.reply.number != reply:
            raise SessionError(f"the journal speaks of reply {reply}, which was not asked for")
        return self.reply

    def _lose(self) -> None:
        if self.reply is not None:
            self.reply.has_lost_entries = True

    def _request(self, request: Request) -> None:
        user = [*self._answers(request), *self._carry(request)]
        if user:
            self.transcript.add("user", user)
        self.reply = ReplyState(request.reply)
        self.replies = request.reply + 1
        self.last_turn = None

    def _answers(self, request: Request) -> Iterator[bytes]:
        """Put the reply before into the transcript, and give the answers to its calls."""
        reply = self.reply
        if reply is None or reply.end is None or not reply.end.kept:
            return
        wire = outgoing(reply.content()[: reply.end.kept], reply.number, self._ids)
        standing = [block for block in wire if block and self._goes_back(block, reply.number)]
        if standing:
            self.transcript.add("assistant", [encode(block) for block in standing])
        made_up = {answer.block: answer.text for answer in request.answers}
        for place in reply.calls(reply.end.kept):
            call_id = wire[place]["id"]
            result = reply.results.get(place)
            if result is not None:
                if result.files:
                    self.files = {**self.files, **result.files}
                yield tool_result(call_id, result.content, is_error=result.is_error)
            elif place in made_up:
                text = [{"type": "text", "text": made_up[place]}]
                yield tool_result(call_id, text, is_error=True)
            else:
                raise SessionError(f"call {place} of reply {reply.number} has no answer")

    def _goes_back(self, block: Json, reply: int) -> bool:
        is_bound = self.header is not None and reply < self.header.thinks_from
        return not (is_bound and block.get("type") in THINKING)

    def _carry(self, request: Request) -> Iterator[bytes]:
        self.pending = [number for number in self.pending if number not in request.messages]
        for number in request.messages:
            yield from (encode(block) for block in self.messages[number].content)
