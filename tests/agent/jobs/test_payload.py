"""What goes into a job and comes out of it, and what is told of the rest."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.jobs.payload import encoded

GOOD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)
BAD = st.sampled_from(
    [math.nan, math.inf, -math.inf, "\ud800", b"x", {1, 2}, {1: 2}, {"\udfff": 1}]
)


def nested(depth, value):
    for _ in range(depth):
        value = [value]
    return value


@settings(deadline=None)
@given(GOOD)
def test_json_comes_back_as_it_was(value):
    assert json.loads(encoded(value, 10**9, "x")) == value


@settings(deadline=None)
@given(GOOD, BAD)
def test_something_that_is_no_json_is_found_wherever_it_is(good, bad):
    for value in (bad, [good, bad], {"a": good, "b": [bad]}, [[good], {"c": {"d": (good, bad)}}]):
        with pytest.raises(ValueError, match=r"^(x|the key)") as raised:
            encoded(value, 10**9, "x")
        assert not isinstance(raised.value, UnicodeError)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (math.nan, "the payload is nan, which JSON does not have"),
        ([1, {"a": [-math.inf]}], "the payload[1]['a'][0] is -inf, which JSON does not have"),
        ({"a": b"x"}, "the payload['a'] is a bytes, which JSON does not have"),
        ({"a": ("b", {3})}, "the payload['a'][1] is a set, which JSON does not have"),
        ([{1: 2}], "the key 1 of the payload[0] is no text"),
        ({None: 2}, "the key None of the payload is no text"),
        ({"a": {"\ud800": 2}}, "the key '\\ud800' of the payload['a'] holds half a character"),
        (["\udcff"], "the payload[0] holds half a character"),
        ("xy", "the payload has 4 bytes as JSON; at most 3 are taken"),
        ("é", "the payload has 4 bytes as JSON; at most 3 are taken"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(value, said):
    with pytest.raises(ValueError, match=r".+") as raised:
        encoded(value, 3 if "at most" in said else 99, "the payload")
    assert str(raised.value) == said


def test_as_many_bytes_as_are_taken_are_taken():
    assert encoded("x", 3, "x") == b'"x"'


def test_it_is_nested_as_deep_as_is_taken_and_no_deeper():
    assert encoded(nested(101, 1), 999, "x") == b"[" * 101 + b"1" + b"]" * 101
    with pytest.raises(ValueError, match=r"^x(\[0\]){101} is nested more than 100 deep$"):
        encoded(nested(102, 1), 999, "x")


def test_a_value_that_holds_itself_is_nested_too_deep():
    value: list[object] = []
    value.append(value)
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        encoded(value, 999, "x")


def test_a_number_of_too_many_digits_is_refused():
    with pytest.raises(ValueError, match=r"4300 digits"):
        encoded(10**5000, 10**6, "x")
