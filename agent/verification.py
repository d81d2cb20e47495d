"""What can be shown of a session from its journal alone. Pure: from what was read to a report.

The rules that this file keeps:

- what is not known does not hold: a turn that was cut off, or whose records are missing, is told as
  such and is no proof;
- calls that wait for their answers until the session goes on are no fault: they are counted;
- every report says what was checked.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from agent.claude.checking_pairs import pair_problems
from agent.claude.checking_rules import Rules
from agent.errors import SessionError
from agent.session.entries import Answer, Request, Result, from_json
from agent.session.history import History
from agent.session.log import check
from agent.session.looking import Looked
from agent.session.past import PastTurn, certificate_json
from agent.session.turns import turns

Json: TypeAlias = dict[str, Any]

SCOPE = (
    "the calls of one session, with true declarations of what they touch, apart from clocks, "
    "timeouts and the network; other processes in the same workspace are outside, and so is what "
    "a call left running, from that call on."
)

NEXT: Json = {"role": "user", "content": [{"type": "text", "text": "(the next message)"}]}
"""Stands for what the person has yet to write, without which no request can be."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one session."""

    session: str
    name: str
    facts: tuple[str, ...]
    """What was checked, and holds."""
    problems: tuple[str, ...]
    """What does not hold, apart from the turns' certificates."""
    turns: tuple[PastTurn, ...]

    @property
    def holds(self) -> bool:
        """Whether everything was shown to be as it should."""
        return not self.problems and all(
            turn.certificate is not None and turn.certificate.is_serial for turn in self.turns
        )

    def __str__(self) -> str:
        lines = [f"{self.name} ({self.session})"]
        lines += [f"  ok      {fact}" for fact in self.facts]
        lines += [f"  WRONG   {problem}" for problem in self.problems]
        lines += [line for turn in self.turns for line in _turn_lines(turn)]
        return "\n".join(lines)

    def as_json(self) -> Json:
        """Give it for a program."""
        return {
            "session": self.session,
            "name": self.name,
            "holds": self.holds,
            "checked": list(self.facts),
            "problems": list(self.problems),
            "turns": [
                {"turn": turn.number, "calls": len(turn.calls), **certificate_json(turn)}
                for turn in self.turns
            ],
        }


def _turn_lines(turn: PastTurn) -> list[str]:
    calls = f"{len(turn.calls)} calls" if len(turn.calls) != 1 else "1 call"
    head = f"turn {turn.number} ({calls}):"
    if turn.certificate is None:
        return [f"  unknown {head} {turn.unknown}"]
    verdict, *outside = str(turn.certificate).splitlines()
    word = "ok    " if turn.certificate.is_serial else "WRONG "
    return [f"  {word}  {head} {verdict}", *(f"            {line}" for line in outside)]


def verify(looked: Looked, only: int | None = None) -> Report:
    """Check all that a session's journal shows; of its turns all, or one.

    Raises:
        SessionError: there is no such turn.
    """
    if looked.damage:
        return Report(looked.id, looked.name, (), (looked.damage,), ())
    facts = [_entries(looked)]
    problems = [_tail(looked)] if looked.tail else []
    try:
        check(looked.entries)
        past = turns(looked.entries)
        answered, unanswered = _answers(looked.entries)
    except SessionError as error:
        return Report(looked.id, looked.name, tuple(facts), (*problems, str(error)), ())
    facts += answered
    problems += unanswered
    if only is not None:
        if only >= len(past):
            raise SessionError(f"there is no turn {only}: {looked.name!r} has {len(past)} of them")
        past = [past[only]]
    return Report(looked.id, looked.name, tuple(facts), tuple(problems), tuple(past))


def _entries(looked: Looked) -> str:
    count = len(looked.entries)
    return f"the journal: checksums and sequence numbers of {count} entries"


def _tail(looked: Looked) -> str:
    return (
        f"the journal ends with {looked.tail} bytes that are no whole entry: a crash cut it off, "
        "or it is being written just now; they are set aside when the session is opened"
    )


# -- every call has one answer -----------------------------------------------------------------


def _answers(entries: Sequence[Json]) -> tuple[list[str], list[str]]:
    """Hold the conversation that the model would see next against the API's rules for it.

    Raises:
        SessionError: a call that was to have an answer has none.
    """
    history = History()
    results: Counter[str] = Counter()
    for members in entries:
        entry = from_json(members)
        if isinstance(entry, Result):
            results[f"{entry.reply}.{entry.block}"] += 1
        if entry is not None:
            history.apply(entry)
    is_paused = history.is_paused
    waiting = _next_request(history)
    messages = json.loads(history.transcript.as_json())
    if messages and messages[-1]["role"] == "assistant" and not is_paused:
        messages.append(NEXT)
    problems = [f"call {key} has {count} results" for key, count in results.items() if count > 1]
    if messages:
        problems += pair_problems({"model": "", "messages": messages}, Rules())
    calls = sum(block.get("type") == "tool_use" for each in messages for block in each["content"])
    fact = f"the conversation: {calls} calls, each answered exactly once"
    if waiting:
        fact += f", {waiting} of them when the session goes on"
    return ([] if problems else [fact]), problems


def _next_request(history: History) -> int:
    """Apply the request that would come next; give how many calls have yet to be answered."""
    reply = history.reply
    if reply is None or reply.end is None:
        return 0
    waiting = reply.unanswered()
    answers = [Answer(place, "not answered yet") for place in waiting]
    messages = () if history.is_paused else tuple(history.pending)
    history.apply(Request(history.replies, messages, answers))
    return len(waiting)
