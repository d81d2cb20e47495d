"""Blocks as they go back: unchanged where that can be, in one fixed form where it cannot."""

import contextlib
import copy
import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.claude.checking import Rules, parsed, problem
from agent.claude.wire import NAME, SHOWN, clean_text, encode, finite, outgoing

HALVES = st.text(st.characters(categories=["Cs", "Ll", "Zs"]), max_size=8)
WORDS = st.text(max_size=8) | HALVES
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
NAMES = st.text(max_size=8)
CLEAN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)

# A reply's own input: whole JSON as it was parsed, or the raw text that could not be.
INPUTS = st.dictionaries(WORDS, VALUES, max_size=3) | WORDS | st.none() | st.lists(st.integers())
IDS = st.sampled_from(["", "a", "b", "toolu_01", "call_10"]) | st.none()
"""Few of them, so that they come again."""

TEXTS = st.builds(lambda said: {"type": "text", "text": said}, WORDS)
THOUGHTS = st.builds(
    lambda said, signed: {"type": "thinking", "thinking": said, "signature": signed},
    WORDS,
    st.text(min_size=1),
)
OTHERS = st.builds(lambda said: {"type": "hologram", "text": said, "depth": None}, WORDS)
CALLS = st.builds(
    lambda identity, name, given: {
        "type": "tool_use",
        "id": identity,
        "name": name,
        "input": given,
    },
    IDS,
    WORDS | st.none() | st.sampled_from(["read", "write_file", "n" * 200]),
    INPUTS,
)
REPLIES = st.lists(st.lists(TEXTS | THOUGHTS | OTHERS | CALLS, max_size=6), min_size=1, max_size=4)
SERVER = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search"}


def ids_of(blocks):
    return [block["id"] for block in blocks if block.get("type") == "tool_use"]


def request(replies):
    """Make a conversation of replies in which every call is answered."""
    messages = [{"role": "user", "content": "Go."}]
    for blocks in replies:
        # A reply that ends in thinking is none of this module's concern.
        messages.append({"role": "assistant", "content": [*blocks, {"type": "text", "text": "."}]})
        answers = [{"type": "tool_result", "tool_use_id": call} for call in ids_of(blocks)]
        messages.append({"role": "user", "content": [*answers, {"type": "text", "text": "Go on."}]})
    return {"model": "claude-opus-5-5", "max_tokens": 9, "messages": messages}


# -- any reply ---------------------------------------------------------------------------------


@given(REPLIES)
def test_whatever_replies_came_their_conversation_is_accepted(replies):
    known = set()
    sent = [outgoing(blocks, number, known) for number, blocks in enumerate(replies)]

    for blocks, out in zip(replies, sent, strict=True):
        assert len(blocks) == len(out), "one out for each one in"
    standing = [[block for block in out if block] for out in sent]
    body = encode(request(standing))
    assert problem(parsed(body), Rules(strict_blocks=False)) is None
    ids = [identity for out in standing for identity in ids_of(out)]
    assert len(ids) == len(set(ids))
    assert known == set(ids)


@given(REPLIES)
def test_the_same_replies_always_have_the_same_bytes_and_are_left_as_they_were(replies):
    before = copy.deepcopy(replies)
    known, again = set(), set()
    first = [encode(outgoing(blocks, n, known)) for n, blocks in enumerate(replies)]
    second = [encode(outgoing(blocks, n, again)) for n, blocks in enumerate(replies)]

    assert first == second
    assert repr(replies) == repr(before)


@given(st.lists(st.dictionaries(NAMES, CLEAN, max_size=3), max_size=2))
def test_calls_that_can_go_back_do_so_as_they_are(inputs):
    calls = [
        {"type": "tool_use", "id": f"toolu_{n}", "name": "read", "input": given, "caller": None}
        for n, given in enumerate(inputs)
    ]
    assert outgoing(calls, 0, set()) == calls


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "thinking", "thinking": " \n", "signature": ""},
        {"type": "redacted_thinking", "data": "x/+=="},
        {"type": "text", "text": " a ", "citations": [{"type": "new"}]},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "fallback", "from": {}, "to": {}},
        {"type": "compaction", "content": None},
        {**SERVER, "input": {"query": "q"}},
        {"no": "type"},
    ],
)
def test_other_blocks_go_back_as_they_came(block):
    assert outgoing([block], 0, set()) == [block]


# -- what cannot go back as it came ------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", "\n\t", None])
def test_a_blank_text_is_left_out(text):
    assert outgoing([{"type": "text", "text": text}], 0, set()) == [{}]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ('{"path": ', '{"path": '),
        ("", ""),
        (None, "null"),
        ([1, "é"], '[1,"é"]'),
        (7, "7"),
        ("x" * (SHOWN + 1), "x" * SHOWN),
    ],
)
@pytest.mark.parametrize("block", [{"type": "tool_use", "id": "a", "name": "b"}, SERVER])
def test_an_input_that_is_no_object_is_shown_as_it_was(block, given, sent):
    (out,) = outgoing([{**block, "input": given}], 0, set())
    assert out["input"] == {"unparsed_input": sent}


@pytest.mark.parametrize("given", [["\ud83e"], [math.nan]])
def test_an_input_that_is_a_list_of_what_cannot_be_sent_is_shown_all_the_same(given):
    (out,) = outgoing([{"type": "tool_use", "id": "a", "name": "b", "input": given}], 0, set())
    parsed(encode(out))


def test_a_call_without_an_input_gets_one():
    (out,) = outgoing([{"type": "tool_use", "id": "a", "name": "b"}], 0, set())
    assert isinstance(out["input"], dict)


def called(*ids):
    return [{"type": "tool_use", "id": each, "name": "read", "input": {}} for each in ids]


def test_an_id_that_was_there_before_becomes_one_of_our_own():
    known = set()
    assert ids_of(outgoing(called("a", "a", ""), 0, known)) == ["a", "call_0_1", "call_0_2"]
    assert ids_of(outgoing(called("b", "a", None), 1, known)) == ["b", "call_1_1", "call_1_2"]
    assert known == {"a", "b", "call_0_1", "call_0_2", "call_1_1", "call_1_2"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["", "call_0_0"], []),
        pytest.param(["call_0_1", ""], []),
        pytest.param(["call_1_0"], [""]),
    ],
)
def test_an_id_of_our_own_is_the_first_of_its_kind(first, second):
    known = set()
    ids = ids_of(outgoing(called(*first), 0, known)) + ids_of(outgoing(called(*second), 1, known))
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "identity",
    ["functions.read:0", "a b", "ä", ["a"], pytest.param(7)],
)
def test_an_id_that_the_api_refuses_becomes_one_of_our_own(identity):
    assert ids_of(outgoing(called(identity), 0, set())) == ["call_0_0"]


@pytest.mark.parametrize(
    ("name", "sent"),
    [("read", "read"), ("to look", "to_look"), ("löök", "l__k"), ("", "_"), (None, "_")],
)
def test_a_name_that_the_api_refuses_becomes_one_that_it_takes(name, sent):
    (out,) = outgoing([{"type": "tool_use", "id": "a", "name": name, "input": {}}], 0, set())
    assert out["name"] == sent


def test_a_name_that_is_no_text_becomes_one():
    (out,) = outgoing([{"type": "tool_use", "id": "a", "name": 7, "input": {}}], 0, set())
    assert out["name"] == "7"


def test_a_long_name_is_cut():
    (out,) = outgoing([{"type": "tool_use", "id": "a", "name": "n" * 200, "input": {}}], 0, set())
    assert NAME.fullmatch(out["name"])


# -- bytes -------------------------------------------------------------------------------------


@given(VALUES)
def test_any_json_value_can_be_encoded(value):
    parsed(encode(value))


@given(CLEAN)
def test_what_is_json_is_encoded_as_it_is(value):
    assert json.loads(encode(value)) == value


@given(VALUES)
def test_what_was_encoded_stays_as_it_is(value):
    once = encode(value)
    assert encode(json.loads(once)) == once


@given(VALUES)
def test_finite_values_are_kept_and_the_others_become_text(value):
    assert not any(map(is_wild, leaves(finite(value))))
    if not any(map(is_wild, leaves(value))):
        assert finite(value) == value


def is_wild(value):
    return isinstance(value, float) and not math.isfinite(value)


def leaves(value):
    if isinstance(value, dict):
        return itertools.chain.from_iterable(map(leaves, value.values()))
    if isinstance(value, list):
        return itertools.chain.from_iterable(map(leaves, value))
    return iter([value])


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("plain é 🤔", "plain é 🤔"),
        ("\ud83e\udd14", "🤔"),
        ("\ud83e", "\ufffd"),
        ("a\udd14b", "a\ufffdb"),
        ("\udd14\ud83e", "\ufffd\ufffd"),
        ("", ""),
    ],
)
def test_halves_of_a_character_are_joined_or_replaced(given, clean):
    assert clean_text(given) == clean
    assert json.loads(encode({given: [given]})) == {clean: [clean]}


@given(WORDS)
def test_clean_text_can_be_encoded_and_stays_clean(text):
    clean = clean_text(text)
    clean.encode()
    assert clean_text(clean) == clean


def test_numbers_that_are_not_json_become_text():
    value = {"a": math.nan, "b": [math.inf, -math.inf], "c": ("\ud83e", math.nan)}
    assert json.loads(encode(value)) == {"a": "nan", "b": ["inf", "-inf"], "c": ["\ufffd", "nan"]}


def test_half_a_character_in_a_tuple_is_replaced():
    encoded = b""
    with contextlib.suppress(RecursionError):  # its report would take many seconds
        encoded = encode({"a": ("\ud83e",)})
    assert encoded == '{"a":["\ufffd"]}'.encode()
