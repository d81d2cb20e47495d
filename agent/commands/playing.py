"""A recording played through the real loop: scripted or recorded replies, real tools.

The rules that this file keeps:

- the tools work in a throw-away workspace, which holds what the recording brings and is removed at
  the end;
- a recording's pages are served meanwhile, and its browser reaches nothing else of this machine;
- a reply that was interrupted when it was recorded is interrupted here too;
- a call that fails here, and did not when it was recorded, ends the play: what comes after it would
  tell of what did not happen.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeAlias

from agent.builtin import Group
from agent.claude.recording import End, Recording, RecordingError
from agent.claude.replay import ReplayModel
from agent.claude.replay_hold import END, Hold
from agent.commands.stage import Stage
from agent.commands.surroundings import browser_for, python_on_path, served
from agent.commands.together import drawn
from agent.recordings import lay_out
from agent.runtime import Agent
from agent.session.session import Session
from agent.terminal.streams import BROKEN_PIPE, give_up

if TYPE_CHECKING:
    from tools.browser.browsing import Browsing

AgentFactory: TypeAlias = Callable[[ReplayModel, Path, Path], Agent]
"""Makes an agent of what answers it, its workspace and its data folder."""


def perform(
    recording: Recording, out: TextIO, *, speed: float | None = 1.0, timeline: bool = False
) -> int:
    """Play a recording on the real tools; give the exit code of a command.

    Raises:
        RecordingError: what it brings cannot be laid out or served.
        BrowserError: it needs a browser, and there is none.
    """
    try:
        with python_on_path():
            is_good = asyncio.run(_performed(recording, out, speed, timeline=timeline))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        give_up(out)
        return BROKEN_PIPE
    return 0 if is_good else 1


async def _performed(
    recording: Recording, out: TextIO, speed: float | None, *, timeline: bool
) -> bool:
    if not recording.pages:
        return await play(recording, on_real_tools, out, speed=speed, timeline=timeline)
    async with served(recording) as (shown, address), browser_for(address) as browsing:
        agent_factory = partial(on_real_tools, browsing=browsing)
        return await play(shown, agent_factory, out, speed=speed, timeline=timeline)


def on_real_tools(
    model: ReplayModel, workspace: Path, data_dir: Path, browsing: "Browsing | None" = None
) -> Agent:
    """Make an agent that may do everything in its throw-away workspace."""
    groups: tuple[Group, ...] = ("workspace",) if browsing is None else ("workspace", "browser")
    return Agent(
        model=model,
        workspace=workspace,
        data_dir=data_dir,
        builtin_tools=groups,
        approvals="allow",
        tells_date=False,
        services={} if browsing is None else {type(browsing): browsing},
    )


async def play(
    recording: Recording,
    agent_factory: AgentFactory,
    out: TextIO,
    *,
    speed: float | None = 1.0,
    timeline: bool = False,
) -> bool:
    """Play a recording, and show what happens; give whether it went as recorded."""
    model = ReplayModel(recording, speed, strict="outcomes")
    stage = Stage(out, model)
    stage.open(recording)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="toolloop-replay-"))
    try:
        workspace = folder / "workspace"
        await asyncio.to_thread(workspace.mkdir)
        await asyncio.to_thread(lay_out, recording, workspace)
        async with agent_factory(model, workspace, folder / "data") as agent:
            session = await agent.session()
            is_good = await _turns(recording, model, session, stage)
        ran = await asyncio.to_thread(drawn, folder / "data", session.id) if timeline else ""
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    stage.close(ran)
    return is_good and not model.left


async def _turns(recording: Recording, model: ReplayModel, session: Session, stage: Stage) -> bool:
    """Say what was said, turn by turn, until one fails."""
    cuts = [
        model.hold(END, reply=number)
        for number, reply in enumerate(recording.replies)
        if reply.ending is End.CUT
    ]
    interrupter = asyncio.create_task(_interrupt(session, cuts))
    try:
        for said in recording.turns():
            stage.said(said)
            async for event in session.send(said):
                stage.take(event)
            if stage.error:
                return False
    finally:
        interrupter.cancel()
        await asyncio.wait({interrupter})
    return True


async def _interrupt(session: Session, cuts: Iterable[Hold]) -> None:
    """Interrupt the turn where that was done when it was recorded."""
    for cut in cuts:
        with suppress(RecordingError):  # the reply was left before
            await cut.reached()
            session.interrupt()
            cut.release()
