"""One turn on a terminal or in a pipe: its events shown as they come, its end an exit code."""

import asyncio
import json
import signal
import sys
from typing import Final, Protocol

from agent.event_json import to_json
from agent.events import (
    ApprovalAsked,
    Event,
    ReplyFinished,
    TextDelta,
    ToolCalled,
    TurnFinished,
)
from agent.session.session import Session
from agent.terminal.lines import GOOD_ENDS, Narrator, used
from tools.text import visible

NOBODY: Final = (
    "nobody is there to be asked; the user can allow it with a rule in approvals.toml, or with "
    "--approvals allow"
)

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, as shells have it."""


class Shown(Protocol):
    """Shows events."""

    def take(self, event: Event) -> None:
        """Show an event, if there is something to show."""
        ...


class Json:
    """Prints each event as a line of JSON."""

    def take(self, event: Event) -> None:
        """See `Shown.take`."""
        sys.stdout.write(f"{json.dumps(to_json(event), default=str)}\n")
        sys.stdout.flush()


class Text:
    """Prints the model's text; what its tools do goes to the standard error."""

    def __init__(self, *, tells_tools: bool) -> None:
        self._narrator = Narrator()
        self._tells_tools = tells_tools
        self._is_inside = False
        """Whether the last line of text has no end yet."""

    def __repr__(self) -> str:
        return f"<Text {self._narrator!r}>"

    def take(self, event: Event) -> None:
        """See `Shown.take`."""
        match event:
            case TextDelta():
                self._write(visible(event.text))
            case ReplyFinished():
                self._end_line()
            case ToolCalled():
                self._narrator.called(event.id, event.name, event.input)
            case _:
                self._tell(event)

    def _write(self, text: str) -> None:
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._is_inside = not text.endswith("\n")

    def _end_line(self) -> None:
        if self._is_inside:
            self._write("\n")

    def _tell(self, event: Event) -> None:
        is_over = isinstance(event, TurnFinished)
        if not (self._tells_tools or is_over):
            return
        for line in self._narrator.lines(event):
            self._end_line()
            sys.stderr.write(f"{line}\n")
        if isinstance(event, TurnFinished) and self._tells_tools:
            sys.stderr.write(f"({used(event.usage)})\n")
        sys.stderr.flush()


async def follow(session: Session, message: str, shown: Shown, *, asks: bool) -> int:
    """Send a message, and show its turn; give the exit code.

    `asks` says that a person is there; without one, what needs a person is denied.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, session.interrupt)
    code = 1
    try:
        async for event in session.send(message):
            shown.take(event)
            if isinstance(event, ApprovalAsked):
                await _answer(session, event, asks=asks)
            if isinstance(event, TurnFinished):
                code = exit_code(event)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
    return code


def exit_code(event: TurnFinished) -> int:
    """Give the exit code of a turn's end."""
    if event.why == "interrupted":
        return INTERRUPTED
    return 0 if event.why in GOOD_ENDS and not event.error else 1


async def _answer(session: Session, asked: ApprovalAsked, *, asks: bool) -> None:
    if not asks:
        await session.answer(asked.id, "deny", NOBODY)
        return
    from agent.terminal.asking import ask  # noqa: PLC0415  (only where a person is: it is slow)

    answer = await ask(asked)
    if any(question.id == asked.id for question in session.questions):
        await session.answer(asked.id, *answer)
