"""Groups are a partition of balanced sizes, the same for a seed, and better than chance."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.behaviors import balancing
from agent.behaviors.balancing import assigned, shared_pairs, sizes

TRAITS = st.lists(st.frozensets(st.sampled_from("abcdef"), max_size=4), min_size=1, max_size=40)
TERMS = {
    "traits": TRAITS,
    "groups": st.integers(1, 50),
    "strategy": st.sampled_from(["diverse", "similar"]),
    "seed": st.integers(0, 5),
}


@given(**TERMS)
def test_everybody_is_in_exactly_one_group(traits, groups, strategy, seed):
    made = assigned(traits, groups, strategy, seed)
    assert sorted(each for group in made for each in group) == [*range(len(traits))]


@given(**TERMS)
def test_sizes_differ_by_one_at_most_and_no_group_is_empty(traits, groups, strategy, seed):
    made = assigned(traits, groups, strategy, seed)
    found = [len(group) for group in made]
    assert len(made) == min(groups, len(traits))
    assert min(found) >= 1
    assert max(found) - min(found) <= 1


@given(**TERMS)
def test_a_seed_gives_the_same_groups_each_time(traits, groups, strategy, seed):
    again = assigned([*traits], groups, strategy, seed)
    assert assigned(traits, groups, strategy, seed) == again


@given(**TERMS)
def test_members_are_in_the_order_in_which_they_came(traits, groups, strategy, seed):
    assert all(group == sorted(group) for group in assigned(traits, groups, strategy, seed))


@given(participants=st.integers(1, 1_000), groups=st.integers(1, 1_200))
def test_sizes_add_up(participants, groups):
    found = sizes(participants, groups)
    assert sum(found) == participants
    assert found == sorted(found, reverse=True)
    assert found[0] - found[-1] <= 1


@pytest.mark.parametrize(("strategy", "expected"), [("similar", 4 * 15 * 14 // 2), ("diverse", 0)])
def test_what_can_be_had_exactly_is_found(strategy, expected):
    """Four kinds of people in fifteen groups of four, or in four of fifteen."""
    traits = [frozenset({"abcd"[number % 4]}) for number in range(60)]
    groups = 4 if strategy == "similar" else 15
    assert shared_pairs(traits, assigned(traits, groups, strategy, 0)) == expected


@pytest.mark.parametrize("strategy", ["similar", "diverse"])
def test_exchanges_make_it_better_than_the_row_alone(strategy, monkeypatch):
    drawn = Random(1)
    traits = [frozenset(drawn.sample("abcdefghij", 3)) for _ in range(200)]
    better = shared_pairs(traits, assigned(traits, 20, strategy, 0))
    monkeypatch.setattr(balancing._Search, "improve", lambda *_: None)
    row = shared_pairs(traits, assigned(traits, 20, strategy, 0))
    monkeypatch.setattr(balancing, "_row", lambda traits, _: [*range(len(traits))])
    chance = shared_pairs(traits, assigned(traits, 20, strategy, 0))
    if strategy == "similar":
        assert better > row > chance
    else:
        assert better < row
        assert better < chance


@given(traits=TRAITS, groups=st.integers(2, 10), drawn=st.randoms(use_true_random=False))
def test_an_exchange_is_better_exactly_when_the_pairs_say_so(traits, groups, drawn):
    members = [
        [each for each in range(len(traits)) if each % groups == number] for number in range(groups)
    ]
    one, other = drawn.randrange(len(traits)), drawn.randrange(len(traits))
    before = shared_pairs(traits, members)
    for sign in (1, -1):
        search = balancing._Search(traits, members, sign)
        is_better = search._is_better(one, other)
        search._exchange(one, other)
        after = shared_pairs(traits, search.members())
        assert is_better == ((after - before) * sign < 0)


def test_counts_stay_those_of_the_groups():
    traits = [frozenset(Random(number).sample("abcdef", 2)) for number in range(60)]
    members = [[each for each in range(60) if each % 6 == number] for number in range(6)]
    search = balancing._Search(traits, members, -1)
    search.improve(Random(3), lambda: None)
    counted = [
        Counter(trait for each in group for trait in traits[each]) for group in search.members()
    ]
    assert [+count for count in search._counts] == counted


def test_nobody_is_in_no_group():
    assert assigned([], 3, "diverse", 0) == []


def test_the_search_ends_when_it_is_to():
    class StopError(BaseException):
        pass

    def check():
        raise StopError

    with pytest.raises(StopError):
        assigned([frozenset("a"), frozenset("b")], 2, "diverse", 0, check)
