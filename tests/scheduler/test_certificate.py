"""The certificate against the plain definition, and what it names and leaves out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import Access, CallRecord, certify

RESOURCES = st.lists(st.sampled_from("ab"), max_size=2).map(tuple)
ACCESSES = st.builds(
    Access,
    reads=st.frozensets(RESOURCES, max_size=2),
    writes=st.just(frozenset()) | st.frozensets(RESOURCES, max_size=1),
)
CALLS = st.tuples(ACCESSES, st.sampled_from(["s", "t"]), st.integers(1, 40), st.integers(1, 12))


def record(number, access, owner="s", start=0, stop=None, **more):
    terms = {"name": f"c{number}", "lane": "l", "priority": 0, "parent": None, "submitted": 0.0}
    made = CallRecord(id=number, access=access, owner=owner, **{**terms, **more})
    made.start_tick, made.stop_tick = start, stop
    return made


def reads(*resource, **terms):
    return record(access=Access(reads=frozenset({resource})), **terms)


def writes(*resource, **terms):
    return record(access=Access(writes=frozenset({resource})), **terms)


def is_serial(records):
    """Look at every pair."""
    for one in records:
        for two in records:
            if one.id < two.id and one.access.conflicts_with(two.access):
                if one.owner == two.owner and one.stop_tick > two.start_tick:
                    return False
                if max(one.start_tick, two.start_tick) < min(one.stop_tick, two.stop_tick):
                    return False
    return True


@settings(max_examples=500, deadline=None)
@given(st.lists(CALLS, max_size=8))
def test_it_agrees_with_looking_at_every_pair(calls):
    # Ticks are all different, as the scheduler's are.
    records = [
        record(number, access, owner, start * 100 + number, (start + lasts) * 100 + 50 + number)
        for number, (access, owner, start, lasts) in enumerate(calls)
    ]
    assert certify(records).is_serial is is_serial(records)


def test_it_names_the_first_pair_that_was_not():
    records = [
        writes("x", number=1, start=1, stop=4),
        writes("y", number=2, start=2, stop=9),
        writes("x", number=3, start=5, stop=6),
        reads("y", number=4, start=3, stop=8),
        reads("x", number=5, start=2, stop=3),
    ]
    certificate = certify(records)
    assert not certificate.is_serial
    assert (certificate.violation.earlier.id, certificate.violation.later.id) == (2, 4)
    assert str(certificate).startswith(
        "NOT serial-equivalent: call 4 (c4) of session 's' and call 2 (c2) of session 's': they"
    )


def test_it_names_two_sessions_that_overlapped():
    records = [
        writes("x", number=1, owner="a", start=1, stop=5),
        reads("x", number=2, owner="b", start=2, stop=3),
    ]
    assert "ran at the same time" in str(certify(records))
    records[1].start_tick, records[1].stop_tick = 6, 7
    assert str(certify(records)) == "serial-equivalent in request order"


def test_calls_that_did_not_run_do_not_count():
    denied = writes("x", number=2)
    denied.start_tick = None
    assert certify([writes("x", number=1, start=1, stop=9), denied]).is_serial


def test_a_call_that_was_told_to_wait_has_to_have_waited():
    records = [
        reads("x", number=1, start=1, stop=5),
        reads("y", number=2, start=3, stop=6, after=(1,)),
    ]
    assert "it was told to wait for it" in str(certify(records))


@pytest.mark.parametrize(
    ("child", "rule"),
    [
        (writes("x", "f", number=2, parent=1, start=3, stop=12), "while its parent did not"),
        (writes("y", number=2, parent=1, start=3, stop=4), "had not asked for what it touches"),
        (writes("x", "f", number=2, parent=1, start=3, stop=4), None),
    ],
)
def test_a_nested_call_stays_within_its_parent(child, rule):
    certificate = certify([writes("x", number=1, start=1, stop=9), child])
    assert certificate.is_serial is (rule is None)
    assert rule is None or rule in str(certificate)


def test_what_another_session_moved_is_outside_for_what_had_started_before():
    early = writes("x", number=2, start=1, stop=3)
    moved = writes("x", number=1, start=5, stop=6)
    moved.rekeyed_tick = 2
    certificate = certify([moved, early])
    assert certificate.is_serial
    assert "another session moved what call 1 (c1) works on" in str(certificate)
    late = writes("x", number=3, start=4, stop=7)
    assert not certify([moved, early, late]).is_serial


def test_two_calls_that_were_both_moved_do_not_hurt_each_other():
    first, second = writes("x", number=1, start=8, stop=9), writes("x", number=2, start=3, stop=4)
    first.rekeyed_tick, second.rekeyed_tick = 6, 2
    assert certify([first, second]).is_serial


def test_it_says_what_it_does_not_speak_of():
    background = writes("x", number=3, start=1, stop=2)
    background.left_running = "a server"
    running = reads("y", number=9, start=3)
    certificate = certify([background, running])
    assert certificate.unordered_from == 3
    assert certificate.outside == (
        "5 calls whose records are not among these",
        "call 3 (c3) left a server running; from there on what it touches is unordered",
        "call 9 (c9) has not stopped yet",
    )


def test_nothing_is_serial():
    assert certify([]).is_serial
