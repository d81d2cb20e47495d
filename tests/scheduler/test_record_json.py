"""Records as JSON and back."""

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import Access, CallRecord, Outcome, Wait, WaitKind
from scheduler.record_json import ACCESS, RECORD, WAIT, from_json, to_json

NUMBERS = st.integers(0, 2**53)
TIMES = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=6) | st.sampled_from(["", "a/b", "\udcff", "\x00\u2028"])
RESOURCES = st.frozensets(st.lists(TEXTS, max_size=3).map(tuple), max_size=4)
WAITS = st.builds(Wait, st.sampled_from(WaitKind), TIMES, st.none() | TIMES, st.none() | NUMBERS)
RECORDS = st.builds(
    CallRecord,
    NUMBERS,
    TEXTS,
    TEXTS,
    TEXTS,
    st.integers(),
    st.none() | NUMBERS,
    st.builds(Access, RESOURCES, RESOURCES),
    TIMES,
    *[st.none() | TIMES] * 4,
    st.sampled_from(Outcome),
    st.lists(WAITS, max_size=3),
    st.lists(NUMBERS, max_size=3).map(tuple),
    *[st.none() | NUMBERS] * 3,
    st.none() | TEXTS,
)
"""With every member drawn."""

SMALLEST = {
    "id": 7,
    "name": "read",
    "owner": "s",
    "lane": "l",
    "priority": 0,
    "parent": None,
    "access": {},
    "submitted": 1.5,
}


@given(RECORDS)
@settings(max_examples=300, deadline=None)
def test_a_record_comes_back_as_it_was_also_from_a_file(record):
    members = to_json(record)
    assert from_json(members) == record
    assert from_json(json.loads(json.dumps(members))) == record
    assert json.loads(json.dumps(members)) == members


@given(st.permutations([("file", "a"), ("file",), (), ("browser", "s"), ("file", "b")]))
def test_the_same_access_gives_the_same_bytes_in_whatever_order_it_was_made(resources):
    access = Access(reads=frozenset(resources), writes=frozenset(resources[::-1]))
    members = to_json(CallRecord(1, "n", "o", "l", 0, None, access, 0.0))
    in_order = [[], ["browser", "s"], ["file"], ["file", "a"], ["file", "b"]]
    assert members["access"] == {"reads": in_order, "writes": in_order}


def test_every_member_of_a_record_is_read():
    for kind, readers in ((CallRecord, RECORD), (Access, ACCESS), (Wait, WAIT)):
        assert set(readers) == {each.name for each in fields(kind)}


def test_members_that_are_not_known_are_passed_over_and_others_have_their_defaults():
    wait = {"kind": "order", "since": 1, "colour": "red"}
    given = {**SMALLEST, "key": "3.1", "waits": [wait], "access": {"writes": [["a"]], "more": 1}}
    wanted = CallRecord(7, "read", "s", "l", 0, None, Access(writes=frozenset({("a",)})), 1.5)
    wanted.waits = [Wait(WaitKind.ORDER, 1)]
    assert from_json(given) == wanted


def test_what_is_written_does_not_change_with_the_record():
    record = from_json(SMALLEST)
    members = to_json(record)
    record.waits.append(Wait(WaitKind.LANE, 1.0))
    assert "waits" not in members


WRONG: list[tuple[object, str]] = [
    ([], r"a call's record is \[\]; it should be an object"),
    (None, "a call's record is None; it should be an object"),
    *[
        (
            {k: v for k, v in SMALLEST.items() if k != name},
            f"a call's record has no member '{name}'",
        )
        for name in SMALLEST
    ],
    ({**SMALLEST, "id": "7"}, "id is '7'; it should be a whole number"),
    ({**SMALLEST, "id": True}, "id is True; it should be a whole number"),
    ({**SMALLEST, "priority": 1.5}, "priority is 1.5; it should be a whole number"),
    ({**SMALLEST, "name": None}, "name is None; it should be a string"),
    ({**SMALLEST, "submitted": "now"}, "submitted is 'now'; it should be a finite number"),
    ({**SMALLEST, "submitted": True}, "submitted is True; it should be a finite number"),
    ({**SMALLEST, "stopped": float("nan")}, "stopped is nan; it should be a finite number"),
    ({**SMALLEST, "started": float("inf")}, "started is inf; it should be a finite number"),
    ({**SMALLEST, "outcome": "lost"}, "outcome is 'lost'; it should be one of waiting, running"),
    ({**SMALLEST, "outcome": []}, r"outcome is \[\]; it should be one of"),
    ({**SMALLEST, "after": [1, None]}, "a number in after is None; it should be a whole number"),
    ({**SMALLEST, "after": 1}, "after is 1; it should be a list"),
    ({**SMALLEST, "waits": {}}, "waits is {}; it should be a list"),
    ({**SMALLEST, "waits": [3]}, "a wait in waits is 3; it should be an object"),
    ({**SMALLEST, "waits": [{"since": 1}]}, "a wait in waits has no member 'kind'"),
    ({**SMALLEST, "waits": [{"kind": "x", "since": 1}]}, "kind is 'x'; it should be one of order"),
    ({**SMALLEST, "access": None}, "access is None; it should be an object"),
    ({**SMALLEST, "access": {"reads": "abc"}}, "reads is 'abc'; it should be a list"),
    ({**SMALLEST, "access": {"reads": ["abc"]}}, "reads is 'abc'; it should be a list"),
    (
        {**SMALLEST, "access": {"writes": [["a", 1]]}},
        "a part of a resource in writes is 1; it should be a string",
    ),
    ({**SMALLEST, "name": ["x" * 10_000]}, "name is .{1,90}; it should be a string"),
]


@pytest.mark.parametrize(("members", "told"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_shape_is_told_with_what_should_be_there(members, told):
    with pytest.raises(ValueError, match=f"^{told}"):
        from_json(members)
