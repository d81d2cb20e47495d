"""`toolloop replay`: a recording played through the real loop, or served to any client."""

import argparse
import asyncio
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.commands.command import Command

if TYPE_CHECKING:
    from agent.claude.recording import Recording

USE: Final = """\
ANTHROPIC_BASE_URL={url}

Point a client of the Claude API at it: set that variable, and any ANTHROPIC_API_KEY. It is answered
as recorded when it says what was said, and answers the calls; the words do not count:
{said}
Each request is checked as the API does. A new conversation begins anew. Ctrl-C ends it.
"""

UNKNOWN: Final = (
    "the calls that {name} holds would run with your rights, shell commands too, and leave the "
    "throw-away workspace if they want to: look into it, and give --allow"
)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recording", nargs="?", metavar="FILE", help="a recording, or the name of a shipped one"
    )
    parser.add_argument("--list", action="store_true", help="name the shipped recordings")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="N",
        help="1 is the recorded timing (default), 10 ten times as fast, 0 at once",
    )
    parser.add_argument(
        "--timeline", action="store_true", help="draw at the end which calls ran together"
    )
    parser.add_argument(
        "--allow",
        action="store_true",
        help="let the calls of a recording that is not a shipped one run, shell commands too",
    )
    parser.add_argument(
        "--serve",
        action="store_true",
        help="answer clients of the Claude API with it, on 127.0.0.1, instead of playing it",
    )
    parser.add_argument(
        "--port", type=_port, metavar="N", help="to serve at (default: any free one)"
    )


def _speed(given: str) -> float:
    try:
        speed = float(given)
    except ValueError:
        speed = math.nan
    if not speed >= 0:
        raise argparse.ArgumentTypeError(f"a number, 0 or more, not {given!r}")
    return speed or math.inf


def _port(given: str) -> int:
    if not given.isdecimal() or int(given) > 65535:  # noqa: PLR2004  (TCP's largest)
        raise argparse.ArgumentTypeError(f"a port from 0 to 65535, not {given!r}")
    return int(given)


def _run(terms: argparse.Namespace) -> int:
    from agent.claude.recording import RecordingError  # noqa: PLC0415  (imports what it is made of)

    if terms.list:
        return _list()
    try:
        recording = _chosen(terms)
        return _serve(recording, terms) if terms.serve else _play(recording, terms)
    except RecordingError as error:
        sys.stderr.write(f"toolloop replay: {error}\n")
        return 2


def _chosen(terms: argparse.Namespace) -> "Recording":
    """Find the recording, if it can be used as is asked for.

    Raises:
        RecordingError: it cannot.
    """
    from agent.claude.recording import RecordingError  # noqa: PLC0415  (see `_run`)
    from agent.recordings import names  # noqa: PLC0415  (see `_run`)

    if terms.recording is None:
        raise RecordingError(f"which recording? A file, or one of: {', '.join(names())}")
    if terms.port is not None and not terms.serve:
        raise RecordingError("--port goes with --serve")
    found = _found(terms.recording)
    if not found.replies:
        raise RecordingError(f"there is nothing to replay in {found.name}: it has no requests")
    if not (terms.serve or terms.allow or found.name in names()):
        raise RecordingError(UNKNOWN.format(name=found.name))
    return found


def _found(name: str) -> "Recording":
    """Find a recording by its file or its name."""
    from agent.claude.recording import RecordingError  # noqa: PLC0415  (see `_run`)
    from agent.claude.recording_reading import read  # noqa: PLC0415  (see `_run`)
    from agent.recordings import names, shipped  # noqa: PLC0415  (see `_run`)

    if Path(name).is_file():
        return replace(read(name), name=str(Path(name).absolute()))  # a shipped one has no folder
    if name in names():
        return shipped(name)
    raise RecordingError(
        f"there is no file {name!r}, and no recording of that name; the shipped ones are: "
        f"{', '.join(names())}"
    )


def _list() -> int:
    from agent.recordings import names, shipped  # noqa: PLC0415  (see `_run`)

    width = max(map(len, names()), default=0)
    for name in names():
        sys.stdout.write(f"{name:{width}}  {shipped(name).title}\n")
    return 0


def _play(recording: "Recording", terms: argparse.Namespace) -> int:
    # They import the rest of the package.
    from agent.commands.playing import perform  # noqa: PLC0415  (see above)
    from tools.browser.errors import BrowserError  # noqa: PLC0415  (see above)

    try:
        return perform(recording, sys.stdout, speed=terms.speed, timeline=terms.timeline)
    except BrowserError as error:
        sys.stderr.write(f"toolloop replay: {recording.name} needs a browser. {error.message}\n")
        return 1


def _serve(recording: "Recording", terms: argparse.Namespace) -> int:
    try:
        asyncio.run(_served(recording, terms.speed, terms.port or 0))
    except KeyboardInterrupt:
        return 0  # that is how it is ended
    except OSError as error:
        sys.stderr.write(f"toolloop replay: port {terms.port} cannot be had: {error.strerror}\n")
    return 1


async def _served(recording: "Recording", speed: float, port: int) -> None:
    from agent.commands.surroundings import served  # noqa: PLC0415  (see `_run`)

    async with served(recording) as (shown, _):
        await _answering(shown, speed, port)


async def _answering(recording: "Recording", speed: float, port: int) -> None:
    from agent.claude.replay_server import ReplayServer  # noqa: PLC0415  (imports h11)

    async with ReplayServer(recording, speed, port=port, tell=_tell) as server:
        said = [" ".join(str(each.get("text", "")) for each in turn) for turn in recording.turns()]
        _tell(USE.format(url=server.url, said="".join(f"  > {text}\n" for text in said)))
        await asyncio.get_running_loop().create_future()


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


COMMAND = Command(
    "replay",
    "a recorded conversation, played through the real loop, or served to any client",
    "Play a recording: its replies come as they were recorded, and the tools that they call work "
    "in a throw-away workspace. With --serve, answer any client of the Claude API with it. Exit "
    "code: 0 it went as recorded, 1 not, 2 wrongly called, 130 interrupted.",
    _arguments,
    _run,
)
