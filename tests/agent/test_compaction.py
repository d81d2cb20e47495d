"""A long session against a server that makes long conversations short: nothing is cut here."""

import json

from agent.claude.loopback import LoopbackModel
from agent.claude.loopback_models import Limits
from agent.claude.request import COMPACTION, COMPACTION_BETA
from agent.claude.script import Call, Text, frame, reply
from agent.runtime import Agent
from tests.agent.loopback_agent import Diary, replied, tools_of, unmarked

MODEL = "claude-compacting"
MOST = 6_000
"""Characters of a conversation at which the server compacts it."""


def since_compaction(messages):
    """Give what the server still looks at: the last compaction block, and all after it."""
    blocks = [block for message in messages for block in message["content"]]
    places = [place for place, block in enumerate(blocks) if block["type"] == "compaction"]
    return blocks[places[-1] :] if places else blocks


def compacted(summary):
    """Give a compaction block as it streams: empty, then all of it in one delta."""
    start = {"type": "content_block_start", "index": 0}
    delta = {"type": "compaction_delta", "content": summary}
    return [
        {**start, "content_block": {"type": "compaction", "content": None}},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
    ]


def shifted(script):
    """Give a reply's frames with a compaction block before its own blocks."""
    frames = []
    for each in script:
        event = json.loads(each.split(b"data: ", 1)[1])
        if "index" in event:
            event["index"] += 1
        frames.append(event)
    return frames


class Compacting:
    """Answers a message with a call and then a text; what got too long is compacted first."""

    def __init__(self):
        self.compactions = 0
        self.longest = 0

    def __call__(self, body, number):
        seen = len(json.dumps(since_compaction(body["messages"])))
        self.longest = max(self.longest, seen)
        last = body["messages"][-1]["content"][-1]
        if last["type"] == "tool_result":
            answer = reply(Text("Looked. " * 40))
        else:
            answer = reply(Call(f"toolu_{number}", "look", {"n": number}))
        if seen < MOST:
            return answer
        self.compactions += 1
        first, *rest = shifted(answer)
        return [frame(each) for each in (first, *compacted(f"summary {self.compactions}"), *rest)]


async def test_a_long_session_is_compacted_by_the_server_and_never_cut_here(tmp_path):
    answering = Compacting()
    models = {MODEL: Limits(200_000, 64_000, compacts=True)}
    async with (
        LoopbackModel(answering, models=models) as server,
        Agent(
            model=MODEL,
            base_url=server.url,
            api_key="x",
            profile="claude",
            workspace=tmp_path,
            data_dir=tmp_path / "data",
            tools=tools_of(Diary()),
            builtin_tools=False,
            tells_date=False,
        ) as agent,
    ):
        session = await agent.session("long")
        await session.ask("Look first.")
        for turn in range(60):
            result = await session.ask(f"And look again, {turn}.")
            assert (result.stop_reason, result.error) == ("end_turn", "")

    assert server.refused == []
    asked = server.requests[-1]
    assert asked.body["context_management"] == {"edits": [{"type": COMPACTION}]}
    assert COMPACTION_BETA in asked.headers["anthropic-beta"]
    assert answering.compactions > 3
    assert answering.longest < 2 * MOST
    before, after = (unmarked(each.body["messages"]) for each in server.requests[-2:])
    assert after[: len(before)] == before
    kept = [block for each in after for block in each["content"] if block["type"] == "compaction"]
    assert [block["content"] for block in kept] == [
        f"summary {number + 1}" for number in range(len(kept))
    ]
    assert replied(asked.body)[0]["type"] in {"tool_use", "compaction"}


async def test_a_reply_that_ends_in_a_compaction_is_gone_on_with(tmp_path):
    first, *rest = shifted(reply(stop_reason="compaction"))
    paused = [frame(each) for each in (first, *compacted("so far"), *rest)]
    replies = [paused, reply(Text("And on."))]
    async with (
        LoopbackModel(replies, models={MODEL: Limits(200_000, 64_000, compacts=True)}) as server,
        Agent(
            model=MODEL,
            base_url=server.url,
            api_key="x",
            profile="claude",
            workspace=tmp_path,
            data_dir=tmp_path / "data",
            builtin_tools=False,
            tells_date=False,
        ) as agent,
    ):
        session = await agent.session("paused")
        result = await session.ask("Go on for long.")
    assert server.refused == []
    assert (result.text, result.stop_reason) == ("And on.", "end_turn")
    assert [block["type"] for block in replied(server.requests[1].body)] == ["compaction"]
