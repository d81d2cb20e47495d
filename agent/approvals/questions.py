"""The questions of a session: each waits for a person, or for its time-out.

The rules that this file keeps:

- a question is recorded when it is asked, behind the blocks that hold its call; so is its answer.
  A question that a crash left open is still there afterwards, and can be answered before the
  session goes on;
- an answer counts once: a call whose resources have changed since is asked about anew;
- what a person allows for good is tried on all questions that are open.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from agent.approvals.verdicts import Approvals, Ask, Denied, Judged, Remembering
from agent.errors import SessionError
from agent.events import ApprovalAsked, ApprovalSettled, Event
from agent.session import entries
from agent.session.history import ReplyState
from agent.session.log import SessionLog

Answer: TypeAlias = Literal["once", "always", "deny"]

LONGEST_REASON: Final = 2_000
"""Characters of a denial's reason that the model is told."""


@dataclass(frozen=True, slots=True)
class Question:
    """A call that waits for a person."""

    id: str
    """Of the call, as in the events."""
    name: str
    input: Mapping[str, Any]
    why: str
    """What makes it a question."""
    always: str = ""
    """What "always" would allow; empty when that cannot be answered."""
    is_asked: bool = True
    """False after a crash: a call waits for its session to be resumed."""


@dataclass(slots=True)
class _Open:
    question: Question
    call: Judged
    answered: "asyncio.Future[bool | str]"


class Questions:
    """A session's open questions."""

    def __init__(
        self,
        log: SessionLog,
        approvals: Approvals,
        emit: Callable[[Event], None],
        seconds: float | None,
    ) -> None:
        self._log = log
        self._approvals = approvals
        self._emit = emit
        self._seconds = seconds
        self._open: dict[str, _Open] = {}
        self._given: dict[str, entries.Decision] = {}
        self._unwatch: Callable[[], None] | None = None
        self._has_begun = False
        self.are_kept = False
        """Whether the session is being closed while calls wait for a person."""

    def __repr__(self) -> str:
        return f"<Questions {', '.join(self._open) or 'none'}>"

    @property
    def pending(self) -> list[Question]:
        """The questions that can be answered, in request order."""
        asked = [each.question for each in self._open.values() if not each.answered.done()]
        found = [*self._left_open(), *asked]
        return sorted(found, key=lambda question: _place(question.id))

    def _left_open(self) -> list[Question]:
        """Give what a crash left open; none once a turn has begun, which takes care of it."""
        reply = self._log.history.reply
        return [] if self._has_begun or reply is None else _unanswered(reply)

    def begin(self, *, runs_again: bool) -> None:
        """Begin a turn; `runs_again` says that calls of before may run in it, as was answered."""
        self._has_begun = True
        reply = self._log.history.reply
        answered = reply.decisions.items() if runs_again and reply is not None else ()
        number = reply.number if reply is not None else 0
        self._given = {f"{number}.{block}": decision for block, decision in answered}

    def denial(self, place: tuple[int, int]) -> str | None:
        """Give why a person denied a call that a crash had cut off; None when nobody did."""
        given = self._given.get(f"{place[0]}.{place[1]}")
        return None if given is None or given.allows else given.reason

    def keep(self) -> None:
        """Keep what is asked for the next time, with the calls that have not started."""
        self.are_kept = any(not each.answered.done() for each in self._open.values())

    async def ask(self, place: tuple[int, int], call: Judged, why: str) -> bool | str:
        """Ask a person; give True, or the reason of the denial."""
        reply, block = place
        key = f"{reply}.{block}"
        if (given := self._given.pop(key, None)) is not None:
            return given.allows or given.reason
        question = Question(key, call.tool.name, call.input, why, self._proposal(call))
        future: asyncio.Future[bool | str] = asyncio.get_running_loop().create_future()
        mine = self._open[key] = _Open(question, call, future)
        self._watch()
        self._log.record(entries.Question(reply, block, why, time.time()))
        self._emit(ApprovalAsked(key, question.name, question.input, why, question.always))
        how = "withdrawn"
        try:
            answer, how = await self._answered(mine)
        finally:
            if self._open.get(key) is mine:  # it may have been asked anew already
                del self._open[key]
            self._emit(ApprovalSettled(key, question.name, how))
        return answer

    async def _answered(self, mine: _Open) -> tuple[bool | str, str]:
        """Wait for an answer; give it, and how it came."""
        try:
            async with asyncio.timeout(self._seconds):
                await mine.answered
        except TimeoutError:
            if mine.answered.cancelled():
                late = f"nobody approved it within {self._seconds:g} s"
                self._record(mine.question.id, late)
                return late, "timed_out"
        answer = mine.answered.result()  # the first answer counts, though time was over by then
        return answer, "allowed" if answer is True else "denied"

    async def answer(self, key: str, answer: Answer, reason: str = "") -> None:
        """Answer a question; the first answer counts.

        Raises:
            SessionError: there is no such question, or it cannot be answered so.
            ConfigurationError: "always" holds, but could not be kept for later.
        """
        if answer not in get_args(Answer):
            raise SessionError(f"answer {answer!r}: it is one of {', '.join(get_args(Answer))}")
        found = self._open.get(key)
        if found is None or found.answered.done():
            self._answer_later(key, answer, reason)
            return
        if answer == "always" and not found.question.always:
            raise SessionError(
                f"question {key!r}: calls like this one cannot be allowed for good; answer 'once' "
                "or 'deny'"
            )
        self._settle(found, True if answer != "deny" else _denial(reason))
        if answer == "always" and isinstance(self._approvals, Remembering):
            await self._approvals.remember(found.call)

    def _answer_later(self, key: str, answer: Answer, reason: str) -> None:
        """Answer a question of a call that waits for the session to be resumed."""
        if key not in {question.id for question in self._left_open()}:
            known = ", ".join(question.id for question in self.pending) or "none"
            raise SessionError(f"no question {key!r} is open; open are: {known}")
        if answer == "always":
            raise SessionError(
                f"question {key!r}: resume the session before calls like this one are allowed for "
                "good, or answer 'once'"
            )
        self._record(key, True if answer == "once" else _denial(reason))

    def _settle(self, found: _Open, answer: bool | str) -> None:
        self._record(found.question.id, answer)
        found.answered.set_result(answer)

    def _record(self, key: str, answer: bool | str) -> None:
        reply, block = _place(key)
        reason = "" if answer is True else str(answer)
        self._log.record(entries.Decision(reply, block, answer is True, reason, time.time()))

    # -- what is remembered --------------------------------------------------------------------

    def _proposal(self, call: Judged) -> str:
        approvals = self._approvals
        return approvals.proposal(call) if isinstance(approvals, Remembering) else ""

    def _watch(self) -> None:
        if self._unwatch is None and isinstance(self._approvals, Remembering):
            self._unwatch = self._approvals.watch(self._judge_again)

    def close(self) -> None:
        """Hear no more of changed rules."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def _judge_again(self) -> None:
        for found in [*self._open.values()]:
            if found.answered.done():
                continue
            verdict = self._approvals.judge(found.call)
            if not isinstance(verdict, Ask):
                self._settle(found, verdict.reason if isinstance(verdict, Denied) else True)


def _denial(reason: str) -> str:
    given = reason.strip().rstrip(".")
    return f"the user said: {given[:LONGEST_REASON]}" if given else "the user denied it"


def _place(key: str) -> tuple[int, int]:
    reply, _, block = key.partition(".")
    return int(reply), int(block)


def _unanswered(reply: ReplyState) -> list[Question]:
    """Give the questions about a reply's calls that nobody has answered."""
    kept = reply.end.kept if reply.end is not None else len(reply.content())
    return [
        Question(
            f"{reply.number}.{block}",
            str(reply.blocks[block].get("name")),
            reply.blocks[block].get("input") or {},
            asked.why,
            is_asked=False,
        )
        for block, asked in reply.questions.items()
        if block < kept and block not in {**reply.results, **reply.decisions}
    ]
