"""The mixed batch: the makespan is the critical path under the conflicts, exactly.

A unit of the clock is a millisecond.
"""

import asyncio
import itertools
from random import Random

import pytest

from scheduler import Access, Scheduler, certify
from tests.clock import run

BROWSER = frozenset({("browser", "s")})
FILE = frozenset({("file", "/", "a.py")})

CALLS = {
    **{f"read {n}": (Access(reads=frozenset({("file", "/", f"{n}.py")})), 200) for n in range(5)},
    **{f"mutate {n}": (Access(writes=BROWSER), 300) for n in range(3)},
    **{f"look {n}": (Access(reads=BROWSER), 150) for n in range(2)},
    **{f"write {n}": (Access(writes=FILE), 100) for n in range(2)},
}


def critical_path(order):
    """Give each call's end when it waits for just the earlier calls that conflict with it."""
    ends = {}
    for name in order:
        access, lasts = CALLS[name]
        before = [ends[other] for other in ends if CALLS[other][0].conflicts_with(access)]
        ends[name] = max(before, default=0) + lasts
    return ends


def play(order):
    async def main():
        scheduler = Scheduler()
        async with asyncio.TaskGroup() as tasks:
            for name in order:
                access, lasts = CALLS[name]
                scheduler.submit(
                    tasks,
                    lambda _, lasts=lasts: asyncio.sleep(lasts),
                    access,
                    lane=name.split()[0],
                    name=name,
                )
        return scheduler.records

    return run(main())


KIND = ["read", "mutate", "look", "write"]


def by_kind(kinds):
    return sorted(CALLS, key=lambda name: kinds.index(name.split()[0]))


ORDERS = {
    "by kind": list(CALLS),
    "by kind, backwards": list(reversed(CALLS)),
    "looks between mutators": sorted(CALLS, key=lambda name: (name.split()[1], name)),
    **{
        f"kinds as {'-'.join(kinds)}": by_kind(kinds)
        for kinds in itertools.islice(itertools.permutations(KIND), 3, 24, 5)
    },
    **{f"shuffled {n}": Random(n).sample(list(CALLS), len(CALLS)) for n in range(12)},
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_each_call_ends_when_its_critical_path_does(order):
    records = play(order)
    assert {record.name: record.finished for record in records} == critical_path(order)
    assert certify(records).is_serial


def test_with_looks_last_the_makespan_is_three_mutators_and_a_look():
    assert max(record.finished for record in play(list(CALLS))) == 3 * 300 + 150


def test_with_the_looks_between_the_mutators_each_look_is_waited_for():
    order = ["mutate 0", "look 0", "mutate 1", "look 1", "mutate 2"]
    order += [name for name in CALLS if name not in order]
    assert max(record.finished for record in play(order)) == 3 * 300 + 2 * 150
