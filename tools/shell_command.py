"""One command line, run by the shell in the workspace.

What holds for every command, beside what `process` says of every program:

- all that it started has ended when it has, services included: what is to go on is a background
  command of its own, which has an id;
- no secret is in its environment, nothing asks it a question (no terminal, no input, no pager);
- its two outputs are one, in the order in which they were written.
"""

import asyncio
import math
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tools.environment import child_environment
from tools.errors import ToolError
from tools.output_log import OutputLog
from tools.paths import OutsideError, path_inside
from tools.process import GRACE_SECONDS
from tools.process_start import StartError
from tools.program import Completed, Program

NO_LIMIT: Final = math.inf

_UNATTENDED: Final[Mapping[str, str]] = MappingProxyType(
    {"PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "TERM": "dumb"}
)

_TITLE_LENGTH: Final = 60


@dataclass(frozen=True, slots=True)
class Setting:
    """How a command line is run: by which shell, where, and what it gets to know."""

    shell: str
    folder: Path
    environment: Mapping[str, str]


def setting(workspace: Path, folder: str) -> Setting:
    """Look up how to run a command in a folder of the workspace. Reads the disk.

    Raises:
        ToolError: the folder is outside.
    """
    try:
        inside = path_inside(workspace, folder, follow=True)
    except OutsideError as error:
        raise ToolError(f"folder: {error}") from error
    environment = child_environment(os.environ, _UNATTENDED)
    shell = shutil.which("bash", path=environment["PATH"]) or "/bin/sh"
    return Setting(shell, workspace / inside, environment)


def check_line(line: str) -> None:
    """Refuse what no shell can be given.

    Raises:
        ToolError: why, and what to do.
    """
    if not line.strip():
        raise ToolError("command is empty: give the command line that the shell is to run.")
    if "\0" in line:
        raise ToolError(
            f"command holds a NUL at character {line.index(chr(0))}, which no command line can: "
            r"write `printf '\0'` where one is needed."
        )
    try:
        os.fsencode(line)
    except UnicodeEncodeError as error:
        raise ToolError(
            f"command holds half a character at character {error.start}: write it whole."
        ) from error


class Command:
    """A command line that is run once, by `run`."""

    def __init__(self, line: str, place: Setting, seconds: float = NO_LIMIT) -> None:
        self.line = line
        self.log = OutputLog()
        self.started = asyncio.Event()
        self.is_stopped = False
        """Whether it was ended because somebody asked for that."""
        self.completed: Completed | None = None
        """None until it has ended."""
        self._place = place
        self._program = Program(
            (place.shell, "-c", "--", line),
            stdin=None,
            time_limit=seconds,
            output_limit=0,
            merged=self.log,
            ends_services=True,
        )

    def __repr__(self) -> str:
        state = "runs" if self.completed is None else f"exit code {self.completed.exit_code}"
        return f"<Command {self.title!r} {state}>"

    @property
    def title(self) -> str:
        """Its first line, shortened, to tell it from others."""
        first = self.line.strip().partition("\n")[0]
        if len(first) > _TITLE_LENGTH or first != self.line.strip():
            return f"{first[:_TITLE_LENGTH]}..."
        return first

    async def run(self) -> Completed:
        """Run it to its end or its time limit; a cancellation ends it first.

        Raises:
            ToolError: it did not start.
        """
        try:
            await self._program.start(self._place.folder, self._place.environment)
            self.started.set()
            await self._program.finish()
        except StartError as error:
            raise ToolError(f"The command was not run: {error}.") from error
        finally:
            await self._program.end(GRACE_SECONDS)
            self.completed = self._program.completed()
            self.log.arrived.set()
        return self.completed


FATAL: Final = frozenset(
    (
        *(signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL),
        *(signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM),
    )
)
"""What ends a program that did not mean to end."""

_CUT_SHORT: Final[Mapping[int, str]] = MappingProxyType(
    {
        126: "what it names could not be executed",
        127: "a program that it names was not found: check its name, or install it",
        **{128 + each: f"{each.name} ended a program in it" for each in FATAL},
    }
)
"""What the shell's own exit codes say."""


@dataclass(frozen=True, slots=True)
class End:
    """How a command ended, in words.

    An exit code other than 0 is an answer and no failure: a search that finds nothing has one, a
    comparison that finds a difference, a test run that finds a defect. The command did what it was
    to do, and the text says the code first. `is_cut_short` says that it did not get so far: it
    ran out of time, was killed, or names a program that is not there.
    """

    text: str
    is_cut_short: bool = False


def end_of(completed: Completed) -> End:
    """Say how a command ended."""
    code = completed.exit_code
    if completed.timed_out:
        return End(f"timed out after {completed.time_limit:g} s", is_cut_short=True)
    if code is None:
        return End("killed, but its end was not seen", is_cut_short=True)
    if code < 0:
        return End(f"ended by {_signal_name(-code)}", is_cut_short=True)
    if code in _CUT_SHORT:
        return End(f"exit code {code} ({_CUT_SHORT[code]})", is_cut_short=True)
    return End(f"exit code {code}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
