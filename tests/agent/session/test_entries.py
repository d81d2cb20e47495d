"""Entries as JSON and back."""

import json
from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.session.entries import (
    KINDS,
    Answer,
    Blocks,
    Calls,
    Decision,
    Entry,
    Header,
    Intent,
    Message,
    Question,
    Renamed,
    ReplyEnd,
    Request,
    Result,
    SetAside,
    TurnEnd,
    from_json,
    to_json,
)

NUMBERS = st.integers(0, 2**40)
TIMES = st.floats(0, 2e9)
TEXTS = st.text(max_size=8) | st.sampled_from(["", "\ud83d", "\ud83d\ude00", "\x00\u2028"])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TIMES | TEXTS,
    lambda each: st.lists(each, max_size=2) | st.dictionaries(TEXTS, each, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=3)
LISTS = st.lists(OBJECTS, max_size=3)
PLACED = st.lists(st.tuples(NUMBERS, OBJECTS), max_size=3)
ANSWERS = st.lists(st.builds(Answer, NUMBERS, TEXTS), max_size=3)

ENTRIES = {
    Header: st.builds(
        Header, TEXTS, TEXTS, TIMES, TEXTS, LISTS, TEXTS, NUMBERS, st.none() | OBJECTS, NUMBERS
    ),
    Message: st.builds(Message, LISTS, TIMES, TEXTS),
    Request: st.builds(Request, NUMBERS, st.lists(NUMBERS, max_size=3), ANSWERS, TEXTS, TIMES),
    Blocks: st.builds(Blocks, NUMBERS, PLACED),
    Intent: st.builds(Intent, NUMBERS, NUMBERS, TEXTS),
    Result: st.builds(
        Result,
        NUMBERS,
        NUMBERS,
        LISTS,
        st.booleans(),
        TEXTS,
        st.none() | TIMES,
        st.none() | TIMES,
        OBJECTS,
    ),
    Question: st.builds(Question, NUMBERS, NUMBERS, TEXTS, TIMES),
    Decision: st.builds(Decision, NUMBERS, NUMBERS, st.booleans(), TEXTS, TIMES),
    Calls: st.builds(Calls, LISTS),
    ReplyEnd: st.builds(ReplyEnd, NUMBERS, NUMBERS, st.none() | TEXTS, TEXTS, OBJECTS, OBJECTS),
    TurnEnd: st.builds(TurnEnd, TEXTS, TEXTS, TIMES),
    Renamed: st.builds(Renamed, TEXTS),
    SetAside: st.builds(SetAside, TEXTS, NUMBERS),
}
"""Each kind, with every member drawn."""


def test_every_kind_of_entry_has_a_name_of_its_own_and_is_tried_here():
    assert set(KINDS.values()) == set(get_args(Entry)) == set(ENTRIES)
    assert len(KINDS) == len(ENTRIES)


@given(st.one_of(*ENTRIES.values()))
@settings(max_examples=150, deadline=None)
def test_an_entry_comes_back_as_it_was(entry):
    members = to_json(entry)
    assert from_json(members) == entry
    stored = json.loads(json.dumps(members))
    assert to_json(from_json(stored)) == stored == json.loads(json.dumps(to_json(entry)))


@pytest.mark.parametrize("kind", list(ENTRIES), ids=lambda kind: kind.__name__)
def test_members_of_a_newer_version_are_passed_over(kind):
    members = {each.name: [] for each in fields(kind)}
    assert from_json({"type": kind.type, **members, "colour": "red"}) == kind(**members)


@pytest.mark.parametrize("members", [{}, {"type": "dream"}, {"type": None}, {"type": ["header"]}])
def test_a_kind_that_is_not_known_is_no_entry(members):
    assert from_json(members) is None


def test_members_that_an_older_version_left_out_have_their_defaults():
    assert from_json({"type": "request", "reply": 3}) == Request(3, answers=[])
    assert from_json({"type": "result", "reply": 0, "block": 1, "content": []}) == Result(0, 1, [])


def test_a_member_that_has_to_be_there_is_missed():
    with pytest.raises(TypeError, match="reply"):
        from_json({"type": "request"})
