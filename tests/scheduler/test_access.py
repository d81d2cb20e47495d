"""What conflicts, and what is covered."""

import pytest

from scheduler import EVERYTHING, WORLD, Access

A = ("file", "/", "a")
B = ("file", "/", "b")
ROOT = ("file", "/")


def reads(*resources):
    return Access(reads=frozenset(resources))


def writes(*resources):
    return Access(writes=frozenset(resources))


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        (reads(A), reads(A), False),
        (reads(A), writes(A), True),
        (writes(A), writes(A), True),
        (writes(A), writes(B), False),
        (reads(ROOT), writes(A), True),
        (reads(A), writes(ROOT), True),
        (reads(WORLD), writes(("browser", "s")), True),
        (reads(A), EVERYTHING, True),
        (Access(), EVERYTHING, False),
        (writes(("file", "/", "ab")), writes(A), False),
        (Access(frozenset({A}), frozenset({B})), reads(A), False),
    ],
)
def test_two_accesses_conflict_when_one_writes_what_the_other_touches(one, other, conflict):
    assert one.conflicts_with(other) is conflict
    assert other.conflicts_with(one) is conflict


@pytest.mark.parametrize(
    ("parent", "child", "covered"),
    [
        (EVERYTHING, writes(A), True),
        (writes(ROOT), Access(frozenset({A}), frozenset({B})), True),
        (reads(ROOT), reads(A), True),
        (reads(ROOT), writes(A), False),
        (writes(A), writes(ROOT), False),
        (writes(A), reads(B), False),
        (Access(), Access(), True),
    ],
)
def test_a_nested_access_is_covered_by_what_its_parent_may_do(parent, child, covered):
    assert parent.covers(child) is covered


@pytest.mark.parametrize(
    "wrong",
    [
        {"reads": "a.py"},
        {"reads": A},
        {"writes": {"a.py"}},
        {"writes": {("file", 3)}},
        {"reads": 3},
    ],
)
def test_a_resource_that_is_not_a_tuple_of_strings_is_refused(wrong):
    with pytest.raises(TypeError, match="tuple of strings"):
        Access(**wrong)


def test_any_collection_of_resources_is_frozen():
    assert Access(reads=[A], writes={B}) == Access(frozenset({A}), frozenset({B}))
