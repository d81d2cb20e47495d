"""The properties can fail: each of these schedulers is broken in one place, and is caught."""

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, find, settings

from scheduler import ordering
from scheduler.admission import Admission
from scheduler.call import Call
from scheduler.index import Index
from scheduler.ordering import Order, Tickets
from scheduler.trie import Bag
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
    monkeypatch.setattr(Bag, "wait", lambda *_: None)


def drop_what_is_above(monkeypatch):
    """A write of a file no longer waits for the readers of its directory."""
    wait_to_write = Index._wait_to_write

    def wait_below_only(index, place, resource, taker):
        node = index._root
        for part in resource:
            if part not in node.children:
                return
            node = node.children[part]
        wait_to_write(index, place, resource, taker)

    monkeypatch.setattr(Index, "_wait_to_write", wait_below_only)


def hand_nothing_over(monkeypatch):
    """A call that is denied no longer passes on what stood before it."""
    monkeypatch.setattr(ordering, "_hand_over", lambda *_: None)


def lose_what_was_taken_out(monkeypatch):
    """What a denied write had taken out of the index is not found again."""
    monkeypatch.setattr(Index, "withdraw", Index.remove)


def sell_no_tickets(monkeypatch):
    """Sessions no longer exclude each other."""
    add = Tickets.add
    monkeypatch.setattr(Tickets, "add", lambda tickets, place, _: add(tickets, place, "one"))


def release_at_the_result(monkeypatch):
    """A call that timed out gives its place away while its work goes on."""
    monkeypatch.setattr(Call, "is_over", property(lambda call: call.ended))


def keep_old_keys(monkeypatch):
    """Keys are no longer worked out again after a move."""
    monkeypatch.setattr(Admission, "_work_out_keys", lambda *_: None)


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
    lose_what_was_taken_out,
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
