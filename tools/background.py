"""Commands that go on after the call that started them, and outputs that can be read on.

`Background` belongs to an agent and is passed to its tools as a service. The rules that it keeps:

- a command is known by an id, in its session only; an id is never given twice;
- so many run at a time in a session, and so many that have ended are remembered, the latest ones;
- each runs in a task of its own, which ends all that the command started before it is done;
  `close` waits for all of these tasks, and the guard process is there until then.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tools.child import in_thread, settled
from tools.errors import ToolError
from tools.guard import GUARD
from tools.shell_command import Command, end_of

log = logging.getLogger(__name__)

MOST_RUNNING: Final = 8
"""Background commands of a session at a time."""

MOST_ENDED: Final = 8
"""Ended commands of a session whose output can still be read."""

EARLY_SECONDS: Final = 1.0
"""In which a command that cannot work usually fails."""

_CLOSED: Final = "Not run: this agent is being closed, and with it all that it runs."


class Kind(StrEnum):
    """What a command is known for; its id begins so."""

    BACKGROUND = "bg"
    OUTPUT = "out"
    """It has ended, and its output can be read on."""


@dataclass(slots=True)
class _Commands:
    """Those of one session and kind: one kind takes no room and no number from the other."""

    kind: Kind
    count: int = 0
    by_id: dict[str, Command] = field(default_factory=dict)

    def add(self, command: Command) -> str:
        """Take a command in; the oldest that have ended make room."""
        self.count += 1
        command_id = f"{self.kind}_{self.count}"
        ended = [each for each, known in self.by_id.items() if known.completed is not None]
        for each in ended[: max(0, len(ended) - MOST_ENDED + 1)]:
            del self.by_id[each]
        self.by_id[command_id] = command
        return command_id

    def running(self) -> dict[str, Command]:
        return {each: known for each, known in self.by_id.items() if known.completed is None}


class Background:
    """The commands of an agent's sessions that outlive the calls which started them."""

    def __init__(self) -> None:
        self._commands: dict[tuple[str, Kind], _Commands] = {}
        self._tasks: dict[Command, asyncio.Task[object]] = {}
        self._is_closed = False
        GUARD.open(self)

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open"
        return f"<Background {state}, {len(self._tasks)} running>"

    async def start(self, session: str, command: Command) -> str:
        """Start a command, and give its id once it has ended or has run for a moment.

        A cancellation meanwhile ends it: nobody has been told its id.

        Raises:
            ToolError: it did not start, or no more may run.
        """
        if self._is_closed:
            raise ToolError(_CLOSED)
        commands = self._of(session, Kind.BACKGROUND)
        if len(commands.running()) >= MOST_RUNNING:
            raise ToolError(
                f"{MOST_RUNNING} background commands run in this session, the most that may: "
                f"{_listed(commands.running())}. End one with shell_stop first."
            )
        command_id = commands.add(command)
        task = asyncio.create_task(command.run(), name=f"{command_id} of session {session}")
        self._tasks[command] = task
        task.add_done_callback(lambda _: self._ended(command, task))
        try:
            await asyncio.wait((task,), timeout=EARLY_SECONDS)
            _check_started(command, task)
        except BaseException:
            commands.by_id.pop(command_id, None)
            await self.stop(command)
            raise
        return command_id

    def _ended(self, command: Command, task: "asyncio.Task[object]") -> None:
        del self._tasks[command]
        error = None if task.cancelled() else task.exception()
        if error is not None and command.started.is_set():
            log.error("the end of %r was not seen to", command, exc_info=error)

    def keep(self, session: str, command: Command) -> str:
        """Let the output of a command that has ended be read on; give its id."""
        return self._of(session, Kind.OUTPUT).add(command)

    def _of(self, session: str, kind: Kind) -> _Commands:
        return self._commands.setdefault((session, kind), _Commands(kind))

    def get(self, session: str, command_id: str) -> Command:
        """Look a command up.

        Raises:
            ToolError: it is not known; the text names those that are.
        """
        known = self._of(session, Kind.BACKGROUND).by_id | self._of(session, Kind.OUTPUT).by_id
        if command_id not in known:
            raise ToolError(
                f"id={command_id!r} is not known; known are: {_listed(known) or 'none'}. Of "
                f"commands that have ended, the last {MOST_ENDED} are remembered."
            )
        return known[command_id]

    async def stop(self, command: Command) -> None:
        """End a command with all that it started; one that has ended stays as it is.

        A cancellation meanwhile is raised after that.
        """
        if command in self._tasks:
            await settled(self._end(command))

    def _end(self, command: Command) -> "asyncio.Future[None]":
        """Have a command ended that runs; give what tells that it has."""
        command.is_stopped = True
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks[command].add_done_callback(lambda _: over.set_result(None))
        self._tasks[command].cancel()
        return over

    def left(self, session: str) -> tuple[str, ...]:
        """Name what runs in a session."""
        running = self._of(session, Kind.BACKGROUND).running()
        return tuple(f"{each}: {known.title}" for each, known in running.items())

    async def close(self) -> tuple[str, ...]:
        """End all commands, and name those that still ran; no more can be started.

        A cancellation meanwhile is raised after that.
        """
        self._is_closed = True
        sessions = dict.fromkeys(session for session, _ in self._commands)
        ended = tuple(
            f"{each} (session {session})" for session in sessions for each in self.left(session)
        )
        try:
            await settled(asyncio.gather(*map(self._end, self._tasks)))
        finally:
            await in_thread(lambda: GUARD.close(self))
        return ended


def _check_started(command: Command, task: "asyncio.Task[object]") -> None:
    """Raise what kept a command from starting."""
    if task.done() and not command.started.is_set():
        if task.cancelled():
            raise ToolError(_CLOSED)
        task.result()


def state_of(command: Command) -> str:
    """Say whether a command runs, or how it ended."""
    if command.completed is None:
        return "running"
    end = end_of(command.completed).text
    return f"stopped, {end}" if command.is_stopped else f"ended, {end}"


def _listed(commands: dict[str, Command]) -> str:
    return ", ".join(
        f"{each} ({state_of(known)}: {known.title})" for each, known in commands.items()
    )
