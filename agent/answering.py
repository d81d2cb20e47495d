"""The answers of a reply's calls: each recorded once, and told when it may be.

The rules that this file keeps:

- a call gets exactly one answer, the first;
- its blocks are recorded before it is;
- the answer of a call that may have had an effect is on disk before it is told.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent.answers import Answer, Status, interrupted
from agent.claude.reply import CallConfirmed
from agent.conversation import Conversation
from agent.errors import JournalError
from agent.events import ToolFinished
from agent.session.entries import Result
from tools.base import Tool
from tools.content import ToolOutput, to_output
from tools.tool_classes import Effect, ToolClass

BROWSER = frozenset({ToolClass.BROWSER_READ, ToolClass.BROWSER_MUTATE})


@dataclass(slots=True)
class Running:
    """A call that was dispatched, as far as it came."""

    call: CallConfirmed
    key: str
    """Names it in events."""
    tool: Tool[..., Any] | None
    has_started: bool = False
    """Whether its tool may have begun: from the intent on for one with an effect."""
    began: float | None = None
    """Seconds since 1970."""
    task: "asyncio.Task[Any] | None" = None
    is_withdrawn: bool = False
    """Whether nothing more of it is recorded."""
    on_cancel: Answer | None = None
    """Its answer when it is cancelled, if that is not a person's interruption."""

    @property
    def has_effect(self) -> bool:
        """Whether a repetition would do something again."""
        return self.tool is not None and self.tool.effect is not Effect.NONE

    @property
    def may_have_acted(self) -> bool:
        """Whether something may have happened that a repetition would do again."""
        return self.has_effect and self.has_started

    def when_cancelled(self) -> Answer:
        """Give its answer when it is cancelled."""
        return self.on_cancel or interrupted(
            has_effect=self.has_effect, has_started=self.has_started
        )


class Answering:
    """Records and tells the answers of one reply's calls."""

    def __init__(
        self,
        conversation: Conversation,
        reply: int,
        write_blocks: Callable[[], None],
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._log = conversation.log
        self._emit = conversation.emit
        self._reply = reply
        self._write_blocks = write_blocks
        self._tasks = tasks
        self._failed_mutators: list[int] = []
        self.answered: set[int] = set()
        """By block."""
        self.failure: JournalError | None = None
        """The disk did not take what had to be there: the turn cannot go on."""

    def __repr__(self) -> str:
        return f"<Answering reply {self._reply}: {len(self.answered)} answered>"

    def is_halted(self, running: Running) -> bool:
        """Say whether an earlier browser call of the reply failed, and this is another."""
        is_browser = running.tool is not None and running.tool.tool_class in BROWSER
        return is_browser and any(block < running.call.block for block in self._failed_mutators)

    def answer(self, running: Running, answer: Answer) -> None:
        """Answer a call whose tool gave no result."""
        self.record(running, answer.status, to_output(answer.text))

    def record(self, running: Running, status: Status, output: ToolOutput) -> None:
        """Record a call's answer, unless it has one."""
        call = running.call
        if call.block in self.answered or running.is_withdrawn:
            return
        self.answered.add(call.block)
        self._note_failure(running, status)
        ended = time.time()
        self._write_blocks()
        self._log.record(
            Result(
                self._reply,
                call.block,
                output.wire(),
                is_error=status is not Status.FINISHED,
                status=status,
                started=running.began,
                ended=ended,
            )
        )
        seconds = ended - running.began if running.began is not None else 0.0
        self._tell(running, ToolFinished(running.key, call.name, status, output.text, seconds))

    def _note_failure(self, running: Running, status: Status) -> None:
        tool = running.tool
        if tool is not None and tool.tool_class is ToolClass.BROWSER_MUTATE:
            self._failed_mutators += [running.call.block] * (status is not Status.FINISHED)

    def _tell(self, running: Running, told: ToolFinished) -> None:
        if not running.may_have_acted:
            self._emit(told)
            return
        telling = self._tell_when_safe(told)
        try:
            self._tasks.create_task(telling)
        except RuntimeError:  # the turn was interrupted: it flushes before it tells its end
            telling.close()
            self._emit(told)

    async def _tell_when_safe(self, told: ToolFinished) -> None:
        try:
            await self._log.flush()
        except JournalError as error:
            self.failure = error
        self._emit(told)
