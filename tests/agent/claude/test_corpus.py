"""Every recorded reply: the same blocks, calls and stop reason as its index says."""

import json
from pathlib import Path

import pytest

from agent.claude.blocks import parse_input
from agent.claude.reply import CallConfirmed, Reply
from agent.claude.sse import EventDecoder
from agent.claude.stop_reasons import meaning

SHARED = Path(__file__).parents[4] / "shared" / "corpus"
CORPUS = SHARED if SHARED.exists() else Path(__file__).parents[2] / "recordings"
"""Recordings of the real API where they are, otherwise the few that come with the project."""

FILES = sorted(
    file for kind in ("exchanges", "handmade", "derived") for file in (CORPUS / kind).glob("*.json")
)


def events(response):
    """Give the events of a recorded response; one that was not streamed is one whole message."""
    if response["kind"] == "sse":
        return EventDecoder().feed(response["body"].encode() + b"\n\n")
    message = json.loads(response["body"])
    if message.get("type") != "message":
        return []
    reason = message.pop("stop_reason", None)
    return [
        {"type": "message_start", "message": message},
        {"type": "message_delta", "delta": {"stop_reason": reason}},
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recorded_reply_has_the_blocks_calls_and_stop_reason_of_its_index(file):
    exchange = json.loads(file.read_text())
    reply = Reply()
    given = [each for event in events(exchange["response"]) for each in reply.feed(event)]
    if exchange["provenance"] != "derived":  # whose index is that of the reply it was made from
        assert [block.type for block in reply.blocks] == (exchange["blocks"] or [])
        assert reply.stop_reason == exchange["stop_reason"]
        assert len(reply.calls()) == exchange["n_tool_use"]

    calls = [each for each in given if isinstance(each, CallConfirmed)]
    usable = [
        number
        for number, block in enumerate(reply.blocks)
        if block.type == "tool_use"
        and block.is_stopped
        and (block.raw_input() is None or parse_input(block.raw_input()) is not None)
        and (block.has_moved_on or meaning(reply.stop_reason).confirms)
    ]
    assert [call.block for call in calls] == usable
