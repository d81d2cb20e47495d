"""A reply's calls on their way: looked up, validated, judged, submitted, run, answered.

The one error boundary: whatever a tool does, its call gets exactly one answer here, and no sibling
hears of it. The rules that this file keeps:

- calls are submitted in block order; their places are fixed then, and nothing waits for that;
- a call with an effect starts after its intent is on disk; others never wait for the disk;
- an answer is recorded before the call's place is released;
- an effectful call that could not be kept if the stream broke now waits for the reply's end, and so
  do those after it;
- after a browser mutator failed, the later browser calls of the reply are not run.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from agent.answering import Answering, Running
from agent.answers import BY_USER, HALTED, STATUS_OF, Answer, Status, timed_out
from agent.approvals.verdicts import Ask, Denied, Judged
from agent.claude.reply import CallConfirmed
from agent.conversation import Conversation, Ran
from agent.errors import JournalError
from agent.events import ToolCalled, ToolProgress, ToolStarted
from agent.session.entries import Intent
from scheduler import Access, Call, NotRun, Resource, refusals
from scheduler.work import as_error, describe
from tools.base import Tool
from tools.content import ToolOutput, to_output
from tools.context import ToolContext
from tools.declaration import Arguments
from tools.errors import ToolError
from tools.tool_classes import Effect, Place
from tools.versions import FileVersions

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that a cancelled tool has to stop before nobody waits for it any more."""


READ_ONLY = "this turn may only look: propose what is to be done instead of doing it"
"""In the model's words."""


class Dispatch:
    """The calls of one reply."""

    def __init__(
        self, conversation: Conversation, reply: int, write_blocks: Callable[[], None]
    ) -> None:
        self._session = conversation.session
        self._toolbox = conversation.toolbox
        self._log = conversation.log
        self._emit = conversation.emit
        self._questions = conversation.questions
        self._ran = conversation.ran
        self._is_read_only = conversation.read_only
        self._known_files = conversation.log.history.files
        state = conversation.log.history.reply  # a resumed one: some of its calls have ended
        self._written_files = state.wrote() if state is not None else {}
        self._read_files: dict[str, str] = {}
        self._reply = reply
        self._write_blocks = write_blocks
        self._late: list[CallConfirmed] = []
        self._calls: dict[int, Running] = {}
        self._answering = Answering(conversation, reply, write_blocks)
        self.ended_by = BY_USER
        """What ended the turn, when something did."""

    def __repr__(self) -> str:
        return f"<Dispatch of reply {self._reply}: {len(self._calls)} calls, {self._answering}>"

    @property
    def blocks(self) -> frozenset[int]:
        """The blocks whose calls were dispatched."""
        return frozenset(self._calls)

    @property
    def may_have_acted(self) -> bool:
        """Whether a call with an effect may have begun."""
        return any(each.may_have_acted for each in self._calls.values())

    def submit(self, call: CallConfirmed) -> None:
        """Fix the call's place, and run it as soon as it may."""
        tool = self._toolbox.registry.get(call.name)
        acts = tool is not None and tool.effect is not Effect.NONE
        if self._late or (call.is_behind_open_block and acts):
            self._late.append(call)
            return
        versions = FileVersions(self._known_files, self._written_files, self._read_files)
        running = Running(call, f"{self._reply}.{call.block}", tool, versions)
        self._calls[call.block] = running
        self._answering.expect()
        tool_class = tool.tool_class.value if tool is not None else ""
        self._emit(ToolCalled(running.key, call.name, call.input, tool_class))
        refusal = self._admit(running, tool)
        if refusal is not None:
            self._answering.answer(running, refusal)

    def reply_ended(self) -> None:
        """Submit what had to wait for the reply's end."""
        late, self._late = self._late, []
        for call in late:
            self.submit(replace(call, is_behind_open_block=False))

    def withdraw(self, kept: int = 0) -> None:
        """Take back the calls from this block on; nothing more of them is recorded."""
        self._late = [call for call in self._late if call.block < kept]
        for block, running in self._calls.items():
            if block >= kept:
                self._answering.forget(running)
                running.cancel()

    def stop_waiting(self, answer: Answer) -> None:
        """Answer the calls that have not started, and let those go on that have."""
        self._late.clear()
        for running in self._calls.values():
            if not running.has_started:
                running.on_cancel = answer
                running.cancel()

    async def finished(self) -> None:
        """Wait until the answer of every dispatched call is told.

        Raises:
            JournalError: the disk did not take what had to be there.
        """
        await self._answering.all_told()
        if self._answering.failure is not None:
            raise self._answering.failure

    async def interrupt(self) -> None:
        """Cancel every call, and see it answered; one that does not stop is not waited for."""
        self._late.clear()
        for running in self._calls.values():
            if self._questions.are_kept and not running.has_started:
                self._answering.forget(running)
            if running.task is not None and (running.is_withdrawn or not running.is_answered):
                running.task.cancel()
        try:
            async with asyncio.timeout(PATIENCE):
                self._answering.tell_now()
                await self._answering.all_told()
        except TimeoutError:
            log.warning("a tool does not stop when it is cancelled")
        finally:
            for running in self._calls.values():
                self._answering.answer(running, running.when_cancelled(self.ended_by))
                running.cancel()
            self._answering.tell_now()

    def running(self, key: str) -> Running | None:
        """Give the call of a key, if its tool runs and nobody has its answer yet."""
        found = (each for each in self._calls.values() if each.key == key and each.runs)
        return next(found, None)

    def move(self, running: Running, told: str) -> "asyncio.Future[ToolOutput]":
        """Answer a running call with what the model is told; give where its result will be."""
        self._answering.answer(running, Answer(Status.FINISHED, told))
        return running.move(f"{running.call.name} in the background")

    # -- a call's way --------------------------------------------------------------------------

    def _admit(self, running: Running, tool: Tool[..., Any] | None) -> Answer | None:
        """Validate, judge and submit; give the answer of a call that goes no further."""
        call = running.call
        if tool is None:
            return Answer(Status.FAILED, self._toolbox.registry.unknown(call.name))
        try:
            arguments = tool.parse(call.input)
            if self._is_read_only and tool.effect is not Effect.NONE:
                return Answer(Status.DENIED, refusals.denied(READ_ONLY).text)
            judged = Judged(tool, call.input, arguments, self._place())
            denial = self._questions.denial((self._reply, call.block))
            if denial is not None:
                return Answer(Status.DENIED, refusals.denied(denial).text)
            verdict = self._toolbox.approvals.judge(judged)
            if isinstance(verdict, Denied):
                return Answer(Status.DENIED, refusals.denied(verdict.reason).text)
            may_change = isinstance(verdict, Ask) or judged.was_looked_into
            running.task = self._toolbox.scheduler.submit(
                self._toolbox.tasks,
                functools.partial(self._run, running, tool, arguments),
                lambda unsettled: tool.access(arguments, self._place(unsettled)),
                lane=tool.lane,
                owner=self._session,
                name=tool.name,
                moves=tool.moves,
                approval=functools.partial(self._approve, running, judged) if may_change else None,
            )
        except Exception as error:  # noqa: BLE001  (the boundary)
            return self._failed(tool, error)
        record = self._toolbox.scheduler.record(running.task)
        if record is not None:
            self._ran.append(Ran(running.key, record, running.task))
        running.task.add_done_callback(functools.partial(self._done, running))
        return None

    def _place(self, unsettled: frozenset[Resource] = frozenset()) -> Place:
        return Place(self._session, self._toolbox.workspace, unsettled)

    async def _approve(self, running: Running, judged: Judged, access: Access) -> bool | str:
        """Judge a call by what it touches now, and ask when a person has to decide."""
        judged = replace(judged, known=access)
        verdict = self._toolbox.approvals.judge(judged)
        if isinstance(verdict, Denied):
            return verdict.reason
        if verdict is None or self._may_run_later(judged):
            return True
        self._write_blocks()
        return await self._questions.ask((self._reply, running.call.block), judged, verdict.why)

    def _may_run_later(self, judged: Judged) -> bool:
        """Say whether a call needs no question once what moves things before it has ended.

        What it touches is only then known, and what is known now is too much: the end of the other
        changes it, and the call is judged again.
        """
        settled = replace(judged, known=judged.tool.access(judged.arguments, self._place()))
        is_other = settled.access != judged.access
        return is_other and self._toolbox.approvals.judge(settled) is None

    async def _run(
        self, running: Running, tool: Tool[..., Any], arguments: Arguments, place: Call
    ) -> None:
        """Run an admitted call, and record its answer; the place is released after that."""
        running.place = place
        try:
            if self._answering.is_halted(running):
                self._answering.answer(running, Answer(Status.NOT_EXECUTED, HALTED))
                return
            await self._announce(running, tool)
            running.timer = self._start_timer(running, tool)
            value = await _contained(tool.run(arguments, self._context(running, place)))
            output = to_output(value, tool.output_limit)
            status = Status.FAILED if output.is_error else Status.FINISHED
            self._answering.record(running, status, output)
        except asyncio.CancelledError as error:
            if not _is_cancelled():  # the tool's own: nobody meant this call
                self._answering.answer(running, self._failed(tool, as_error(error)))
                return
            self._answering.answer(running, running.when_cancelled(self.ended_by))
            raise
        except Exception as error:  # noqa: BLE001  (the boundary)
            self._answering.settle(running, self._failed(tool, error))
        finally:
            running.stop_timer()

    async def _announce(self, running: Running, tool: Tool[..., Any]) -> None:
        """Tell that a call starts; first on disk, when it has an effect."""
        running.has_started = True
        if running.has_effect:
            self._write_blocks()
            self._log.record(Intent(self._reply, running.call.block, tool.effect.value))
            await self._log.flush()
        running.began = time.time()
        self._emit(ToolStarted(running.key, tool.name))

    def _start_timer(self, running: Running, tool: Tool[..., Any]) -> asyncio.TimerHandle | None:
        if tool.timeout is None:
            return None
        loop = asyncio.get_running_loop()
        return loop.call_later(tool.timeout, self._time_is_over, running, tool.timeout)

    def _time_is_over(self, running: Running, seconds: float) -> None:
        """Answer a call at once; its place is kept until it has stopped."""
        self._answering.answer(running, timed_out(seconds, has_effect=running.has_effect))
        running.cancel()

    def _context(self, running: Running, place: Call) -> ToolContext:
        loop = asyncio.get_running_loop()

        def tell(progress: ToolProgress) -> None:
            if not running.is_answered:
                self._emit(progress)

        def progress(text: str, fraction: float | None) -> None:
            told = ToolProgress(running.key, running.call.name, text, fraction)
            loop.call_soon_threadsafe(tell, told)

        return ToolContext(
            session=self._session,
            workspace=self._toolbox.workspace,
            call=place,
            on_progress=progress,
            services=self._toolbox.services,
            versions=running.versions,
        )

    def _done(self, running: Running, task: "asyncio.Task[NotRun | None]") -> None:
        """Look at a call that is over: one that was not run has no answer yet."""
        refused = None if task.cancelled() or task.exception() else task.result()
        if refused is None:
            self._answering.answer(running, running.when_cancelled(self.ended_by))
        else:
            status = STATUS_OF.get(refused.reason, Status.NOT_EXECUTED)
            self._answering.answer(running, Answer(status, refused.text))

    def _failed(self, tool: Tool[..., Any], error: Exception) -> Answer:
        """Say what went wrong, in the model's words; a bug is logged in full."""
        match error:
            case ToolError():
                return Answer(Status.FAILED, str(error))
            case JournalError():
                self._answering.failure = error
                return Answer(Status.NOT_EXECUTED, "Not executed: the session cannot be saved.")
        log.error("the tool %s failed", tool.name, exc_info=error)
        return Answer(Status.FAILED, f"The tool {tool.name} failed: {describe(error)}")


async def _contained(work: Coroutine[Any, Any, object]) -> object:
    """Await a tool; whatever it raises ends its call only, not the event loop."""
    try:
        return await work
    except (Exception, asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise as_error(error) from error


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
