"""A chat in the terminal: a line to type at the bottom, all else above it.

The rules that this file keeps:

- the line can always be typed in: a message that is sent while a turn runs goes along with it;
- while a call waits for a person, what is typed answers that (see `asking`), except for commands;
- Ctrl-C interrupts the turn that runs; when none runs, it clears the line. Ctrl-D leaves.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping
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
from tools.text import visible

COMMANDS: Final = {
    "/help": "what can be done here",
    "/questions": "the calls that wait for you",
    "/timeline": "who ran beside whom in the last turn",
    "/usage": "what the session has used",
    "/quit": "leave; so does Ctrl-D",
}

HELP: Final = """\
Type a message and press Enter; Alt-Enter begins a new line. While a turn runs, a message goes along
with it. Tab completes files (also after @) and commands; the arrow keys go through earlier lines.
Ctrl-C interrupts the turn, Ctrl-D leaves."""

REFRESH: Final = 0.25
"""Seconds between two drawings of what runs."""

STYLES: Final[Mapping[str, str]] = {"dim": "\x1b[2m", "warn": "\x1b[33m", "": ""}
RESET: Final = "\x1b[0m"


class Chat:
    """One session at a terminal.

    Args:
        session: whose turns are shown.
        workspace: where files are completed.
        history: the file that keeps what was typed.
        timeline: draws the last turn.
    """

    def __init__(
        self, session: Session, workspace: Path, history: Path, timeline: Callable[[], str]
    ) -> None:
        self._session = session
        self._timeline = timeline
        self._lanes = Lanes()
        self._narrator = Narrator()
        self._line = ""
        """The model's text since the end of its last line."""
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

    async def run(self) -> None:
        """Talk until the person leaves; a turn that still runs is interrupted, questions stay."""
        end = self._session.subscribe(self._show)
        try:
            with patch_stdout(raw=True):
                self._greet()
                while await self._once():
                    pass
                await self._session.close()
        finally:
            end()

    def _greet(self) -> None:
        _print(f"Session {self._session.name!r}. /help says what can be done here.", "dim")
        for notice in self._session.notices:
            _print(f"! {notice}", "warn")
        if self._session.questions:
            _print("! calls wait for you since the last time: /questions", "warn")

    async def _once(self) -> bool:
        """Take one line; say whether to go on."""
        try:
            text = await self._prompt.prompt_async(self._message)
            return await self._take(text.strip())
        except EOFError:
            return False
        except AgentError as error:
            _print(f"! {error}", "warn")
            return True

    async def _take(self, text: str) -> bool:
        asked = self._asked()
        if text.startswith("/"):
            return await self._command(text)
        if asked and text:
            await self._answer(asked[0], text)
        elif text:
            _print(f"> {text}", "dim")
            self._session.send(text)
        return True

    def _asked(self) -> list[Question]:
        return [each for each in self._session.questions if each.is_asked]

    async def _answer(self, question: Question, text: str) -> None:
        given = understood(text)
        if given is None:
            _print(f"! {text!r} is no answer: {choices(question.always)}", "warn")
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
                _print(f"{HELP}\n{told}", "dim")
            case "/usage":
                _print(used(self._session.usage), "dim")
            case "/timeline":
                _print(await asyncio.to_thread(self._timeline))
            case "/questions":
                self._list_questions()
            case _:
                _print(f"! there is no {typed}: there are {', '.join(COMMANDS)}", "warn")
        return True

    def _list_questions(self) -> None:
        questions = self._session.questions
        for each in questions:
            _print(f"{each.id}  {call_title(each.name, each.input)}  ({one_line(each.why)})")
        if not questions:
            _print("No call waits for you.", "dim")
        elif not self._session.is_running:
            _print("They are asked again when the session is resumed: toolloop chat --resume")

    # -- what is shown -------------------------------------------------------------------------

    def _show(self, event: Event) -> None:
        """Take an event of the session in, as it happens."""
        self._lanes.take(event, asyncio.get_running_loop().time())
        match event:
            case TextDelta():
                self._text(visible(event.text))
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
            _print(line, "warn" if line.startswith(("!", "?")) else "dim")
        if isinstance(event, TurnFinished):
            self._end_line()
            _print(f"({used(event.usage)})", "dim")

    def _text(self, text: str) -> None:
        *lines, self._line = f"{self._line}{text}".split("\n")
        for line in lines:
            _print(line)

    def _end_line(self) -> None:
        if self._line:
            _print(self._line)
            self._line = ""

    def _message(self) -> StyleAndTextTuples:
        """Give what stands before the cursor: text without its end, what runs, what is asked."""
        shown: StyleAndTextTuples = [("", f"{self._line}\n")] if self._line else []
        now = asyncio.get_running_loop().time()
        shown += [("class:bottom-toolbar.text", f"{line}\n") for line in self._lanes.lines(now)]
        asked = self._asked()
        if asked:
            first = asked[0]
            more = f" ({len(asked)} questions)" if len(asked) > 1 else ""
            shown.append(("bold", f"May it run? {call_title(first.name, first.input)}{more}\n"))
            shown.append(("", f"{choices(first.always)}\n"))
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
                _print("Ctrl-D leaves.", "dim")

        @keys.add("escape", "enter")
        def new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        return keys


def _print(text: str, style: str = "") -> None:
    begin = STYLES[style]
    sys.stdout.write(f"{begin}{text}{RESET if begin else ''}\n")
