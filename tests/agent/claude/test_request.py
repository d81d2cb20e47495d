import json

from agent.claude.profile import CLAUDE, COMPATIBLE
from agent.claude.request import Settings, betas, head
from agent.session.transcript import Transcript

TOOLS = [
    {"name": "one", "description": "", "input_schema": {"type": "object"}},
    {"name": "two", "description": "", "input_schema": {"type": "object"}},
]
MARKER = {"type": "ephemeral"}


def request(settings, profile, **more):
    transcript = Transcript()
    transcript.add("user", [b'{"type":"text","text":"hi"}'])
    begin = head(settings, "You help.", TOOLS, profile)
    return json.loads(transcript.body(begin, more, is_marked=profile.has_cache))


def test_the_claude_api_is_told_what_to_cache():
    body = request(Settings("m", 10), CLAUDE)

    assert [tool.get("cache_control") for tool in body["tools"]] == [None, MARKER]
    assert body["system"] == [{"type": "text", "text": "You help.", "cache_control": MARKER}]
    assert body["messages"][0]["content"][0]["cache_control"] == MARKER


def test_a_compatible_server_is_sent_nothing_that_it_does_not_know():
    settings = Settings("m", 10, compacts=True)
    body = request(settings, COMPATIBLE)

    assert "cache_control" not in json.dumps(body)
    assert {*body} == {"model", "max_tokens", "stream", "tools", "system", "messages"}
    assert betas(settings, COMPATIBLE) == ()


def test_a_long_conversation_is_compacted_by_the_server_where_it_offers_that():
    settings = Settings("m", 10, compacts=True)
    body = request(settings, CLAUDE)

    assert body["context_management"] == {"edits": [{"type": "compact_20260112"}]}
    assert betas(settings, CLAUDE) == ("compact-2026-01-12",)


def test_what_the_user_adds_is_sent_along_and_what_is_empty_is_left_out():
    settings = Settings("m", 10, {"type": "adaptive"}, extra={"output_config": {"effort": "low"}})
    body = request(settings, CLAUDE, container="c_1")
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": "low"}
    assert body["container"] == "c_1"
    assert json.loads(head(Settings("m", 10), " ", [], CLAUDE)[:-1] + b"}") == {
        "model": "m",
        "max_tokens": 10,
        "stream": True,
    }
