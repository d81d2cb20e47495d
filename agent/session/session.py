"""A session: messages in, turns out, and what can be done with it as a whole.

The rules that this file keeps:

- opening runs nothing and answers nothing; what a crash left open is closed when it goes on;
- one turn at a time; a message that comes while one runs is answered by that turn;
- what the system prompt and the tools were at its start is what they stay.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from agent.approvals.questions import Answer, Question, Questions
from agent.claude.prices import Usage, usage_of
from agent.claude.request import head
from agent.conversation import Conversation, Server, Toolbox
from agent.errors import SessionError
from agent.events import Event, Notice, TurnFinished, TurnStarted
from agent.limits import Limits
from agent.loop import Ended, TurnLoop
from agent.session.content import Content, DateTeller, message_blocks
from agent.session.entries import Message, Renamed
from agent.session.history import History
from agent.session.log import SessionLog
from agent.session.moving import moved
from agent.session.pinned import changed_tools, notices
from agent.session.taking_up import can_resume, close_what_is_open
from agent.turn import Turn, TurnResult
from tools.tool_classes import Place

Json: TypeAlias = dict[str, Any]

log = logging.getLogger(__name__)

FINAL = frozenset({Ended.INTERRUPTED, Ended.ERROR, Ended.UNSAVED})
"""Ends after which a message that waits does not begin a turn of its own."""


class Session:
    """One conversation; made by `Agent.session`."""

    def __init__(
        self,
        log: SessionLog,
        server: Callable[[], Server],
        toolbox: Toolbox,
        limits: Limits,
        *,
        tells_date: bool,
        start: Callable[..., "asyncio.Task[TurnFinished]"],
        end: Callable[[str], Awaitable[None]],
    ) -> None:
        header = log.history.header
        if header is None:
            raise SessionError("the journal has no header: it is no session's")
        self._header = header
        self._log = log
        self._server = server
        self._toolbox = toolbox
        self._limits = limits
        self._date = DateTeller(is_on=tells_date)
        self._start = start
        self._ending = end
        self._loop: TurnLoop | None = None
        self._running: asyncio.Task[TurnFinished] | None = None
        self._readers: list[Turn] = []
        self._listeners: list[Callable[[Event], None]] = []
        self._questions = Questions(log, toolbox.approvals, self._emit, limits.approval_seconds)
        self._turns = 0
        self._head: tuple[Server, bytes] | None = None
        self.is_closed = False
        self.read_only = False
        """Whether calls with an effect are denied in the turns that begin from now on: to plan."""
        self.changed_tools = changed_tools(header, toolbox.registry)
        """The tools whose definitions are not what they were when the session began."""
        self.notices = notices(log, header, toolbox.registry)
        """What a person should know of it: entries set aside, tools that are gone."""

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "running" if self.is_running else "idle"
        return f"<Session {self.name!r} {state}, {self._log.history.replies} replies>"

    @property
    def id(self) -> str:
        """Never changes."""
        return self._header.session

    @property
    def name(self) -> str:
        """What people call it."""
        return self._log.history.name

    @property
    def history(self) -> History:
        """What was said and done; to be looked at only."""
        return self._log.history

    @property
    def is_running(self) -> bool:
        """Whether a turn goes on."""
        return self._running is not None

    @property
    def usage(self) -> Usage:
        """Of all replies since the session was made."""
        prices = self._server().prices
        used = (usage_of(usage, model, prices) for model, usage in self.history.reported)
        return sum(used, Usage())

    # -- turns ---------------------------------------------------------------------------------

    def send(self, content: Content) -> Turn:
        """Send a message; give the turn that answers it, which has begun.

        While a turn runs, that one takes the message along with its next request.

        Args:
            content: a text, or content blocks as the API takes them.

        Raises:
            SessionError: the session is closed, the message is empty, or tools have changed.
        """
        self._check_open()
        blocks = message_blocks(content)
        self._log.record(Message([*self._date.blocks(), *blocks], time.time()))
        return self._follow(len(self.history.messages) - 1)

    async def ask(self, content: Content) -> TurnResult:
        """Send a message, and wait for the turn that answers it.

        A cancellation interrupts the turn.

        Raises:
            SessionError: as `send`.
        """
        turn = self.send(content)
        try:
            return await turn.result()
        except asyncio.CancelledError:
            turn.interrupt()
            raise

    def resume(self) -> Turn:
        """Go on with what a crash or an interruption cut off, without a message.

        Calls that never started, or that have no effect, are run now; a call whose outcome is
        unknown is not, and neither is what conflicts with it.

        Raises:
            SessionError: the session is closed, its tools have changed, or there is nothing to do.
        """
        self._check_open()
        if not self.is_running and not self.can_resume:
            raise SessionError(f"session {self.name!r} has nothing to resume: send it a message")
        return self._follow(runs_again=True)

    @property
    def can_resume(self) -> bool:
        """Whether the model has yet to answer something."""
        return can_resume(self.history)

    @property
    def questions(self) -> list[Question]:
        """The calls that wait for a person, in request order."""
        return self._questions.pending

    async def answer(self, call: str, answer: Answer, reason: str = "") -> None:
        """Answer whether a call may run; of several answers the first counts.

        Args:
            call: its id, as in `ApprovalAsked` and `questions`.
            answer: "once"; "always", for every call that the question's `always` describes; "deny".
            reason: of a denial, for the model.

        Raises:
            SessionError: there is no such question, or it cannot be answered so.
            ConfigurationError: what was allowed for good could not be kept; until the program ends,
                it holds.
        """
        self._check_open(tools_too=False)
        await self._questions.answer(call, answer, reason)

    async def move_to_background(self, call: str) -> str:
        """Answer a call that runs, and let it go on as a job that the model can look at.

        From then on nothing is promised about the order of what it touches.

        Args:
            call: its id, as in `ToolStarted`.

        Returns:
            The job's id.

        Raises:
            SessionError: it does not run, or there are no jobs here.
        """
        dispatch = self._loop.dispatch if self._loop is not None else None
        return await moved(self.id, call, dispatch, self._toolbox.services)

    def interrupt(self) -> None:
        """End the turn that runs: what runs is stopped, and every call is answered."""
        if self._loop is not None:
            self._loop.stop()

    async def idle(self) -> None:
        """Wait until no turn runs."""
        while self._running is not None:
            await asyncio.wait({self._running})

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Have a function called with each event of every turn; give what ends that.

        It is called on the event loop, as things happen; it is quick, and does not raise.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # -- the whole -----------------------------------------------------------------------------

    def rename(self, name: str) -> None:
        """Record another name; `Agent.rename_session` keeps names apart."""
        self._check_open(tools_too=False)
        self._log.record(Renamed(name))

    async def flush(self) -> None:
        """Wait until all of it is on disk."""
        await self._log.flush()

    async def close(self) -> None:
        """Interrupt what runs, and let go of the journal and of what services keep for it.

        Raises:
            JournalError: not all of it is on disk.
        """
        if not self.is_closed:
            self.is_closed = True
            self._questions.keep()
            self.interrupt()
            await self.idle()
            self._questions.close()
            try:
                await self._ending(self.id)
            finally:
                await self._log.store.close()

    # -- inside --------------------------------------------------------------------------------

    def _follow(self, message: int | None = None, *, runs_again: bool = False) -> Turn:
        turn = Turn(self.interrupt, message)
        self._readers.append(turn)
        if self._running is None:
            self._begin(runs_again=runs_again)
        return turn

    def _begin(self, *, runs_again: bool = False) -> None:
        place = Place(self.id, self._toolbox.workspace)
        redo = close_what_is_open(self._log, self._toolbox.registry, place, again=runs_again)
        conversation = Conversation(
            self.id,
            self._server(),
            self._head_for(self._server()),
            self._toolbox,
            self._log,
            self._questions,
            self._emit,
            read_only=self.read_only,
        )
        self._questions.begin(runs_again=runs_again)
        self._loop = TurnLoop(conversation, self._limits, redo)
        self._emit(TurnStarted(self._turns))
        self._turns += 1
        for notice in self.notices:
            self._emit(Notice(notice))
        self.notices = []
        self._running = self._start(self._loop.run(), name=f"turn of {self.name}")
        self._running.add_done_callback(functools.partial(self._turn_over, self._loop))

    def _turn_over(self, loop: TurnLoop, _: "asyncio.Task[TurnFinished]") -> None:
        """Tell the end of a turn that was cancelled before its first step, and told nothing."""
        if not loop.is_told:
            self._emit(TurnFinished(Ended.INTERRUPTED, "", loop.usage))

    def _goes_on(self, why: str) -> bool:
        """Say whether a message that the last turn did not take begins the next."""
        return bool(self.history.pending) and why not in FINAL and not self.is_closed

    def _emit(self, event: Event) -> None:
        for listener in [*self._listeners]:
            try:
                listener(event)
            except Exception:
                log.exception("a listener of session %r failed", self.name)
        if isinstance(event, TurnFinished):
            self._end(event)
            return
        for turn in self._readers:
            turn.put(event)

    def _end(self, finished: TurnFinished) -> None:
        """Tell the end of a turn; whoever hears of it can send the next message."""
        self._loop = None
        self._running = None
        goes_on = self._goes_on(finished.why)
        waiting = set(self.history.pending) if goes_on else set()
        told = [turn for turn in self._readers if turn.message not in waiting]
        self._readers = [turn for turn in self._readers if turn.message in waiting]
        for turn in told:
            turn.put(finished)
        if goes_on:
            self._begin()

    def _head_for(self, server: Server) -> bytes:
        if self._head is None or self._head[0] != server:
            header = self._header
            made = head(server.settings, header.system, header.tools, server.profile)
            self._head = (server, made)
        return self._head[1]

    def _check_open(self, *, tools_too: bool = True) -> None:
        if self.is_closed:
            raise SessionError(f"session {self.name!r} is closed: open it again")
        changed = self.changed_tools if tools_too else []
        if changed:
            raise SessionError(
                f"these tools of session {self.name!r} have changed since it began: "
                f"{', '.join(changed)}. Fork it to go on with the new ones."
            )
