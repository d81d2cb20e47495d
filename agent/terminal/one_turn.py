"""One turn on a terminal or in a pipe: its events shown as they come, its end an exit code."""

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from agent.event_json import to_json
from agent.events import (
    ApprovalAsked,
    ApprovalSettled,
    Event,
    ReplyFinished,
    TextDelta,
    ToolCalled,
    TurnFinished,
)
from agent.session.session import Session
from agent.terminal import streams
from agent.terminal.lines import GOOD_ENDS, Narrator, used
from tools.text import visible

NOBODY: Final = (
    "nobody is there to be asked; the user can allow it with a rule in approvals.toml, or with "
    "--approvals allow"
)

UNASKED: Final = (
    "! {} denied, since nobody was there to be asked: rules in approvals.toml can allow such "
    "calls, and --approvals allow allows all\n"
)

STOPPING: Final = (signal.SIGTERM, signal.SIGHUP)
"""Signals that interrupt the turn as Ctrl-C does, unless they are ignored, as with nohup."""

INTERRUPTED: Final = 128 + signal.SIGINT
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
        streams.write(f"{json.dumps(to_json(event), default=str)}\n")


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
            streams.write(text)
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
            streams.tell(f"{line}\n")
        if isinstance(event, TurnFinished) and self._tells_tools:
            streams.tell(f"({used(event.usage)})\n")


async def follow(session: Session, message: str, shown: Shown, *, asks: bool) -> int:
    """Send a message, and show its turn; give the exit code.

    `asks` says that a person is there; without one, what needs a person is denied.

    Raises:
        StreamError: the standard output takes no more.
    """
    code = 1
    unasked = 0
    goes_on = True
    with _interrupted_by_signals(session) as came:
        async for event in session.send(message):
            shown.take(event)
            match event:
                case ApprovalAsked() if not asks:
                    unasked += 1
                    await session.answer(event.id, "deny", NOBODY)
                case ApprovalAsked() if goes_on and not came:
                    goes_on = await _answer(session, event)
                case TurnFinished():
                    code = exit_code(event)
    if unasked:
        streams.tell(UNASKED.format("1 call was" if unasked == 1 else f"{unasked} calls were"))
    return 128 + came[0] if came and code == INTERRUPTED else code


@contextmanager
def _interrupted_by_signals(session: Session) -> Iterator[list[int]]:
    """Have signals interrupt the session; give those that came."""
    loop = asyncio.get_running_loop()
    came: list[int] = []

    def stop(which: int) -> None:
        came.append(which)
        session.interrupt()

    others = (each for each in STOPPING if signal.getsignal(each) is not signal.SIG_IGN)
    heeded = [signal.SIGINT, *others]
    for each in heeded:
        loop.add_signal_handler(each, stop, each)
    try:
        yield came
    finally:
        for each in heeded:
            loop.remove_signal_handler(each)


def exit_code(event: TurnFinished) -> int:
    """Give the exit code of a turn's end."""
    if event.why == "interrupted":
        return INTERRUPTED
    return 0 if event.why in GOOD_ENDS and not event.error else 1


async def _answer(session: Session, asked: ApprovalAsked) -> bool:
    """Ask a person, as long as the question is open; say whether to go on asking."""
    from agent.terminal.asking import ask  # noqa: PLC0415  (only where a person is: it is slow)

    asking = asyncio.ensure_future(ask(asked))

    def withdraw(event: Event) -> None:
        if isinstance(event, ApprovalSettled) and event.id == asked.id:
            asking.cancel()

    end = session.subscribe(withdraw)
    try:
        await asyncio.wait({asking})
    finally:
        end()
        asking.cancel()
    if asking.cancelled():
        return True
    given = asking.result()
    if given is None:
        session.interrupt()
    elif any(question.id == asked.id for question in session.questions):
        await session.answer(asked.id, *given)
    return given is not None
