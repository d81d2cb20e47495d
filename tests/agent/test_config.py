from pathlib import Path

import pytest

from agent import Agent
from agent.claude.profile import CLAUDE, COMPATIBLE
from agent.config import read
from agent.errors import ConfigurationError
from agent.limits import Limits

GIVEN = {
    "model": "m",
    "workspace": "/w",
    "data_dir": None,
    "base_url": None,
    "api_key": None,
    "profile": None,
    "limits": None,
}


def config(environment=None, **given):
    return read(**{**GIVEN, **given}, environment={"HOME": "/home/me", **(environment or {})})


def test_what_is_not_given_comes_from_the_environment():
    variables = {
        "ANTHROPIC_MODEL": "claude-x",
        "ANTHROPIC_BASE_URL": "http://localhost:11434",
        "MAX_STEPS": "7",
        "XDG_DATA_HOME": "/data",
    }
    found = config(variables, model=None)

    assert (found.model, found.limits.steps) == ("claude-x", 7)
    assert found.client.base_url == "http://localhost:11434"
    assert found.client.server is COMPATIBLE
    assert found.data_dir == Path("/data/toolloop")


def test_what_is_given_holds_against_the_environment():
    found = config({"ANTHROPIC_MODEL": "other", "MAX_STEPS": "7"}, limits=Limits(steps=3))
    assert (found.model, found.limits.steps) == ("m", 3)
    assert config({"ANTHROPIC_BASE_URL": "http://x"}, profile="claude").client.server is CLAUDE


def test_addresses_are_listed_or_come_from_the_environment_by_commas():
    variables = {"TOOLLOOP_ALLOWED_ADDRESSES": "localhost:8000, 10.0.0.0/8,"}
    assert config(variables).allowed_addresses == ("localhost:8000", "10.0.0.0/8")
    assert config(variables, allowed_addresses=[]).allowed_addresses == ()
    assert config().allowed_addresses == ()


@pytest.mark.parametrize(
    ("environment", "given", "told"),
    [
        ({}, {"model": None}, "No model is named: give model=, or set ANTHROPIC_MODEL"),
        ({"MAX_STEPS": "many"}, {}, "MAX_STEPS: 'many' is not a number of requests"),
        ({"MAX_STEPS": "0"}, {}, "MAX_STEPS: '0'"),
        ({"TOOLLOOP_ALLOWED_ADDRESSES": "a b"}, {}, "TOOLLOOP_ALLOWED_ADDRESSES: allowed address"),
        ({}, {"allowed_addresses": ["10.0.0.0/99"]}, "allowed_addresses: .* is no network"),
        ({}, {"allowed_addresses": "localhost"}, "'localhost' is one text; give a list"),
        ({"TOOLLOOP_PREVIEW": "tv"}, {}, "TOOLLOOP_PREVIEW: 'tv'; it is 'window', or not set"),
        ({}, {"profile": "openai"}, "profile: 'openai'; there are claude, compatible"),
    ],
)
def test_what_cannot_be_is_told_with_what_to_do(environment, given, told):
    with pytest.raises(ConfigurationError, match=told):
        config(environment, **given)


async def test_a_workspace_that_is_no_folder_is_told_at_the_start(tmp_path):
    agent = Agent(model="m", workspace=tmp_path / "gone", data_dir=tmp_path, builtin_tools=False)
    with pytest.raises(ConfigurationError, match="the workspace is not a folder"):
        await agent.session("x")
    await agent.close()


def test_approvals_are_allow_a_mapping_or_a_judge():
    with pytest.raises(ConfigurationError, match="'perhaps'; it is 'allow', 'ask', a mapping of"):
        Agent(model="m", approvals="perhaps", builtin_tools=False)
    with pytest.raises(ConfigurationError, match="'put' is 'maybe'; a tool is one of deny, ask,"):
        Agent(model="m", approvals={"put": "maybe"}, builtin_tools=False)
