"""What a session needs before it goes on after a cut."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.session.entries import Answer, Blocks, Intent, ReplyEnd, Result
from agent.session.history import ReplyState
from agent.session.prefix import THINKING, answerable, has_server_effect
from agent.session.recovery import (
    INTERRUPTED,
    NOT_EXECUTED,
    UNKNOWN,
    close,
    loose_calls,
    made_up,
)

TEXT = {"type": "text", "text": "Hm."}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "sig"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "write", "input": {}}
EFFECTS = {"read": "none", "write": "effectful", "put": "idempotent"}


def call(name):
    return {**CALL, "name": name}


def server(key, name="web_search"):
    return {"type": "server_tool_use", "id": key, "name": name, "input": {}}


def found(key):
    return {"type": "web_search_tool_result", "tool_use_id": key, "content": []}


def state(*blocks, intents=(), results=()):
    made = ReplyState(4)
    made.apply(Blocks(4, list(enumerate(blocks))))
    for place in intents:
        made.apply(Intent(4, place, "effectful"))
    for place in results:
        made.apply(Result(4, place, [TEXT]))
    return made


@pytest.mark.parametrize(
    ("blocks", "is_sure", "kept"),
    [
        ([], True, 0),
        ([TEXT], False, 1),
        ([THOUGHT], True, 0),
        ([TEXT, THOUGHT, {"type": "redacted_thinking", "data": "x"}], True, 1),
        ([THOUGHT, CALL], True, 2),
        ([THOUGHT, CALL], False, 0),
        ([TEXT, CALL, TEXT], False, 3),
        ([TEXT, server("a")], True, 1),
        ([TEXT, server("a"), found("a")], True, 3),
        ([TEXT, server("a"), found("a"), server("b"), TEXT], True, 3),
        ([CALL, server("a")], False, 1),
        ([THOUGHT, server("a")], True, 0),
    ],
)
def test_a_cut_reply_keeps_what_can_be_answered(blocks, is_sure, kept):
    assert answerable(blocks, last_call_is_sure=is_sure) == kept


BLOCKS = st.sampled_from([TEXT, THOUGHT, CALL, server("a"), server("b"), found("a"), found("b")])


@given(st.lists(BLOCKS, max_size=7, unique_by=str), st.booleans())
@example([server("a"), server("b"), found("a")], False)
@settings(deadline=None)
def test_what_is_kept_ends_in_no_thought_and_holds_the_answers_of_its_server_calls(blocks, is_sure):
    kept = blocks[: answerable(blocks, last_call_is_sure=is_sure)]
    assert not kept or kept[-1]["type"] not in THINKING
    asked = [each["id"] for each in kept if each["type"] == "server_tool_use"]
    answered = {each["tool_use_id"] for each in kept if "tool_use_id" in each}
    assert set(asked) <= answered


@pytest.mark.parametrize(
    ("blocks", "has_effect"),
    [
        ([], False),
        ([TEXT, CALL], False),
        ([server("a"), found("a")], False),
        ([server("a", "code_execution")], True),
        ([{**server("a", "post"), "type": "mcp_tool_use"}], True),
    ],
)
def test_a_server_tool_that_is_not_known_to_be_harmless_may_have_acted(blocks, has_effect):
    assert has_server_effect(blocks) is has_effect


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        (state(), 0),
        (state(TEXT, CALL), 0),
        (state(TEXT, server("a"), found("a")), 0),
        (state(TEXT, server("a", "code_execution"), TEXT), 1),
        (state(TEXT, CALL, intents=[1]), 2),
        (state(TEXT, CALL, results=[1]), 2),
        (state(CALL, CALL, intents=[0]), 1),
        (state(CALL, CALL, TEXT, intents=[0]), 3),
        (state(CALL, THOUGHT, intents=[0]), 1),
    ],
)
def test_a_reply_that_a_crash_left_open_is_cut_where_it_can_be_answered_or_dropped(reply, kept):
    assert close(reply, "why") == ReplyEnd(4, kept, why="why")


def test_blocks_behind_one_that_is_missing_are_not_kept():
    reply = ReplyState(4)
    reply.apply(Blocks(4, [(0, TEXT), (2, CALL)]))
    reply.apply(Result(4, 2, [TEXT]))
    assert close(reply, "why").kept == 1


@pytest.mark.parametrize(
    ("name", "has_intent", "has_lost", "text"),
    [
        ("read", False, False, INTERRUPTED),
        ("read", False, True, INTERRUPTED),
        ("write", False, False, NOT_EXECUTED),
        ("write", True, False, UNKNOWN),
        ("write", False, True, UNKNOWN),
        ("put", False, False, NOT_EXECUTED),
        ("put", True, False, UNKNOWN),
        ("put", False, True, UNKNOWN),
        ("gone", False, False, NOT_EXECUTED),
        ("gone", False, True, UNKNOWN),
        ("gone", True, False, UNKNOWN),
    ],
)
def test_a_call_without_a_result_is_answered_by_what_the_journal_knows(
    name, has_intent, has_lost, text
):
    reply = state(call(name), TEXT, intents=[0] * has_intent)
    reply.has_lost_entries = has_lost
    reply.apply(ReplyEnd(4, 2))
    (loose,) = loose_calls(reply, EFFECTS)
    assert (loose.block, loose.call, loose.text) == (0, call(name), text)
    assert loose.is_unknown is (text == UNKNOWN)
    assert ("not executed" in text.lower()) is not loose.is_unknown


def test_only_kept_calls_without_results_need_answers():
    reply = state(call("read"), call("write"), TEXT, call("read"), call("read"), results=[1])
    reply.apply(ReplyEnd(4, 4))
    loose = loose_calls(reply, EFFECTS)
    assert [each.block for each in loose] == [0, 3]
    assert made_up(loose) == [Answer(0, INTERRUPTED), Answer(3, INTERRUPTED)]
