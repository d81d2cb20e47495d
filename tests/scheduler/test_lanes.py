"""Who goes next when a slot is free."""

import pytest

from scheduler.lanes import Lane, Waiter


def wait(lane, call, *, owner="s", priority=0, request=0):
    waiter = Waiter(call, owner=owner, priority=priority, request=request)
    lane.enqueue(waiter)
    return waiter


def serve(lane, waiters):
    """Serve one call after the other; give them in the order in which they went."""
    by_call = {waiter.call: waiter for waiter in waiters}
    order = []
    while (call := lane.pick()) is not None:
        lane.leave(by_call[call])
        order.append(call)
    return order


def test_priority_then_sessions_in_turn_then_request_order():
    lane = Lane("l", 1)
    waiters = [
        wait(lane, "a2", owner="a", request=2),
        wait(lane, "a1", owner="a", request=1),
        wait(lane, "b9", owner="b", request=9),
        wait(lane, "a3", owner="a", request=3),
        wait(lane, "urgent", owner="c", request=10, priority=1),
    ]
    assert serve(lane, waiters) == ["urgent", "a1", "b9", "a2", "a3"]


def test_one_that_was_overtaken_often_enough_goes_next():
    lane = Lane("l", 1, patience=3)
    waiters = {"poor": wait(lane, "poor", request=0)}
    order = []
    for number in range(1, 6):
        name = f"rich {number}"
        waiters[name] = wait(lane, name, priority=9, request=number)
        order.append(lane.pick())
        lane.leave(waiters[order[-1]])
    assert order == ["rich 1", "rich 2", "rich 3", "poor", "rich 4"]


def test_those_that_came_before_do_not_count_as_overtaking():
    lane = Lane("l", 1, patience=2)
    waiters = [wait(lane, f"early {n}", priority=1, request=n) for n in range(5)]
    waiters.append(wait(lane, "late", request=9))
    waiters.append(wait(lane, "rich", priority=1, request=10))
    assert serve(lane, waiters)[-2:] == ["rich", "late"]


def test_whoever_leaves_is_not_picked():
    lane = Lane("l", 1)
    first, second = wait(lane, "first", request=1), wait(lane, "second", request=2)
    lane.leave(first)
    lane.leave(first)
    assert (lane.pick(), lane.waiting, lane.waiters()) == ("second", 1, ["second"])
    lane.leave(second)
    assert lane.pick() is None


def test_a_full_lane_picks_nobody_and_an_unlimited_one_is_never_full():
    lane = Lane("l", 2)
    wait(lane, "call")
    lane.used = 2
    assert lane.pick() is None
    endless = Lane("e")
    endless.used = 10_000
    assert endless.has_slot
    assert not endless.is_exhausted


def test_stuck_slots_are_replaced_up_to_the_spares_then_the_lane_is_exhausted():
    lane = Lane("l", 2, spares=1)
    lane.used = lane.stuck = 1
    assert (lane.has_slot, lane.is_exhausted) == (True, False)
    lane.used = 3
    assert not lane.has_slot
    lane.stuck = 3
    assert lane.is_exhausted


def test_a_limit_below_one_is_refused():
    with pytest.raises(ValueError, match="lane 'l': a limit is at least 1"):
        Lane("l", 0)
