"""The properties can fail: each of these schedulers is broken in one place, and is caught."""

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, find, settings

from scheduler.admission import Admission
from scheduler.call import Call
from scheduler.index import Index, _Bag
from scheduler.ordering import Order, Tickets
from tests.clock import DeadlockError
from tests.scheduler.batches import BATCHES
from tests.scheduler.model import play

SEARCH = settings(
    max_examples=3_000,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


def drop_what_is_below(monkeypatch):
    """A listing no longer waits for a write inside its directory."""
    monkeypatch.setattr(_Bag, "wait", lambda *_: None)


def drop_what_is_above(monkeypatch):
    """A write of a file no longer waits for the readers of its directory."""

    def supersede_only(index, place, resource):
        node = index._root
        for part in resource:
            if part not in node.children:
                return
            node = node.children[part]
        index._supersede(place, node)

    monkeypatch.setattr(Index, "_wait_to_write", supersede_only)


def hand_nothing_over(monkeypatch):
    """A call that is denied no longer passes on what stood before it."""

    def forget(order, place):
        order._index.remove(place)
        for other in place.before:
            del other.behind[place]
        place.before = {}

    monkeypatch.setattr(Order, "_hand_over", forget)


def sell_no_tickets(monkeypatch):
    """Sessions no longer exclude each other."""
    add = Tickets.add
    monkeypatch.setattr(Tickets, "add", lambda tickets, place, _: add(tickets, place, "one"))


def release_at_the_result(monkeypatch):
    """A call that timed out gives its place away while its work goes on."""
    monkeypatch.setattr(Call, "is_over", property(lambda call: call.ended))


def keep_old_keys(monkeypatch):
    """Keys are no longer worked out again after a move."""
    monkeypatch.setattr(Admission, "_rekey", lambda *_: [])


def forget_who_was_told_to_wait(monkeypatch):
    """A place whose keys changed waits for conflicts only."""
    enter = Index.enter

    def forget(index, place):
        enter(index, place)
        place.told = frozenset()

    monkeypatch.setattr(Index, "enter", forget)


def wait_for_too_much(monkeypatch):
    """Every call waits for every earlier one of its session."""
    add = Order.add

    def add_behind_all(order, place, after=()):
        add(order, place, [*order, *after])

    monkeypatch.setattr(Order, "add", add_behind_all)


BREAKS = [
    drop_what_is_below,
    drop_what_is_above,
    hand_nothing_over,
    sell_no_tickets,
    release_at_the_result,
    keep_old_keys,
    wait_for_too_much,
]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("break_it", BREAKS, ids=[each.__name__ for each in BREAKS])
def test_a_scheduler_that_is_broken_in_one_place_is_caught(break_it, monkeypatch):
    break_it(monkeypatch)

    def is_caught(acts):
        try:
            play(acts)
        except (AssertionError, BaseExceptionGroup, DeadlockError):
            return True
        return False

    find(BATCHES, is_caught, settings=SEARCH, random=Random(1))
