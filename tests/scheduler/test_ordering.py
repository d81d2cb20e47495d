"""The index against the plain definition: a call waits for the earlier ones that conflict."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler import Access, trie
from scheduler.ordering import Order
from scheduler.trie import Place

PARTS = st.sampled_from(["a", "b", "c"])
RESOURCES = st.lists(PARTS, max_size=3).map(tuple)
ACCESSES = st.builds(
    Access,
    reads=st.frozensets(RESOURCES, max_size=2),
    writes=st.just(frozenset()) | st.frozensets(RESOURCES, max_size=2),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "end", "withdraw", "rekey"]),
        ACCESSES,
        st.integers(0, 1_000),
    ),
    max_size=40,
)


class Plain:
    """The definition, without an index: every earlier place is looked at."""

    def __init__(self):
        self.places = []

    def free(self, place):
        earlier = self.places[: self.places.index(place)]
        return not any(other.access.conflicts_with(place.access) for other in earlier)


@pytest.mark.parametrize("gather", [0, 1, 8])
@settings(max_examples=450, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_a_place_is_free_just_when_no_earlier_live_place_conflicts(gather, steps):
    before, trie.GATHER = trie.GATHER, gather
    try:
        follow(steps)
    finally:
        trie.GATHER = before


def follow(steps):
    order, plain = Order(), Plain()
    told = set()
    for number, (what, access, choice) in enumerate(steps):
        place = plain.places[choice % len(plain.places)] if plain.places else None
        if what == "add":
            place = Place(access, number)
            order.add(place)
            plain.places.append(place)
            if not place.before:
                told.add(place)
        elif place is None:
            continue
        elif what == "rekey" and not place.fixed:
            changed = order.rekey({place: access})
            told |= set(changed.freed)
            told -= set(changed.blocked)
            (told.discard if place.before else told.add)(place)
        elif what == "withdraw" and not place.fixed:
            plain.places.remove(place)
            told |= set(order.withdraw(place))
        elif not place.before:
            # Only what is free runs and ends.
            plain.places.remove(place)
            told |= set(order.end(place))
        free = {each for each in plain.places if not each.before}
        assert free == {each for each in plain.places if plain.free(each)}
        assert free == told & set(plain.places), "a freed place was not told, or one too many was"
        assert list(order) == plain.places
    while plain.places:
        place = next(each for each in plain.places if not each.before)
        plain.places.remove(place)
        order.end(place)
    assert not order._index, "something is left in the index"


def edges(order):
    """Count the edges, those of joins included."""
    seen, stack = set(), list(order)
    while stack:
        place = stack.pop()
        if place not in seen:
            seen.add(place)
            stack.extend(place.before)
    return sum(len(place.before) for place in seen)


def place(kind, *resource):
    return Place(Access(**{kind: frozenset({resource})}), resource)


def test_a_chain_of_writes_of_one_path_costs_an_edge_each():
    order = Order()
    for _ in range(1_000):
        order.add(place("writes", "a"))
    assert edges(order) == 999


def test_many_reads_then_one_write_of_everything_cost_an_edge_each():
    order = Order()
    for number in range(1_000):
        order.add(place("reads", "d", str(number)))
    order.add(place("writes"))
    assert edges(order) == 1_000


def test_many_writes_then_as_many_reads_of_their_directory_cost_two_edges_each():
    order = Order()
    for number in range(1_000):
        order.add(place("writes", "d", str(number)))
    for _ in range(1_000):
        order.add(place("reads", "d"))
    assert edges(order) == 2_000


def test_many_listings_of_a_directory_then_as_many_writes_in_it_cost_two_edges_each():
    order = Order()
    for _ in range(1_000):
        order.add(place("reads", "d"))
    for number in range(1_000):
        order.add(place("writes", "d", str(number)))
    assert edges(order) == 2_000


def test_the_example_of_the_design_passes_predecessors_on():
    order = Order()
    r1, w2, w3 = place("reads", "f"), place("writes", "f"), place("writes", "f")
    for each in (r1, w2, w3):
        order.add(each)
    assert list(w3.before) == [w2]
    assert order.withdraw(w2) == []
    assert list(w3.before) == [r1]
    assert order.end(r1) == [w3]
