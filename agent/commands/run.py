"""`toolloop run`: one turn, streamed."""

import argparse
import asyncio
from typing import Final

from agent.commands import live
from agent.commands.command import Command

INTERRUPTED: Final = 130


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("message", help='what to do; "-" reads it from the standard input')
    live.arguments(parser)
    parser.add_argument("--json", action="store_true", help="print each event as a line of JSON")
    parser.add_argument("--quiet", action="store_true", help="print the answer only")


def _run(terms: argparse.Namespace) -> int:
    from agent.terminal import streams  # noqa: PLC0415  (with the package's rest)

    try:
        return _answered(terms)
    except streams.StreamError as error:
        if str(error):
            streams.tell(f"toolloop run: {error}\n")
        return error.code
    except KeyboardInterrupt:  # before the turn, which heeds it itself
        return INTERRUPTED


def _answered(terms: argparse.Namespace) -> int:
    from agent.terminal import streams  # noqa: PLC0415  (with the package's rest)

    unconfigured = live.check(terms)
    if unconfigured is not None:
        streams.tell(unconfigured)
        return 2
    streams.prepare()
    message = streams.read() if terms.message == "-" else terms.message
    if not message.strip():
        streams.tell("toolloop run: the message is empty\n")
        return 2
    return asyncio.run(_turn(terms, message))


async def _turn(terms: argparse.Namespace, message: str) -> int:
    from agent.errors import AgentError  # noqa: PLC0415  (with the next)
    from agent.terminal import one_turn, streams  # noqa: PLC0415  (imports what a turn is made of)

    try:
        async with live.agent_of(terms) as agent:
            session = await agent.session(terms.session)
            shown = one_turn.Json() if terms.json else one_turn.Text(tells_tools=not terms.quiet)
            asks = streams.is_terminal() and not terms.json and terms.message != "-"
            return await one_turn.follow(session, message, shown, asks=asks)
    except AgentError as error:
        streams.tell(f"toolloop: {error}\n")
        return 1


COMMAND = Command(
    "run",
    "one message, answered: streamed text, tools at work, an exit code",
    "Send one message and stream the answer. The text goes to the standard output, what the tools "
    "do to the standard error. Exit code: 0 answered, 1 not, 2 wrongly called, 130 interrupted "
    "(128 and the number, of another signal), 141 the output was not read to its end.",
    _arguments,
    _run,
)
