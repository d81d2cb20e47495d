"""A recording played through the real loop: scripted or recorded replies, real tools.

The tools work in a throw-away workspace, which holds what the recording brings and is removed at
the end. A reply that was interrupted when it was recorded is interrupted here too.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from agent.claude.recording import End, Recording, RecordingError
from agent.claude.replay import ReplayModel
from agent.claude.replay_check import DATE
from agent.claude.replay_hold import END, Hold
from agent.events import Event, TextDelta, ToolCalled, ToolFinished, TurnFinished
from agent.recordings import lay_out
from agent.runtime import Agent
from agent.session.session import Session
from agent.terminal.lines import Narrator, one_line
from tools.text import visible

Json: TypeAlias = dict[str, Any]

AgentFactory: TypeAlias = Callable[[ReplayModel, Path, Path], Agent]
"""Makes an agent of what answers it, its workspace and its data folder."""

TITLE = 200
"""Characters of a title."""

SCRIPTED = "The replies are scripted, not a model's; what the tools do is real."
RECORDED = "The replies are recorded, those of {model}{made}; what the tools do is real."


def on_real_tools(model: ReplayModel, workspace: Path, data_dir: Path) -> Agent:
    """Make an agent that may do everything in its throw-away workspace."""
    return Agent(
        model=model, workspace=workspace, data_dir=data_dir, approvals="allow", tells_date=False
    )


async def play(
    recording: Recording, agent_factory: AgentFactory, out: TextIO, *, speed: float | None = 1.0
) -> bool:
    """Play a recording, and show what happens; give whether it went as recorded."""
    model = ReplayModel(recording, speed)
    stage = Stage(out, model)
    stage.open(recording)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="toolloop-replay-"))
    try:
        workspace = folder / "workspace"
        await asyncio.to_thread(workspace.mkdir)
        await asyncio.to_thread(lay_out, recording, workspace)
        async with agent_factory(model, workspace, folder / "data") as agent:
            is_good = await _turns(recording, model, await agent.session(), stage)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    stage.close()
    return is_good and not model.left


async def _turns(
    recording: Recording, model: ReplayModel, session: Session, stage: "Stage"
) -> bool:
    """Say what was said, turn by turn, until one fails."""
    cuts = [
        model.hold(END, reply=number)
        for number, reply in enumerate(recording.replies)
        if reply.ending is End.CUT
    ]
    async with asyncio.TaskGroup() as group:
        interrupter = group.create_task(_interrupt(session, cuts))
        try:
            for said in recording.turns():
                stage.said(said)
                async for event in session.send(said):
                    stage.take(event)
                if stage.error:
                    return False
        finally:
            interrupter.cancel()
    return True


async def _interrupt(session: Session, cuts: Iterable[Hold]) -> None:
    """Interrupt the turn where that was done when it was recorded."""
    for cut in cuts:
        with suppress(RecordingError):  # the reply was left before
            await cut.reached()
            session.interrupt()
            cut.release()


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
            self._line(f"    {one_line(event.text)}")

    def close(self) -> None:
        """Say what came of it."""
        model = self._model
        early = f", {self._early} of them answered while their reply still came"
        left = f"; {model.left} recorded replies were not asked for" if model.left else ""
        self._line("")
        self._line(f"({model.used} replies, {self._calls} calls{early * bool(self._early)}{left})")

    def _line(self, line: str) -> None:
        self._write(f"\n{line}\n" if self._is_inside else f"{line}\n")

    def _write(self, text: str) -> None:
        if text:
            self._out.write(text)
            self._out.flush()
            self._is_inside = not text.endswith("\n")
