"""The pytest plugin, in projects of its own: each is run by a pytest of its own."""

import subprocess
import sys

import pytest

from agent.claude.recording import Batch, End, RecordedReply, Recording
from agent.claude.recording_writing import whole
from tests.agent.claude import streams

pytest_plugins = ["pytester"]

HELLO = {"role": "user", "content": "How long is it?"}
CALL = {"type": "tool_use", "id": "t1", "name": "word_count", "input": {"path": "a.txt"}}
TALK = [
    HELLO,
    {"role": "assistant", "content": [CALL]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "3"}]},
]


def replied(messages, *events):
    batches = tuple(Batch(0.0, (event,)) for event in (streams.start(), *events))
    return RecordedReply(0.0, {"messages": messages}, batches, End.WHOLE, 0.0)


RECORDING = Recording(
    "word_count",
    "Words",
    "recorded",
    "m",
    "",
    (
        replied(
            TALK[:1],
            streams.call(0, "word_count", id="t1"),
            streams.part(0, '{"path": "a.txt"}'),
            streams.stop(0),
            streams.end("tool_use"),
        ),
        replied(
            TALK,
            streams.block(0, "text", text="Three."),
            streams.stop(0),
            streams.end("end_turn"),
        ),
    ),
    {"a.txt": "one two three\n"},
)

TOOL = '''
import asyncio
import pytest
from agent import Agent
from tools import ToolClass, ToolContext, tool

@tool(ToolClass.LOCAL_READ, path="path")
def word_count(path: str, context: ToolContext) -> str:
    """Count a file's words."""
    return str(len((context.workspace / path).read_text().split()))

OWN = {"tools": [word_count], "builtin_tools": False}
'''

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


@pytest.fixture
def project(pytester):
    """Give what runs tests in a project that has a recording; it gives their outcome."""
    folder = pytester.mkdir("recordings")
    (folder / "word_count.jsonl").write_bytes(whole(RECORDING))

    pytester.makeini(INI)

    def run(body):
        pytester.makepyfile(TOOL + body)
        # Under its own name, whether or not it is installed as a plugin.
        return pytester.runpytest_subprocess("-p", "no:toolloop", "-p", "agent.testing")

    return run


def test_a_tool_is_tested_in_a_plain_function(project):
    result = project("""
def test_it(replay):
    result = replay.run("recordings/word_count.jsonl", "How long?", **OWN)
    assert [call.text for call in result.calls] == ["3"]
    assert result.text == "Three."

def test_the_recorded_message_is_said_where_none_is_given(replay):
    result = replay.run("recordings/word_count.jsonl", strict="all", **OWN)
    assert result.error == ""
""")
    result.assert_outcomes(passed=2)


def test_a_tool_is_tested_with_an_agent(project):
    result = project("""
async def test_it(replay, tmp_path):
    async with replay.agent("recordings/word_count.jsonl", **OWN) as agent:
        result = await (await agent.session()).ask("How long?")
        assert agent.config.workspace.is_relative_to(tmp_path)
        assert agent.config.data_dir.is_relative_to(tmp_path)
    assert result.calls[0].text == "3"
""")
    result.assert_outcomes(passed=1)


def test_a_test_may_hold_the_replay_and_make_its_own_agent(project):
    result = project("""
def test_it(replay, tmp_path):
    model = replay.model("recordings/word_count.jsonl")
    (tmp_path / "a.txt").write_text("one")

    async def talk():
        hold = model.hold("message_delta", reply=1)
        agent = Agent(model=model, workspace=tmp_path, data_dir=tmp_path / "d", **OWN)
        async with agent:
            turn = (await agent.session()).send("How long?")
            await hold.reached()
            hold.release()
            return await turn.result()

    assert asyncio.run(talk()).calls[0].text == "1"

def test_a_model_can_be_given_to_an_agent_of_the_fixture(replay):
    model = replay.model("recordings/word_count.jsonl")
    assert replay.run(model, **OWN).calls[0].text == "3"
    assert model.left == 0

def test_two_agents_have_two_workspaces(replay):
    for _ in range(2):
        assert replay.run("recordings/word_count.jsonl", **OWN).calls[0].text == "3"
""")
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            """
@tool(ToolClass.LOCAL_READ, name="word_count")
def other(path: str) -> str:
    '''Count otherwise.'''
    return "4"

def test_it(replay):
    replay.run("recordings/word_count.jsonl", strict="all", tools=[other], builtin_tools=False)
""",
            "Request 2 is not the one *: the result of t1 was '3' when recorded; now it is '4'. *",
        ),
        (
            """
def test_it(replay):
    replay.run("recordings/word_count.jsonl", limits=ONE, **OWN)

from agent import Limits
ONE = Limits(steps=1)
""",
            "1 of the 2 replies of *word_count.jsonl were not asked for: *",
        ),
        (
            """
def test_it(replay):
    replay.model("recordings/word_count.jsonl")
""",
            "2 of the 2 replies of *word_count.jsonl were not asked for: *",
        ),
        (
            """
from agent.claude.recording_reading import read
from dataclasses import replace
from pathlib import Path

def test_it(replay):
    known = read(Path(__file__).parent / "recordings/word_count.jsonl")
    replay.agent(replace(known, replies=()), **OWN)
""",
            "an agent was left open: use `async with replay.agent(...) as agent:`",
        ),
    ],
    ids=["mismatch", "unused", "never asked", "left open"],
)
def test_a_test_fails_that_did_not_go_as_recorded(project, body, told):
    result = project(body)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([told])


def test_a_failing_test_is_told_what_was_not_as_recorded(project):
    result = project("""
def test_it(replay):
    result = replay.run("recordings/word_count.jsonl", tools=[], builtin_tools=False, strict="all")
    assert result.text == "Three."
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*AssertionError*", "*- Captured replay call -*", "Request 2 is not the one*"]
    )


def test_a_failing_test_that_went_as_recorded_has_nothing_added(project):
    result = project("""
def test_it(replay):
    assert replay.run("recordings/word_count.jsonl", **OWN).text == "Four."
""")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*Captured replay call*")


def test_a_recording_that_is_not_there_fails_the_test(project):
    result = project("""
def test_it(replay):
    replay.run("recordings/none.jsonl")
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*RecordingError: *none.jsonl' cannot be read: No such file*"])


def test_the_plugin_does_nothing_where_it_is_not_used(project):
    result = project("""
def test_it():
    pass

def test_that_fails():
    raise KeyError

def test_that_skips():
    pytest.skip()
""")
    result.assert_outcomes(passed=1, failed=1, skipped=1)


def test_a_fixture_of_the_projects_own_of_that_name_counts(project):
    result = project("""
@pytest.fixture
def replay():
    return "mine"

def test_it(replay):
    assert replay == "mine"
""")
    result.assert_outcomes(passed=1)


def test_the_plugin_imports_nothing_of_the_runtime():
    program = (
        "import sys, agent.testing\n"
        "print(sorted(each for each in sys.modules "
        "if each.split('.')[0] in {'agent', 'tools', 'scheduler', 'anthropic', 'pydantic'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['agent', 'agent.testing']\n"
