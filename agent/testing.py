"""A pytest plugin: the fixture `replay`, to test tools on recorded conversations.

::

    def test_the_words_of_the_readme_are_counted(replay):
        result = replay.run("recordings/word_count.jsonl", "How long is it?", tools=[word_count])
        assert result.calls[0].text == "3 words"

    async def test_the_same_with_an_agent(replay):
        async with replay.agent("recordings/word_count.jsonl", tools=[word_count]) as agent:
            result = await (await agent.session()).ask("How long is it?")
        assert result.calls[0].text == "3 words"

The tools are real and run through the real loop; what the model says comes from the recording, at
once. A test fails when the conversation was not the recorded one, when it left recorded replies
unused, and when it left an agent open.

Nothing of the runtime is imported before a test asks for the fixture.
"""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from agent.claude.recording import Recording
    from agent.claude.replay import ReplayModel
    from agent.runtime import Agent
    from agent.session.content import Content
    from agent.turn import TurnResult


class Replay:
    """What the fixture gives: agents whose model is a recording.

    A recording is named by its file, relative to the test's own; or it is one that was read.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder = folder
        self._scratch = scratch
        self._models: list[ReplayModel] = []
        self._agents: list[Agent] = []

    def __repr__(self) -> str:
        return f"<Replay {self._models!r}>"

    def model(
        self,
        recording: "str | Path | Recording",
        *,
        speed: float | None = None,
        strict: Literal["ids", "all"] = "ids",
    ) -> "ReplayModel":
        """Give a model that plays a recording: to hold it at a point, or for an agent of your own.

        Args:
            recording: what it plays.
            speed: None is at once, 1.0 the recorded timing.
            strict: `"all"` asks for the recorded results and words too, not only for the calls.

        Raises:
            RecordingError: it cannot be read.
        """
        from agent.claude.recording_reading import read  # noqa: PLC0415  (see the module)
        from agent.claude.replay import ReplayModel  # noqa: PLC0415  (see the module)

        if isinstance(recording, str | Path):
            recording = read(self._folder / recording)
        model = ReplayModel(recording, speed, strict=strict)
        self._models.append(model)
        return model

    def agent(
        self,
        recording: "str | Path | Recording | ReplayModel",
        *,
        tools: Any = (),
        speed: float | None = None,
        strict: Literal["ids", "all"] = "ids",
        **more: Any,
    ) -> "Agent":
        """Make an agent that a recording answers, to be used with `async with`.

        Its workspace and its data folder are the test's own; the workspace holds the files that the
        recording brings. `more` goes to `Agent`; `speed` and `strict` are as for `model`.
        """
        from agent.recordings import lay_out  # noqa: PLC0415  (see the module)
        from agent.runtime import Agent  # noqa: PLC0415  (see the module)

        model = self._known(recording, speed, strict)
        folder = self._scratch / f"replay-{len(self._agents)}"
        workspace = folder / "workspace"
        workspace.mkdir(parents=True)
        lay_out(model.recording, workspace)
        own = {"workspace": workspace, "data_dir": folder / "data", "tells_date": False}
        agent = Agent(model=model, tools=tools, **{**own, "approvals": "allow", **more})
        self._agents.append(agent)
        return agent

    def run(
        self,
        recording: "str | Path | Recording | ReplayModel",
        message: str = "",
        *,
        speed: float | None = None,
        strict: Literal["ids", "all"] = "ids",
        **more: Any,
    ) -> "TurnResult":
        """Send a message, or else the first recorded one, and give the turn that answers it.

        For tests that are plain functions: it runs an event loop of its own. The rest is as for
        `agent`.
        """
        import asyncio  # noqa: PLC0415  (see the module)

        model = self._known(recording, speed, strict)
        said = message or next(iter(model.recording.turns()), "")
        return asyncio.run(_ask(self.agent(model, **more), said))

    def _known(
        self,
        recording: "str | Path | Recording | ReplayModel",
        speed: float | None,
        strict: Literal["ids", "all"],
    ) -> "ReplayModel":
        """Give the model of a recording, and look at what becomes of it."""
        from agent.claude.replay import ReplayModel  # noqa: PLC0415  (see the module)

        if not isinstance(recording, ReplayModel):
            return self.model(recording, speed=speed, strict=strict)
        if recording not in self._models:
            self._models.append(recording)
        return recording

    def problem(self) -> str:
        """Say what is wrong when the test has ended; nothing, when all went as recorded."""
        for model in self._models:
            if model.mismatches:
                return str(model.mismatches[0])
            if model.left:
                return (
                    f"{model.left} of the {model.used + model.left} replies of {model.name} were "
                    "not asked for: the recording has more turns than the test, or a turn ended "
                    "early"
                )
        if any(not agent.is_closed for agent in self._agents):
            return "an agent was left open: use `async with replay.agent(...) as agent:`"
        return ""


async def _ask(agent: "Agent", said: "Content") -> "TurnResult":
    async with agent:
        session = await agent.session()
        return await session.ask(said)


@pytest.fixture
def replay(request: pytest.FixtureRequest, tmp_path: Path) -> Replay:
    """Agents whose model is a recording: `replay.run(...)`, `replay.agent(...)`."""
    lent = Replay(request.path.parent, tmp_path)
    request.node.stash[_LENT] = lent
    return lent


_LENT = pytest.StashKey[Replay]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Hold the test against its recordings, once it has run."""
    try:
        yield
    except BaseException:
        lent = item.stash.get(_LENT, None)
        if lent is not None and (found := lent.problem()):
            item.add_report_section("call", "replay", found)
        raise
    lent = item.stash.get(_LENT, None)
    if lent is not None and (found := lent.problem()):
        pytest.fail(found, pytrace=False)
