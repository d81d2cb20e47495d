"""A chat in the terminal: a line to type at the bottom, all else above it.

The rules that this file keeps:

- the line can always be typed in: a message that is sent while a turn runs goes along with it;
- while a call waits for a person, what is typed answers that (see `asking`), except for commands;
- Ctrl-C interrupts the turn that runs; when none runs, it clears the line. Ctrl-D leaves.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.patch_stdout import patch_stdout

from agent.approvals.questions import Question
from agent.errors import AgentError
from agent.events import Event, ReplyFinished, TextDelta, ToolCalled, TurnFinished, TurnStarted
from agent.session.session import Session
from agent.terminal.asking import choices, understood
from agent.terminal.chat_history import ChatHistory
from agent.terminal.completion import in_thread
from agent.terminal.lanes import Lanes
from agent.terminal.lines import Narrator, call_title, one_line, used
from agent.terminal.wrapping import Wrapping, wrapped
from tools.text import visible

COMMANDS: Final = {
    "/help": "what can be done here",
    "/questions": "the calls that wait for you",
    "/timeline": "who ran beside whom in the last turn",
    "/usage": "what the session has used",
    "/quit": "leave; so does Ctrl-D",
}

HELP: Final = """\
Type a message and press Enter; Alt-Enter begins a new line.
While a turn runs, a message goes along with it; while a call waits for you, a line answers that.
Tab completes files (also after @) and commands; the arrow keys go through earlier lines.
Ctrl-C interrupts the turn, Ctrl-D leaves."""

LEAVING: Final = (signal.SIGTERM, signal.SIGHUP)

REFRESH: Final = 0.25
"""Seconds between two drawings of what runs."""

STYLES: Final[Mapping[str, str]] = {"dim": "\x1b[2m", "warn": "\x1b[33m", "": ""}
RESET: Final = "\x1b[0m"


class Chat:
    """One session at a terminal.

    Args:
        session: whose turns are shown.
        workspace: where files are completed.
        history: the file that keeps what was typed; None when it cannot be kept.
        timeline: draws the last turn.
    """

    def __init__(
        self, session: Session, workspace: Path, history: Path | None, timeline: Callable[[], str]
    ) -> None:
        self._session = session
        self._timeline = timeline
        self._keeps_lines = history is not None
        self._lanes = Lanes()
        self._narrator = Narrator()
        self._text = Wrapping()
        self._prompt: PromptSession[str] = PromptSession(
            history=ChatHistory(history),
            completer=in_thread(COMMANDS, workspace),
            key_bindings=self._keys(),
            refresh_interval=REFRESH,
            reserve_space_for_menu=4,
            erase_when_done=True,
        )

    def __repr__(self) -> str:
        return f"<Chat in {self._session!r}>"

    async def run(self, *, resumes: bool = False) -> None:
        """Talk until the person leaves; a turn that still runs is interrupted, questions stay.

        `resumes` says to go on first with what was cut off the last time.
        """
        end = self._session.subscribe(self._show)
        try:
            with patch_stdout(raw=True), self._left_at_signals():
                self._greet(resumes=resumes)
                while await self._once():
                    pass
                await self._session.close()
        finally:
            end()

    @contextmanager
    def _left_at_signals(self) -> Iterator[None]:
        """Leave as Ctrl-D does when the process is to end, or the terminal is gone."""
        loop = asyncio.get_running_loop()
        for each in LEAVING:
            loop.add_signal_handler(each, self._leave)
        try:
            yield
        finally:
            for each in LEAVING:
                loop.remove_signal_handler(each)

    def _leave(self) -> None:
        app = self._prompt.app
        if app.is_running and not app.is_done:
            app.exit(exception=EOFError())

    def _greet(self, *, resumes: bool) -> None:
        session = self._session
        name = session.name.removeprefix("session ")
        self._say(f"Session {name}. /help says what can be done here.", "dim")
        for notice in session.notices:
            self._say(f"! {notice}", "warn")
        session.notices = []  # a turn would tell them again
        if not self._keeps_lines:
            self._say("! the history of what was typed cannot be read or kept", "warn")
        if resumes and session.can_resume:
            session.resume()
        elif resumes:
            self._say("There is nothing to resume.", "dim")
        elif session.questions:
            self._say("! calls wait for you since the last time: /questions", "warn")

    async def _once(self) -> bool:
        """Take one line; say whether to go on."""
        try:
            text = await self._prompt.prompt_async(self._message)
            return await self._take(text.strip())
        except EOFError:
            return False
        except AgentError as error:
            self._say(f"! {error}", "warn")
            return True

    async def _take(self, text: str) -> bool:
        asked = self._asked()
        if text.startswith("/"):
            return await self._command(text)
        if asked and text:
            await self._answer(asked[0], text)
        elif text:
            self._say(f"> {text}", "dim")
            self._session.send(text)
        return True

    def _asked(self) -> list[Question]:
        return [each for each in self._session.questions if each.is_asked]

    async def _answer(self, question: Question, text: str) -> None:
        given = understood(text)
        if given is None:
            self._say(f"! {text!r} is no answer: {choices(question.always)}", "warn")
        else:
            await self._session.answer(question.id, *given)

    async def _command(self, typed: str) -> bool:
        """Do what a command says; its first letters will do where no other begins so."""
        meant = [name for name in COMMANDS if name.startswith(typed)]
        match meant[0] if len(meant) == 1 else typed:
            case "/quit":
                return False
            case "/help":
                told = "\n".join(f"{each:<12} {what}" for each, what in COMMANDS.items())
                self._say(f"{HELP}\n{told}", "dim")
            case "/usage":
                self._say(used(self._session.usage), "dim")
            case "/timeline":
                self._say(await asyncio.to_thread(self._timeline))
            case "/questions":
                self._list_questions()
            case _ if meant:
                self._say(f"! {typed} begins several: {', '.join(meant)}", "warn")
            case _:
                self._say(f"! there is no {typed}: there are {', '.join(COMMANDS)}", "warn")
        return True

    def _list_questions(self) -> None:
        questions = self._session.questions
        for each in questions:
            self._say(f"{each.id}  {call_title(each.name, each.input)}  ({one_line(each.why)})")
        if not questions:
            self._say("No call waits for you.", "dim")
        elif not self._session.is_running:
            self._say("They are asked again when the session is resumed: toolloop chat --resume")

    # -- what is shown -------------------------------------------------------------------------

    def _show(self, event: Event) -> None:
        """Take an event of the session in, as it happens."""
        self._lanes.take(event, asyncio.get_running_loop().time())
        match event:
            case TextDelta():
                for row in self._text.feed(visible(event.text), self._columns):
                    _print(row)
            case ToolCalled():
                self._narrator.called(event.id, event.name, event.input)
            case ReplyFinished() | TurnStarted():
                self._end_line()
        self._tell(event)
        if self._prompt.app.is_running:
            self._prompt.app.invalidate()

    def _tell(self, event: Event) -> None:
        for line in self._narrator.lines(event):
            self._end_line()
            self._say(line, "warn" if line.startswith(("!", "?")) else "dim")
        if isinstance(event, TurnFinished):
            self._end_line()
            self._say(f"({used(event.usage)})", "dim")

    def _end_line(self) -> None:
        for row in self._text.end():
            _print(row)

    @property
    def _columns(self) -> int:
        return self._prompt.app.output.get_size().columns

    def _say(self, text: str, style: str = "") -> None:
        rows = (row for line in text.split("\n") for row in wrapped(line, self._columns))
        _print("\n".join(rows), style)

    def _message(self) -> StyleAndTextTuples:
        """Give what stands before the cursor: text without its end, what runs, what is asked."""
        columns = self._columns
        shown: StyleAndTextTuples = [("", f"{row}\n") for row in self._text.rest(columns)]
        now = asyncio.get_running_loop().time()
        shown += [("ansicyan", f"{line}\n") for line in self._lanes.lines(now)]
        asked = self._asked()
        if asked:
            first = asked[0]
            more = f" ({len(asked)} questions)" if len(asked) > 1 else ""
            title = f"May it run? {call_title(first.name, first.input)}{more}"
            shown += [("bold", f"{row}\n") for row in wrapped(title, columns)]
            shown += [("", f"{row}\n") for row in wrapped(choices(first.always), columns)]
        return [*shown, ("bold", "? " if asked else "> ")]

    # -- keys ----------------------------------------------------------------------------------

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("c-c")
        def interrupt(event: KeyPressEvent) -> None:
            if self._session.is_running:
                self._session.interrupt()
            elif event.current_buffer.text:
                event.current_buffer.reset()
            else:
                self._say("Ctrl-D leaves.", "dim")

        @keys.add("escape", "enter")
        def new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        return keys


def _print(text: str, style: str = "") -> None:
    begin = STYLES[style]
    sys.stdout.write(f"{begin}{text}{RESET if begin else ''}\n")
