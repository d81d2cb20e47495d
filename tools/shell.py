"""The shell, as a model uses it: run a command, start one that goes on, read it on, stop it.

Beside the workspace, there are two more resources of a session. What runs in the background: a
background command is started and stopped as a writer of it, every other command may depend on it
and reads it. And the outputs of ended commands, which a command adds to. So whatever the model
writes in one reply is as if done in order, and reading one output waits for no command.
"""

import asyncio
from typing import Annotated, Final

from annotated_types import Ge, Interval

from scheduler import Access, Resource
from tools.background import Background, state_of
from tools.base import tool
from tools.content import ToolOutput
from tools.context import ToolContext
from tools.declaration import Arguments
from tools.errors import ToolError
from tools.output_log import Piece, narrowed, piece
from tools.shell_command import Command, Setting, check_line, setting
from tools.shell_text import SHOWN_BYTES, is_long, notes, piece_text, result, written
from tools.tool_classes import CLASSES, Effect, Place, ToolClass

MOST_SECONDS: Final = 600.0
MOST_WAIT_SECONDS: Final = 60.0
_MARGIN_SECONDS: Final = 30.0
"""For the end of what was run, beyond the limit that the model gave."""

_LAST_BYTES: Final = 4_000
"""Shown of the output of a command that was stopped."""


def _background(session: str, *parts: str) -> Resource:
    return ("background", session, *parts)


def _touched_by_command(arguments: Arguments, place: Place) -> Access:
    whole = CLASSES[ToolClass.SHELL].access(frozenset(), place).writes
    if arguments["background"]:
        return Access(writes=whole | {_background(place.session)})
    return Access(
        reads=frozenset((_background(place.session, "bg"),)),
        writes=whole | {_background(place.session, "out")},
    )


def _one(arguments: Arguments, place: Place) -> frozenset[Resource]:
    command_id = str(arguments["id"])
    return frozenset((_background(place.session, command_id.partition("_")[0], command_id),))


@tool(ToolClass.SHELL, access=_touched_by_command, timeout=MOST_SECONDS + _MARGIN_SECONDS)
async def shell(
    context: ToolContext,
    command: str,
    timeout_seconds: Annotated[float, Interval(gt=0, le=MOST_SECONDS)] = 120.0,
    folder: str = ".",
    background: bool = False,
) -> ToolOutput:
    """Run a command line with `bash -c` (`/bin/sh -c` where there is no bash) in the workspace.

    Each call is a shell of its own: `cd` and variables do not last until the next. There is no
    terminal and no input, so nothing can ask a question. Standard output and error come together, a
    long output as its start and its end; the rest can be read with shell_output. An exit code other
    than 0 is the first line of the result. When the command ends, whatever it started is ended too,
    also with `&`, `nohup` or `setsid`: to keep a server or a watcher running, use background=true.

    Args:
        command: the command line; several lines and here-documents are fine.
        timeout_seconds: seconds until the command is ended, more than 0 and at most 600. A
            background command has no limit.
        folder: the folder to run in, in the workspace.
        background: start the command and go on while it runs: the result gives an id for
            shell_output and shell_stop. It is ended at the latest when this session is closed.
    """
    check_line(command)
    owner = context.service(Background)
    place = await asyncio.to_thread(setting, context.workspace, folder)
    if background:
        return await _in_background(context, owner, Command(command, place))
    return await _to_its_end(context, owner, command, place, timeout_seconds)


async def _to_its_end(
    context: ToolContext, owner: Background, line: str, place: Setting, seconds: float
) -> ToolOutput:
    command = Command(line, place, seconds)
    completed = await command.run()
    kept_as = owner.keep(context.session, command) if is_long(command) else None
    return result(command, completed, kept_as)


async def _in_background(context: ToolContext, owner: Background, command: Command) -> ToolOutput:
    command_id = await owner.start(context.session, command)
    completed = command.completed
    if completed is not None:
        told = result(command, completed, command_id)
        text = f"The command has ended already; it does not run in the background.\n{told.text}"
        return ToolOutput((text,), is_error=completed.exit_code != 0)
    context.left_running(f"the background command {command_id} ({command.title})")
    excerpt = narrowed(command.log.excerpt(), SHOWN_BYTES)
    text = (
        f'{command_id} is running: shell_output(id="{command_id}", since={excerpt.total}) reads '
        f'on, shell_stop(id="{command_id}") ends it. So far it wrote:\n{written(excerpt)}'
    )
    return ToolOutput((text,))


@tool(
    ToolClass.LOCAL_READ,
    access=lambda arguments, place: Access(reads=_one(arguments, place)),
    timeout=MOST_WAIT_SECONDS + _MARGIN_SECONDS,
)
async def shell_output(
    context: ToolContext,
    id: str,  # noqa: A002  (the model's name for it)
    since: Annotated[int, Ge(0)] = 0,
    wait_seconds: Annotated[float, Interval(ge=0, le=MOST_WAIT_SECONDS)] = 0.0,
) -> str:
    """Read the output of a background command, or what was left out of a long output.

    The first line says whether the command runs or how it ended, and from where to read on. Of a
    very long output the first and the last megabyte are kept.

    Args:
        id: what shell gave, such as "bg_1"; one that is not known is answered with those that are.
        since: the byte to read from: 0 for the start, or the `since` that the last reading gave.
        wait_seconds: how long to wait for something new, or for the command's end, when there is
            nothing new yet: 0 to 60.
    """
    command = context.service(Background).get(context.session, id)
    total = command.log.total
    if since > total:
        raise ToolError(
            f"since={since}: {id} has written {total} bytes so far; give {total} for what comes "
            "next, or less."
        )
    await _news(command, since, wait_seconds)
    return _reading(id, command, since)


async def _news(command: Command, since: int, seconds: float) -> None:
    """Wait until there is output from a place on, or the command has ended."""
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(deadline):
            while command.completed is None and command.log.total <= since:
                command.log.arrived.clear()
                await command.log.arrived.wait()
    except TimeoutError:
        return


def _reading(command_id: str, command: Command, since: int) -> str:
    excerpt = command.log.excerpt()
    part = piece(excerpt, since, SHOWN_BYTES)
    lines = [f"{command_id}: {state_of(command)}. {_extent(part, excerpt.total, since)}"]
    if part.data:
        lines.append(piece_text(part))
    if command.completed is not None:
        lines += notes(command, command.completed)
    return "\n".join(lines)


def _extent(part: Piece, total: int, since: int) -> str:
    if not part.data:
        return f"Nothing new (since={part.end})."
    skipped = f" (bytes {since} to {part.start} were not kept)" if part.start > since else ""
    more = f"{total - part.end} more can be read" if part.end < total else "go on"
    return f"Bytes {part.start} to {part.end} of {total}{skipped}; {more} with since={part.end}."


@tool(
    ToolClass.SHELL,
    access=lambda arguments, place: Access(writes=_one(arguments, place)),
    effect=Effect.EFFECTFUL,
    moves=False,
    timeout=_MARGIN_SECONDS,
)
async def shell_stop(
    context: ToolContext,
    id: str,  # noqa: A002  (the model's name for it)
) -> str:
    """Stop a background command with all that it started, and give the end of its output.

    It is asked to end (SIGTERM), and killed when it has not after 2 seconds.

    Args:
        id: what shell gave, such as "bg_1"; one that is not known is answered with those that are.
    """
    owner = context.service(Background)
    command = owner.get(context.session, id)
    if command.completed is not None:
        return f"Nothing to stop: {_reading(id, command, _last(command))}"
    await owner.stop(command)
    return _reading(id, command, _last(command))


def _last(command: Command) -> int:
    return max(0, command.log.total - _LAST_BYTES)


SHELL_TOOLS: Final = (shell, shell_output, shell_stop)
"""For a registry; they need a `Background` among the services."""
