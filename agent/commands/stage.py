"""A play as text: what is said, what the tools did, and what came of it."""

from typing import Any, TextIO, TypeAlias

from agent.claude.recording import Recording
from agent.claude.replay import ReplayModel
from agent.claude.replay_check import DATE
from agent.events import Event, TextDelta, ToolCalled, ToolFinished, TurnFinished
from agent.terminal.lines import Narrator, one_line
from tools.text import visible

Json: TypeAlias = dict[str, Any]

TITLE = 200
"""Characters of a title."""

SCRIPTED = "The replies are scripted, not a model's; what the tools do is real."
RECORDED = "The replies are recorded, those of {model}{made}; what the tools do is real."


class Stage:
    """Shows a play as text, while it goes on."""

    def __init__(self, out: TextIO, model: ReplayModel) -> None:
        self._out = out
        self._model = model
        self._narrator = Narrator()
        self._is_inside = False
        """Whether the last line has no end yet."""
        self._calls = 0
        self._early = 0
        """Calls that were answered before their reply had ended."""
        self.error = ""
        """Why a turn ended badly."""

    def __repr__(self) -> str:
        return f"<Stage {self._calls} calls, {self._early} early>"

    def open(self, recording: Recording) -> None:
        """Say what is played."""
        made = f", of {recording.made}" if recording.made else ""
        model = recording.model or "a model"
        told = {"scripted": SCRIPTED, "recorded": RECORDED.format(model=model, made=made)}
        self._line(one_line(recording.title, TITLE))
        self._line(told[recording.source])
        if recording.notice:
            self._line(f"! {recording.notice}")

    def said(self, blocks: list[Json]) -> None:
        """Show what the person says."""
        texts = [str(block.get("text", f"[{block.get('type')}]")) for block in blocks]
        spoken = " ".join(text for text in texts if not DATE.fullmatch(text))
        self._line("")
        self._line(f"> {visible(spoken)}")

    def take(self, event: Event) -> None:
        """Show an event of a turn."""
        match event:
            case TextDelta(text):
                self._write(visible(text))
                return
            case ToolCalled():
                self._narrator.called(event.id, event.name, event.input)
                self._calls += 1
            case ToolFinished():
                self._early += self._model.is_streaming
            case TurnFinished():
                self.error = event.error
        for line in self._narrator.lines(event):
            self._line(line)
        if isinstance(event, ToolFinished) and not event.is_error:
            self._line(f"    {one_line(gist(event.text))}")

    def close(self, ran: str = "") -> None:
        """Say what came of it, with a drawing of what ran together."""
        model = self._model
        early = f", {self._early} of them answered while their reply still came"
        left = f"; {model.left} recorded replies were not asked for" if model.left else ""
        self._line("")
        if ran:
            self._line(f"{visible(ran)}\n")
        self._line(f"({model.used} replies, {self._calls} calls{early * bool(self._early)}{left})")

    def _line(self, line: str) -> None:
        self._write(f"\n{line}\n" if self._is_inside else f"{line}\n")

    def _write(self, text: str) -> None:
        if text:
            self._out.write(text)
            self._out.flush()
            self._is_inside = not text.endswith("\n")


def gist(text: str) -> str:
    """Give what a person looks for in a result: of a page, what came to it or was found in it."""
    where, page_mark, page = text.partition("\n<page ")
    if not page_mark:
        return text
    lines = [(line[:1], _unfocused(line[1:])) for line in page.splitlines()]
    gone = {line for mark, line in lines if mark == "-"}
    come = [line for mark, line in lines if mark in {"+", "~", ">"} and line not in gone]
    return "; ".join(come) or where.rpartition("\n")[2]


def _unfocused(line: str) -> str:
    """Give a page's line without where the focus is, which moves with every action."""
    return line.replace(" [active]", "").strip(" -")
