"""One request and its reply: what comes is recorded, its calls are dispatched while it comes.

`Exchange.run` ends in one of three ways: the reply came to its end; it broke off and was cut to
what can be answered; or it was dropped, and the error says why.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from agent import events
from agent.answers import BY_USER, REFUSED, Answer, interrupted, not_confirmed
from agent.claude.blocks import Block
from agent.claude.model import Incoming
from agent.claude.reply import CallConfirmed, Output, Reply, StreamFailed, TextDelta, ThinkingDelta
from agent.claude.request import betas
from agent.conversation import Conversation
from agent.dispatch import Dispatch
from agent.errors import ModelError, StreamBrokenError
from agent.session.entries import Blocks, ReplyEnd, Result
from agent.session.prefix import answerable, has_server_effect
from tools.content import to_output

Json: TypeAlias = dict[str, Any]

WHOLE = frozenset({"tool_use", "pause_turn", "compaction"})
"""Stop reasons after which a reply goes back whole: the server goes on with it."""


class Exchange:
    """One request and its reply."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._server = conversation.server
        self._log = conversation.log
        self._emit = conversation.emit
        self._written: set[int] = set()
        self._written_up_to = 0
        self.number = self._log.history.replies - 1
        self.reply = Reply()
        self.dispatch: Dispatch | None = None
        self.was_cut = False
        """Whether it broke off, and goes on from what was kept."""
        self._has_shown = False
        self._request_id = ""

    def __repr__(self) -> str:
        return f"<Exchange {self.number} {self.reply!r}>"

    async def run(self) -> None:
        """Send the request, and see its reply and all its calls to their ends.

        Raises:
            ModelError: nothing of the reply was kept; it may be asked for again.
            JournalError: the disk did not take what had to be there.
        """
        self.dispatch = Dispatch(self._conversation, self.number, self.write_blocks)
        try:
            await self._receive(self.dispatch)
            await self.dispatch.finished()
        except BaseException:
            await self.dispatch.interrupt()
            raise

    async def _receive(self, dispatch: Dispatch) -> None:
        try:
            await self._read(dispatch)
        except ModelError as error:
            if not (dispatch.may_have_acted or has_server_effect(self.reply.content())):
                self.drop(str(error))
                raise
            self._cut(str(error), dispatch)
            return
        self._end(dispatch)

    async def _read(self, dispatch: Dispatch) -> None:
        history = self._log.history
        container = {} if history.container is None else {"container": history.container}
        body = history.transcript.body(
            self._conversation.head, container, is_marked=self._server.profile.has_cache
        )
        names = betas(self._server.settings, self._server.profile)
        async with self._server.model.stream(body, names) as incoming:
            self._request_id = incoming.request_id
            await self._follow(incoming, dispatch)
        if not self.reply.is_ended:
            raise StreamBrokenError("the connection ended in the middle of a reply")

    async def _follow(self, incoming: Incoming, dispatch: Dispatch) -> None:
        async for batch in incoming.events:
            for event in batch:
                for output in self._feed(event):
                    self._take(output, dispatch)
            if self.reply.is_ended:
                return

    def _feed(self, event: Json) -> Sequence[Output]:
        try:
            return self.reply.feed(event)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            shown = str(event)[:200]
            raise StreamBrokenError(
                f"the server sent an event of a wrong shape: {shown}"
            ) from error

    def _take(self, output: Output, dispatch: Dispatch) -> None:
        match output:
            case TextDelta() | ThinkingDelta():
                self._emit(output)
            case CallConfirmed():
                dispatch.submit(output)
            case StreamFailed(kind, message):
                raise StreamBrokenError(f"the server reported {kind}: {message}", type=kind)
        self._has_shown = True

    # -- ends ----------------------------------------------------------------------------------

    def _end(self, dispatch: Dispatch) -> None:
        """Take the reply as it is, except for one that was refused before anything happened."""
        reason = self.reply.stop_reason
        if reason == "refusal":
            if not (dispatch.may_have_acted or has_server_effect(self.reply.content())):
                self.drop("the model refused to answer")
                return
            dispatch.stop_waiting(REFUSED)
        self.write_blocks(with_open=True)
        kept = self._standing()
        dispatch.withdraw(kept)
        self._close(kept)
        dispatch.reply_ended()
        self._answer_others(dispatch, lambda block: not_confirmed(block, reason))

    def _standing(self) -> int:
        """Give how many blocks of a reply that came to its end can go back.

        It may end in what the API does not take back: in thinking, or in a server tool without its
        result.
        """
        blocks = [block.content() for block in self.reply.blocks]
        if self.reply.stop_reason in WHOLE:
            return len(blocks)
        return answerable(blocks, last_call_is_sure=True)

    def _cut(self, why: str, dispatch: Dispatch) -> None:
        """Keep what can be answered of a reply that broke off."""
        self.was_cut = True
        self.write_blocks()
        blocks = self._settled()
        is_sure = len(blocks) - 1 in dispatch.blocks
        kept = answerable(blocks, last_call_is_sure=is_sure)
        dispatch.withdraw(kept)
        self._close(kept, why)
        dispatch.reply_ended()
        self._answer_others(dispatch, lambda block: not_confirmed(block, None))
        self._emit(events.Notice(f"The reply broke off and goes on from what was done: {why}"))

    def drop(self, why: str) -> None:
        """Keep nothing of the reply."""
        if self.dispatch is not None:
            self.dispatch.withdraw()
        self._close(0, why)
        if self._has_shown:
            self._emit(events.ReplyDiscarded(why))

    def ended_by(self, what: str) -> None:
        """Note what ends the turn, for the answers of its calls."""
        if self.dispatch is not None:
            self.dispatch.ended_by = what

    def interrupt(self, why: str) -> None:
        """Keep of the reply what there is when the turn is ended from outside."""
        if not self._log.history.is_open:
            self._answer_rest()
            return
        blocks = self._settled(with_text=True)
        self.write_blocks()
        if len(blocks) > self._written_up_to:
            self._log.record(Blocks(self.number, [(len(blocks) - 1, blocks[-1])]))
        submitted = self.dispatch.blocks if self.dispatch is not None else frozenset()
        self._close(answerable(blocks, last_call_is_sure=len(blocks) - 1 in submitted), why)
        self._answer_rest()

    def _answer_rest(self) -> None:
        if self._conversation.questions.are_kept:
            return  # they are run, or answered, when the session goes on
        reply = self._log.history.reply
        by = self.dispatch.ended_by if self.dispatch is not None else BY_USER
        for place in reply.unanswered() if reply is not None and reply.end is not None else ():
            self._result(place, interrupted(by, has_effect=False, has_started=False))

    def _close(self, kept: int, why: str = "") -> None:
        told = {name: self.reply.message.get(name) for name in ("id", "model")}
        if self.reply.container is not None:
            told["container"] = self.reply.container
        self._log.record(
            ReplyEnd(
                self.number,
                kept,
                self.reply.stop_reason,
                why,
                dict(self.reply.usage),
                {**told, "request_id": self._request_id},
            )
        )

    def _answer_others(self, dispatch: Dispatch, answer: Callable[[Block], Answer]) -> None:
        """Answer the kept calls that were not submitted."""
        reply = self._log.history.reply
        for place in reply.unanswered() if reply is not None else ():
            if place not in dispatch.blocks:
                self._result(place, answer(self.reply.blocks[place]))

    def _result(self, place: int, answer: Answer) -> None:
        content = to_output(answer.text).wire()
        self._log.record(
            Result(self.number, place, content, is_error=True, status=answer.status.value)
        )

    # -- blocks --------------------------------------------------------------------------------

    def write_blocks(self, *, with_open: bool = False) -> None:
        """Record the blocks that have stopped and are not recorded; or all of them, at the end."""
        blocks = self.reply.blocks
        fresh = [
            (place, blocks[place].content())
            for place in range(self._written_up_to, len(blocks))
            if (blocks[place].is_stopped or with_open) and place not in self._written
        ]
        if not fresh:
            return
        self._written.update(place for place, _ in fresh)
        while self._written_up_to in self._written:
            self._written_up_to += 1
        self._log.record(Blocks(self.number, fresh))

    def _settled(self, *, with_text: bool = False) -> list[Json]:
        """Give the blocks from the first on that have stopped; and then text that has not."""
        blocks = self.reply.blocks
        count = 0
        while count < len(blocks) and blocks[count].is_stopped:
            count += 1
        if with_text and count < len(blocks) and blocks[count].type == "text":
            count += 1
        return [block.content() for block in blocks[:count]]
