"""One turn: requests and replies until the model is done, or something ends it.

What ends a turn (`TurnFinished.why`) is the last reply's stop reason, or one of `Ended`.

The rules that this file keeps:

- each step is one request and its reply; a request that failed without a trace is sent again;
- a message that came meanwhile goes with the next request, and the turn goes on for it;
- whatever ends the turn, every call that stays in the conversation has its answer, and the turn
  is told as finished after all of it is on disk.
"""

import asyncio
import logging
import time
from dataclasses import replace
from enum import StrEnum

from agent import events
from agent.answers import BY_CLOCK
from agent.claude.prices import Usage, usage_of
from agent.claude.retry import Retries
from agent.claude.stop_reasons import STOP_REASONS, Next, meaning
from agent.conversation import Conversation
from agent.dispatch import Dispatch
from agent.errors import AgentError, ApiError, JournalError, ModelError
from agent.exchange import Exchange
from agent.limits import Limits
from agent.redo import NOTHING, Redo
from agent.session.entries import Calls, Message, Request, TurnEnd
from scheduler.record_json import to_json
from scheduler.work import describe

log = logging.getLogger(__name__)

SETTLING = 0.1
"""Seconds at a turn's end for calls that are answered to have stopped."""

GO_ON = "The reply was cut off by a broken connection. Go on from where it ends."
"""What the model is told when a cut reply has no call whose result could carry it on."""


class Ended(StrEnum):
    """What ends a turn besides a reply's stop reason."""

    STEPS = "steps"
    TOKENS = "tokens"
    SECONDS = "seconds"
    CONTINUATIONS = "continuations"
    INTERRUPTED = "interrupted"
    ERROR = "error"
    """No reply could be had; `TurnFinished.error` says why."""
    UNSAVED = "unsaved"
    """The disk did not take what has to be there."""


TOLD = {
    Ended.STEPS: "the limit of {limits.steps} requests a turn is reached",
    Ended.TOKENS: "the limit of {limits.tokens} tokens a turn is reached",
    Ended.SECONDS: "the limit of {limits.seconds:g} s a turn is reached",
    Ended.CONTINUATIONS: "the reply was continued {limits.continuations} times and is not over",
}
"""For a person."""


def following(
    stop_reason: str | None, *, was_cut: bool, has_calls: bool, has_messages: bool
) -> Next:
    """Decide what follows a reply.

    A reply that was cut at its token limit is gone on with when it has calls, since their answers
    tell the model; a message that waits is answered, however the reply ended.
    """
    step = meaning(stop_reason).next
    if was_cut or (step is Next.ANSWER and has_calls):
        return Next.ANSWER
    if step is Next.CONTINUE or (stop_reason == "max_tokens" and has_calls):
        return Next.CONTINUE
    if has_messages:
        return Next.ANSWER
    return Next.END if step is Next.ANSWER else step


class TurnLoop:
    """One turn of a session."""

    def __init__(self, conversation: Conversation, limits: Limits, redo: Redo = NOTHING) -> None:
        self._conversation = conversation
        self._log = conversation.log
        self._emit = conversation.emit
        self._limits = limits
        self._redo = redo
        self._answers = redo.answers
        self._exchange: Exchange | None = None
        self._counted: Exchange | None = None
        self._ended: Ended | None = None
        self._task: asyncio.Task[events.TurnFinished] | None = None
        self._text = ""
        self.is_told = False
        """Whether the turn was told as finished."""
        self.usage = Usage()
        self.continuations = 0

    def __repr__(self) -> str:
        return f"<TurnLoop {self.usage.requests} requests, {self._ended or 'going on'}>"

    @property
    def dispatch(self) -> Dispatch | None:
        """The calls of the newest reply."""
        return self._exchange.dispatch if self._exchange is not None else None

    def stop(self, why: Ended = Ended.INTERRUPTED) -> None:
        """End the turn as soon as its calls are answered; harmless when it is over."""
        if self._ended is None:
            self._ended = why
            if self._exchange is not None and why is Ended.SECONDS:
                self._exchange.ended_by(BY_CLOCK)
            if self._task is not None:
                self._task.cancel()

    async def run(self) -> events.TurnFinished:
        """Go on until something ends the turn; every way out leaves a valid conversation."""
        self._task = asyncio.current_task()
        timer = self._start_timer()
        try:
            why, error = await self._steps()
        except asyncio.CancelledError:
            if self._ended is None:  # the whole program ends
                self._leave(Ended.INTERRUPTED)
                self._tell(self._close(Ended.INTERRUPTED, ""))
                raise
            if self._task is not None:
                self._task.uncancel()
            why, error = self._ended, ""
            self._leave(why)
        finally:
            self._task = None
            if timer is not None:
                timer.cancel()
        return await self._finish(why, error)

    def _start_timer(self) -> asyncio.TimerHandle | None:
        seconds = self._limits.seconds
        if seconds is None:
            return None
        return asyncio.get_running_loop().call_later(seconds, self.stop, Ended.SECONDS)

    async def _steps(self) -> tuple[str, str]:
        """Step until the turn is over; give why it is, and what to tell."""
        if self._ended is not None:  # before its first step
            raise asyncio.CancelledError
        try:
            await self._run_again()
            while True:
                why = self._after(await self._step())
                if why is not None:
                    return why, ""
        except JournalError as error:
            self._leave(Ended.UNSAVED)
            return Ended.UNSAVED, str(error)
        except AgentError as error:
            self._leave(Ended.ERROR)
            asked = error.retry_after if isinstance(error, ApiError) else None
            wait = f" (the server asks to wait {asked:g} s)" if asked else ""
            return Ended.ERROR, f"{error}{wait}"
        except Exception as error:
            log.exception("a turn failed")
            self._leave(Ended.ERROR)
            return Ended.ERROR, f"an error of the program itself, see its log: {describe(error)}"

    async def _run_again(self) -> None:
        """Run what a crash kept from running, before the model is asked again."""
        reply = self._log.history.reply
        if not self._redo.calls or reply is None:
            return
        dispatch = Dispatch(self._conversation, reply.number, lambda: None)
        for call in self._redo.calls:
            dispatch.submit(call)
        try:
            await dispatch.finished()
        except asyncio.CancelledError:
            await dispatch.interrupt()
            raise

    # -- a step --------------------------------------------------------------------------------

    async def _step(self) -> Exchange:
        """Ask for a reply until there is one."""
        retries = Retries(self._limits.retry)
        while True:
            try:
                return await self._ask()
            except ModelError as error:
                seconds = retries.wait(error, asyncio.get_running_loop().time())
                if seconds is None:
                    raise
                self._emit(events.Retrying(str(error), seconds))
                await asyncio.sleep(seconds)

    async def _ask(self) -> Exchange:
        history = self._log.history
        self._log.record(
            Request(
                history.replies,
                () if history.is_paused else tuple(history.pending),
                self._answers,
                self._conversation.server.settings.model,
                time.time(),
            )
        )
        self._answers = ()
        exchange = Exchange(self._conversation)
        self._exchange = exchange
        await exchange.run()
        if exchange.was_cut and not history.has_calls:
            text = {"type": "text", "text": GO_ON}
            self._log.record(Message([text], time.time(), by="runtime"))
        self._count(exchange)
        return exchange

    def _count(self, exchange: Exchange) -> None:
        self._counted = exchange
        reply = exchange.reply
        model = str(reply.message.get("model") or self._conversation.server.settings.model)
        used = usage_of(reply.usage, model, self._conversation.server.prices)
        self.usage += used
        self._text = reply.text
        self._emit(events.ReplyFinished(reply.stop_reason or "", used))

    # -- what follows --------------------------------------------------------------------------

    def _after(self, exchange: Exchange) -> str | None:
        """Decide whether the turn is over, and why."""
        history = self._log.history
        step = following(
            exchange.reply.stop_reason,
            was_cut=exchange.was_cut,
            has_calls=history.has_calls,
            has_messages=bool(history.pending),
        )
        if step in {Next.END, Next.STOP}:
            return exchange.reply.stop_reason or "unknown"
        self.continuations += step is Next.CONTINUE
        return self._limit()

    def _limit(self) -> Ended | None:
        limits = self._limits
        if self.usage.requests >= limits.steps:
            return Ended.STEPS
        if limits.tokens is not None and self.usage.tokens >= limits.tokens:
            return Ended.TOKENS
        if self.continuations > limits.continuations:
            return Ended.CONTINUATIONS
        return None

    # -- the end -------------------------------------------------------------------------------

    def _leave(self, why: Ended) -> None:
        """Answer what is open; the exchange's own calls have ended."""
        exchange = self._exchange
        if exchange is not None:
            exchange.interrupt(why.value)
            if exchange is not self._counted and exchange.reply.usage:
                self._count(exchange)  # it was paid for

    async def _finish(self, why: str, error: str) -> events.TurnFinished:
        await self._settled()
        finished = self._close(why, error)
        try:
            await self._log.flush()
        except JournalError as unsaved:
            finished = replace(finished, why=Ended.UNSAVED, error=error or str(unsaved))
        finally:
            self._tell(finished)
        return finished

    def _tell(self, finished: events.TurnFinished) -> None:
        self.is_told = True
        self._emit(finished)

    async def _settled(self) -> None:
        """Wait a moment for the last calls to have ended, for their records."""
        ran = [each for each in self._conversation.ran if each.record.finished is None]
        left = [each.task for each in ran if not each.task.done()]
        if left:
            await asyncio.wait(left, timeout=SETTLING)

    def _close(self, why: str, error: str) -> events.TurnFinished:
        error = error or self._told(why)
        ran = [{"key": ran.key, **to_json(ran.record)} for ran in self._conversation.ran]
        if ran:
            self._log.record(Calls(ran))
        self._log.record(TurnEnd(why, error, time.time()))
        return events.TurnFinished(why, self._text, self.usage, error)

    def _told(self, why: str) -> str:
        if why in TOLD:
            return TOLD[Ended(why)].format(limits=self._limits)
        if why not in STOP_REASONS and why not in set(Ended):
            return f"the reply ended with a stop reason that is not known here: {why!r}"
        return ""
