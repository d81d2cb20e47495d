"""The answers of a reply's calls: each recorded once, and told when it may be.

The rules that this file keeps:

- a call gets exactly one answer, the first;
- its blocks are recorded before it is;
- the answer of a call that may have had an effect is on disk before it is told.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agent.answers import Answer, Status, interrupted
from agent.claude.reply import CallConfirmed
from agent.conversation import Conversation
from agent.errors import JournalError
from agent.events import ToolFinished
from agent.session.entries import Result
from scheduler import Call
from tools.base import Tool
from tools.content import ToolOutput, to_output
from tools.tool_classes import Effect, ToolClass
from tools.versions import FileVersions

BROWSER = frozenset({ToolClass.BROWSER_READ, ToolClass.BROWSER_MUTATE})


@dataclass(slots=True)
class Running:
    """A call that was dispatched, as far as it came."""

    call: CallConfirmed
    key: str
    """Names it in events."""
    tool: Tool[..., Any] | None
    versions: FileVersions = field(default_factory=FileVersions)
    has_started: bool = False
    """Whether its tool may have begun: from the intent on for one with an effect."""
    began: float | None = None
    """Seconds since 1970."""
    task: "asyncio.Task[Any] | None" = None
    place: Call | None = None
    """Its place in the scheduler, once it was admitted."""
    timer: asyncio.TimerHandle | None = None
    """Its time limit, while it runs."""
    moved: "asyncio.Future[ToolOutput] | None" = None
    """Where its result goes once it was moved to the background."""
    is_answered: bool = False
    is_withdrawn: bool = False
    """Whether nothing more of it is recorded."""
    on_cancel: Answer | None = None
    """Its answer when it is cancelled, if not that of the turn's end."""

    @property
    def runs(self) -> bool:
        """Whether its tool runs, and nobody has its answer yet."""
        return self.began is not None and not self.is_answered

    @property
    def has_effect(self) -> bool:
        """Whether a repetition would do something again."""
        return self.tool is not None and self.tool.effect is not Effect.NONE

    @property
    def may_have_acted(self) -> bool:
        """Whether something may have happened that a repetition would do again."""
        return self.has_effect and self.has_started

    def when_cancelled(self, by: str) -> Answer:
        """Give its answer when it is cancelled; `by` says what ended its turn."""
        has_started = self.began is not None
        return self.on_cancel or interrupted(
            by, has_effect=self.has_effect, has_started=has_started
        )

    def move(self, what: str) -> "asyncio.Future[ToolOutput]":
        """Let it go on behind its session's back; give where its result will be."""
        moved = self.moved = asyncio.get_running_loop().create_future()
        self.stop_timer()
        if self.place is not None:
            self.place.let_go(what)
        if self.task is not None:
            self.task.add_done_callback(lambda _: moved.cancel())  # when it gave no result
        return moved

    def cancel_work(self) -> None:
        """Cancel its task, wherever its answer goes."""
        if self.task is not None:
            self.task.cancel()

    def stop_timer(self) -> None:
        """Let it take its time from here on."""
        if self.timer is not None:
            self.timer.cancel()

    def cancel(self) -> None:
        """Cancel it; nobody waits for it any more, and its place is kept until it has stopped."""
        if self.task is not None:
            self.task.cancel()
        if self.place is not None:
            self.place.give_up()


class Answering:
    """Records and tells the answers of one reply's calls."""

    def __init__(
        self, conversation: Conversation, reply: int, write_blocks: Callable[[], None]
    ) -> None:
        self._log = conversation.log
        self._emit = conversation.emit
        self._tasks = conversation.toolbox.tasks
        self._reply = reply
        self._write_blocks = write_blocks
        self._failed_mutators: list[int] = []
        self._open = 0
        self._all_told: asyncio.Future[None] | None = None
        self._untold: dict[asyncio.Task[None], ToolFinished] = {}
        self.failure: JournalError | None = None
        """The disk did not take what had to be there: the turn cannot go on."""

    def __repr__(self) -> str:
        return f"<Answering reply {self._reply}: {self._open} not told>"

    def expect(self) -> None:
        """Count a call whose answer is to be told."""
        self._open += 1

    async def all_told(self) -> None:
        """Wait until every expected answer was told."""
        while self._open:
            self._all_told = asyncio.get_running_loop().create_future()
            await self._all_told

    def is_halted(self, running: Running) -> bool:
        """Say whether an earlier browser call of the reply failed, and this is another."""
        is_browser = running.tool is not None and running.tool.tool_class in BROWSER
        return is_browser and any(block < running.call.block for block in self._failed_mutators)

    def forget(self, running: Running) -> None:
        """Record nothing more of a call that is not answered."""
        if not running.is_answered:
            running.is_withdrawn = True
            running.is_answered = True
            self._told()

    def answer(self, running: Running, answer: Answer) -> None:
        """Answer a call whose tool gave no result."""
        if not running.is_answered:
            self.record(running, answer.status, to_output(answer.text))

    def settle(self, running: Running, answer: Answer) -> None:
        """Answer a call that failed; of one that was moved, keep that as its result."""
        self.record(running, answer.status, to_output(answer.text))

    def record(self, running: Running, status: Status, output: ToolOutput) -> None:
        """Record a call's answer, unless it has one; of one that was moved, keep the result."""
        if running.moved is not None and not running.moved.done():
            running.moved.set_result(output)
        if running.is_answered:
            return
        running.is_answered = True
        self._note_failure(running, status)
        ended = time.time()
        self._write_blocks()
        self._log.record(
            Result(
                self._reply,
                running.call.block,
                output.wire(),
                is_error=status is not Status.FINISHED,
                status=status,
                started=running.began,
                ended=ended,
                files=running.versions.told(is_shown=status is Status.FINISHED),
            )
        )
        seconds = ended - running.began if running.began is not None else 0.0
        name = running.call.name
        self._tell(running, ToolFinished(running.key, name, status, output.text, seconds))

    def tell_now(self) -> None:
        """Tell what waits for the disk: the turn ends, and flushes before it tells that."""
        for telling, told in [*self._untold.items()]:
            telling.cancel()
            self._emit(told)
            self._told()
        self._untold.clear()

    def _note_failure(self, running: Running, status: Status) -> None:
        tool = running.tool
        if tool is not None and tool.tool_class is ToolClass.BROWSER_MUTATE:
            self._failed_mutators += [running.call.block] * (status is not Status.FINISHED)

    def _tell(self, running: Running, told: ToolFinished) -> None:
        if not running.may_have_acted:
            self._emit(told)
            self._told()
            return
        telling = self._tasks.create_task(self._tell_when_safe(told), name="telling")
        self._untold[telling] = told

    async def _tell_when_safe(self, told: ToolFinished) -> None:
        try:
            await self._log.flush()
        except JournalError as error:
            self.failure = error
        telling = asyncio.current_task()
        if telling is not None and self._untold.pop(telling, None) is not None:
            self._emit(told)
            self._told()

    def _told(self) -> None:
        self._open -= 1
        if not self._open and self._all_told is not None and not self._all_told.done():
            self._all_told.set_result(None)
