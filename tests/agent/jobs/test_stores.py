"""What every job store promises, on each of them; real files, real servers, real processes."""

import asyncio
import itertools
import json
import math
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.jobs import transitions
from agent.jobs.codec import Record, event_of, event_record, job_of, record_of
from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, JobEvent, Reason, State, Terms
from agent.jobs.store import forget_time
from agent.jobs.transitions import Change

EVERYTHING = Job(
    id="j1",
    kind="count",
    given={"to": 3, "who": ["Zoë", "\x00", "\U0001f40d", "\u2028"], "deep": [[None, True, -0.5]]},
    created=1_700_000_000.123456,
    terms=Terms(1.0, 2.0, 3, 0.5, 60.0),
    key="once",
    priority=-2,
    session="s1",
    host="here",
    state=State.PENDING,
    percent=12.5,
    stage="half a character: \udc80",
    losses=1,
    worker="w\n1",
    due=4.0,
    started=5.0,
    heartbeat=6.0,
    cancel_asked=True,
    made=[1, {"a": None}],
    error="'\"\\",
)
"""No field as it is by default, but those that a new job has so."""


def decoded(job):
    return replace(job, given=job.payload, made=job.result)


def new(name="j1", kind="count", payload=None, created=1.0, **fields):
    """Make a job with its first event, as it is submitted."""
    return transitions.created(Job(name, kind, payload, created, **fields))


def begin(job):
    return transitions.begin(job, "worker", 2.0)


def say(stage):
    return lambda job: transitions.report(job, job.attempt, 3.0, stage=stage)


def end(result=None, now=4.0):
    return lambda job: transitions.succeed(job, job.attempt, result, now)


async def ended(store, name, now, **fields):
    await store.add(new(name, **fields))
    await store.change(name, begin)
    await store.change(name, end(now=now))


async def test_a_job_comes_back_with_every_field_as_it_was_given(place, store):
    added = await store.add(transitions.created(EVERYTHING))
    assert added == replace(EVERYTHING, last_event=1)
    assert decoded(await store.get("j1")) == added
    other = place.opened()
    assert decoded(await other.get("j1")) == added
    assert [decoded(each) for each in await other.jobs()] == [added]
    await other.close()


async def test_an_id_that_is_not_there_is_nothing_to_get_change_or_tell_of(store):
    for name in ("no", "", "\ud800", "a\x00b", "x" * 10_000):
        assert await store.get(name) is None
        assert await store.change(name, pytest.fail) == (None, False)
        assert list(await store.events(name)) == []


async def test_a_job_of_a_kind_and_key_that_is_there_is_given_instead(store):
    first = await store.add(new("a", key="k"))
    again = await store.add(new("b", key="k"))
    assert again == first
    assert await store.get("b") is None
    assert list(await store.events("b")) == []
    assert (await store.add(new("c", kind="other", key="k"))).id == "c"
    assert (await store.add(new("d"))).id == "d"
    assert (await store.add(new("e"))).id == "e"
    assert [each.id for each in await store.jobs()] == ["a", "c", "d", "e"]


async def test_kind_and_key_are_told_apart_wherever_one_ends_and_the_other_begins(store):
    pairs = [("a", "b:c"), ("a:b", "c"), ('a"', "b"), ("a", '"b'), ("a", ""), ("a", "\ud800")]
    for number, (kind, key) in enumerate(pairs):
        assert (await store.add(new(str(number), kind=kind, key=key))).id == str(number)
    for number, (kind, key) in enumerate(pairs):
        assert (await store.add(new("again", kind=kind, key=key))).id == str(number)


async def test_a_key_is_taken_by_a_job_that_has_ended_until_it_is_forgotten(store):
    await ended(store, "a", 10.0, key="k")
    assert (await store.add(new("b", key="k"))).id == "a"
    assert list(await store.forget(310.0)) == ["a"]
    assert (await store.add(new("b", key="k"))).id == "b"


async def test_a_job_that_is_added_twice_is_there_once_as_it_has_become(store):
    await store.add(new("a"))
    begun, _ = await store.change("a", begin)
    assert await store.add(new("a")) == begun
    assert [each.number for each in await store.events("a")] == [1, 2]


async def test_the_same_key_from_many_at_once_makes_one_job(place, store):
    others = [place.opened() for _ in range(4)]
    added = await asyncio.gather(
        *(
            each.add(new(f"{number}-{turn}", key="k"))
            for number, each in enumerate([store, *others])
            for turn in range(4)
        )
    )
    assert len({each.id for each in added}) == 1
    assert [each.id for each in await store.jobs()] == [added[0].id]
    await asyncio.gather(*(each.close() for each in others))


async def test_a_change_is_there_with_its_events_for_everybody(place, store):
    await store.add(new("a"))
    begun, was_changed = await store.change("a", begin)
    assert was_changed
    other = place.opened()
    assert await other.get("a") == begun
    assert list(await other.events("a")) == [
        JobEvent(1, 1.0, "created", {"kind": "count"}),
        JobEvent(2, 2.0, "started", {"attempt": 1, "worker": "worker"}),
    ]
    await other.close()


async def test_a_decision_for_nothing_changes_nothing(store):
    added = await store.add(new("a"))
    assert await store.change("a", lambda _: None) == (added, False)
    assert await store.change("a", end()) == (added, False)
    assert await store.get("a") == added


async def test_a_sign_of_life_is_kept_without_an_event(store):
    await store.add(new("a"))
    await store.change("a", begin)
    heard, was_changed = await store.change("a", lambda job: transitions.report(job, 1, 9.0))
    assert was_changed
    assert heard is not None
    assert (heard.heartbeat, heard.last_event) == (9.0, 2)
    assert await store.get("a") == heard


async def test_a_decision_that_fails_is_raised_and_changes_nothing(store):
    added = await store.add(new("a"))

    def fail(job):
        raise ZeroDivisionError(job.id)

    with pytest.raises(ZeroDivisionError):
        await store.change("a", fail)
    assert await store.get("a") == added
    assert (await store.change("a", begin))[1]


async def test_a_change_that_is_no_json_is_refused_whole(store):
    await store.add(new("a"))
    begun, _ = await store.change("a", begin)
    for result in (math.nan, {1, 2}, object()):
        with pytest.raises(JobStoreError, match=r"job 'a' cannot be stored"):
            await store.change("a", end(result))
    with pytest.raises(JobStoreError, match=r"job 'b' cannot be stored"):
        await store.add(new("b", payload=math.inf))
    assert await store.get("a") == begun
    assert len(await store.events("a")) == 2
    assert await store.get("b") is None


async def test_many_who_change_a_job_at_once_lose_nothing(place, store):
    await store.add(new("a"))
    await store.change("a", begin)
    others = [place.opened() for _ in range(4)]
    stores = [store, *others]
    told = await asyncio.gather(
        *(stores[n % len(stores)].change("a", say(str(n))) for n in range(50))
    )
    assert all(was_changed for _, was_changed in told)
    assert sorted(job.last_event for job, _ in told) == list(range(3, 53))
    events = await store.events("a")
    assert [each.number for each in events] == list(range(1, 53))
    assert {each.data["stage"] for each in events[2:]} == {str(n) for n in range(50)}
    assert (await store.get("a")).stage == events[-1].data["stage"]
    await asyncio.gather(*(each.close() for each in others))


async def test_only_one_of_many_begins_a_job(place, store):
    await store.add(new("a"))
    others = [place.opened() for _ in range(4)]
    told = await asyncio.gather(*(each.change("a", begin) for each in [store, *others] * 4))
    assert [was_changed for _, was_changed in told].count(True) == 1
    assert {job.attempt for job, _ in told} == {1}
    await asyncio.gather(*(each.close() for each in others))


async def test_changes_of_different_jobs_do_not_mix(store):
    names = [str(n) for n in range(20)]
    await asyncio.gather(*(store.add(new(name, payload=name)) for name in names))
    await asyncio.gather(*(store.change(name, begin) for name in names))
    await asyncio.gather(*(store.change(name, end({"of": name})) for name in names))
    jobs = {each.id: (each.payload, each.result) for each in await store.jobs()}
    assert jobs == {name: (name, {"of": name}) for name in names}


async def test_events_are_given_after_a_number_and_at_most_so_many(store):
    await store.add(new("a"))
    await store.change("a", begin)
    for n in range(8):
        await store.change("a", say(str(n)))

    async def numbers(*asked):
        return [each.number for each in await store.events("a", *asked)]

    assert await numbers() == list(range(1, 11))
    assert await numbers(0, 3) == [1, 2, 3]
    assert await numbers(3, 3) == [4, 5, 6]
    assert await numbers(9) == [10]
    assert await numbers(10) == []
    assert await numbers(99) == []
    assert await numbers(-5, 2) == [1, 2]
    assert await numbers(0, 0) == []
    assert await numbers(0, -1) == []


async def test_jobs_are_listed_by_state_and_session_the_oldest_first(store):
    await store.add(new("c", created=3.0, session="s"))
    await store.add(new("b", created=1.0))
    await store.add(new("d", created=1.0, session="s"))
    await store.add(new("a", created=1.0))
    await ended(store, "e", 10.0, created=2.5, session="s")
    await store.change("a", begin)

    async def names(*asked, **terms):
        return [each.id for each in await store.jobs(*asked, **terms)]

    assert await names() == ["a", "b", "d", "e", "c"]
    assert await names([State.PENDING]) == ["b", "d", "c"]
    assert await names({State.PROGRESS, State.SUCCESS}) == ["a", "e"]
    assert await names((State.FAILURE,)) == []
    assert await names(()) == []
    assert await names(session="s") == ["d", "e", "c"]
    assert await names([State.SUCCESS], session="s") == ["e"]
    assert await names(session="") == ["a", "b"]
    assert await names(session="no") == []


async def test_a_job_is_listed_under_its_state_of_now_only(store):
    await store.add(new("a", session="s"))
    steps = [begin, say("x"), lambda job: transitions.lose(job, 1, 5.0)]
    for decide in steps:
        job, _ = await store.change("a", decide)
        for state in State:
            expected = ["a"] if state is job.state else []
            assert [each.id for each in await store.jobs([state])] == expected
            assert [each.id for each in await store.jobs([state], session="s")] == expected


async def test_more_jobs_are_listed_than_are_read_together(store):
    names = [f"{n:03}" for n in range(120)]
    await asyncio.gather(*(store.add(new(name)) for name in names))
    assert [each.id for each in await store.jobs()] == names


async def test_a_job_is_forgotten_from_its_time_on_and_not_before(store):
    await store.add(new("waits"))
    await store.add(new("runs"))
    await store.change("runs", begin)
    await ended(store, "short", 10.0, terms=Terms(keep_seconds=0.25), session="s", key="k")
    await ended(store, "long", 10.0)
    at = forget_time(await store.get("short"))
    assert at == 10.25
    assert list(await store.forget(math.nextafter(at, 0.0))) == []
    assert list(await store.forget(at)) == ["short"]
    assert await store.get("short") is None
    assert list(await store.events("short")) == []
    assert list(await store.jobs(session="s")) == []
    assert [each.id for each in await store.jobs()] == ["long", "runs", "waits"]
    assert list(await store.forget(at)) == []
    assert list(await store.forget(1e12)) == ["long"]
    assert {each.id for each in await store.jobs()} == {"runs", "waits"}


async def add_ended(store, names):
    """Add jobs that have ended, as few steps as can be."""
    ends = (new(name) for name in sorted(names))
    done = [Change(replace(each.job, state=State.SUCCESS, ended=1.0), each.events) for each in ends]
    await asyncio.gather(*(store.add(each) for each in done))


async def test_one_call_forgets_however_many_there_are(store):
    names = {str(n) for n in range(230)}
    await add_ended(store, names)
    assert set(await store.forget(1e9)) == names
    assert list(await store.jobs()) == []


async def test_many_are_forgotten_at_once_each_told_by_one(place, store):
    names = {str(n) for n in range(30)}
    await add_ended(store, names)
    other = place.opened()
    told = await asyncio.gather(*(each.forget(1e9) for each in [store, other] * 3))
    assert sorted(itertools.chain(*told)) == sorted(names)
    assert list(await store.jobs()) == []
    await other.close()


async def test_big_payloads_and_results_come_back_whole(store):
    payload = {"text": "Zoë\n" * 1_000_000, "rows": list(range(1_000))}
    result = ["\U0001f40d" * 500_000]
    await store.add(new("a", payload=payload))
    await store.change("a", begin)
    await store.change("a", end(result))
    found = await store.get("a")
    assert (found.payload, found.result) == (payload, result)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "",
        "\x00\x1f\x7f\u2028\ufeff\U0010ffff",
        {"": {"\x00": []}, "e\u0301": "\u00e9"},
        [0, -1, 2**70, 1e308, 5e-324, -0.0, True],
        {"nul": "\\u0000", "quote": "\"'`"},
    ],
)
async def test_odd_payloads_come_back_as_they_are(store, payload):
    await store.add(new("a", payload=payload))
    found = await store.get("a")
    assert json.dumps(found.payload) == json.dumps(payload)


async def test_a_process_that_is_killed_loses_nothing_that_it_told(place, store):
    await store.add(new("a"))
    await store.change("a", begin)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.agent.jobs.store_child"),
        *(place.kind, place.where, place.prefix, "a"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    for _ in range(20):
        await child.stdout.readline()
    child.kill()
    told = (await child.stdout.read()).split()
    await child.wait()
    job = await store.get("a")
    assert not told or job.last_event >= int(told[-1])
    events = await store.events("a", most=10**6)
    assert [each.number for each in events] == list(range(1, job.last_event + 1))
    assert job.stage == events[-1].data["stage"]
    assert (await store.change("a", end()))[1]


async def test_a_closed_store_says_so_and_may_be_closed_again(place, store):
    await store.add(new("a"))
    await store.close()
    await store.close()
    for call in (
        lambda: store.get("a"),
        lambda: store.add(new("b")),
        lambda: store.change("a", begin),
        lambda: store.events("a"),
        store.jobs,
        lambda: store.forget(0.0),
    ):
        with pytest.raises(JobStoreError, match="closed"):
            await call()
    assert "closed" in repr(store)
    other = place.opened()
    assert [each.id for each in await other.jobs()] == ["a"]
    await other.close()


async def test_a_store_that_was_never_used_is_closed(place):
    store = place.opened()
    await store.close()
    with pytest.raises(JobStoreError, match="closed"):
        await store.get("a")


class CancelledAt:
    """Awaits something, and cancels its task while that is suspended for the nth time."""

    def __init__(self, work, nth):
        self.work = work
        self.left = nth

    def __await__(self):
        steps = self.work.__await__()
        thrown = None
        while True:
            try:
                future = steps.send(None) if thrown is None else steps.throw(thrown)
            except StopIteration as done:
                return done.value
            self.left -= 1
            if self.left == 0:
                asyncio.current_task().cancel()
            try:
                thrown = yield future
            except BaseException as error:  # noqa: BLE001  (passed on, whatever it is)
                thrown = error


async def cancelled_at(work, nth):
    """Say whether some work was cancelled at its nth suspension, or had fewer."""

    async def run():
        await CancelledAt(work, nth)

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return task.cancelled()


async def test_a_change_that_is_cancelled_anywhere_is_made_or_not_made(store):
    await store.add(new("a"))
    await store.change("a", begin)
    nth = 1
    while await cancelled_at(store.change("a", say(str(nth))), nth):
        job = await store.get("a")
        events = await store.events("a")
        assert [each.number for each in events] == list(range(1, job.last_event + 1))
        assert events[-1].data.get("stage", "") == job.stage
        nth += 1
    assert nth > 1
    assert (await store.get("a")).stage == str(nth)


async def test_everything_else_may_be_cancelled_anywhere(store):
    for nth in range(1, 10):
        await cancelled_at(store.add(new(f"add {nth}", key=str(nth))), nth)
        await cancelled_at(store.get("add 1"), nth)
        await cancelled_at(store.jobs(), nth)
        await cancelled_at(store.events("add 1"), nth)
        await cancelled_at(store.forget(0.0), nth)
    for job in await store.jobs():
        assert [each.name for each in await store.events(job.id)] == ["created"]
        assert (await store.add(new("other", key=job.key))).id == job.id


async def test_work_that_is_cancelled_at_a_closing_store_ends(store):
    await store.add(new("a"))
    asked = [asyncio.create_task(store.change("a", begin)) for _ in range(5)]
    closing = asyncio.create_task(store.close())
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    await closing
    assert all(isinstance(each, JobStoreError | tuple) for each in outcomes)


# -- records -----------------------------------------------------------------------------------

jsons = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # lone surrogates are excluded from payloads before, and kept here
    | st.text(st.characters()),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=8,
)
moments = st.floats(0, 1e12)
jobs = st.builds(
    Job,
    id=st.text(),
    kind=st.text(),
    given=jsons,
    created=moments,
    terms=st.builds(Terms, moments, moments, st.integers(), moments, moments),
    key=st.none() | st.text(),
    session=st.text(),
    state=st.sampled_from(State),
    reason=st.none() | st.sampled_from(Reason),
    percent=st.floats(0, 100),
    stage=st.text(st.characters(exclude_categories=[])),
    started=st.none() | moments,
    ended=st.none() | moments,
    cancel_asked=st.booleans(),
    made=jsons,
    last_event=st.integers(0),
)


@settings(deadline=None)
@given(jobs)
def test_any_job_comes_back_from_its_record(job):
    found = job_of(job.id, record_of(job))
    assert decoded(found) == job
    assert type(found.state) is State


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=[])), st.dictionaries(st.text(), jsons, max_size=3))
def test_any_event_comes_back_from_its_record(name, data):
    event = JobEvent(7, 1.5, name, data)
    assert event_of("j1", 7, event_record(EVERYTHING, event)) == event


def damaged(**fields):
    body = json.loads(record_of(EVERYTHING).body.decode("utf-8", "surrogatepass"))
    return json.dumps({**body, **fields}).encode()


GOOD = record_of(EVERYTHING)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (replace(GOOD, body=b""), "Expecting value"),
        (replace(GOOD, body=GOOD.body[:-1]), "delimiter"),
        (replace(GOOD, body=b"\xff" + GOOD.body), "decode"),
        (replace(GOOD, body=b"[1]"), "no object"),
        (replace(GOOD, body=damaged(version=2)), "of version 2, and this program reads 1"),
        (replace(GOOD, body=damaged(version=None)), "of version None"),
        (replace(GOOD, body=damaged(more=1)), "has not the fields of a Job"),
        (replace(GOOD, body=damaged(terms={})), "has not the fields of a Terms"),
        (replace(GOOD, body=damaged(terms=None)), "terms has not the fields"),
        (replace(GOOD, body=damaged(state="DONE")), "'DONE' is not a valid State"),
        (replace(GOOD, body=damaged(state=None)), "None is not a valid State"),
        (replace(GOOD, body=damaged(reason="x")), "'x' is not a valid Reason"),
        (replace(GOOD, body=damaged(attempt="1")), "attempt is no int"),
        (replace(GOOD, body=damaged(attempt=True)), "attempt is no int"),
        (replace(GOOD, body=damaged(created="now")), "created is no float"),
        (replace(GOOD, body=damaged(ended=[])), "ended is no float"),
        (replace(GOOD, body=damaged(cancel_asked=0)), "cancel_asked is no bool"),
        (replace(GOOD, body=damaged(key=1)), "key is no str"),
        (replace(GOOD, body=damaged(id="j2")), "it is the record of 'j2'"),
    ],
)
def test_a_record_that_is_damaged_is_an_error_that_names_the_job(record: Record, said):
    with pytest.raises(JobStoreError, match=said) as raised:
        job_of("j1", record)
    assert str(raised.value).startswith("job 'j1' cannot be read: ")


def test_a_record_without_a_field_is_damaged():
    body = json.loads(damaged())
    del body["host"]
    with pytest.raises(JobStoreError, match="has not the fields of a Job"):
        job_of("j1", replace(GOOD, body=json.dumps(body).encode()))


def test_an_event_of_another_number_version_or_type_is_damaged():
    event = event_record(EVERYTHING, JobEvent(1, 1.0, "created", {}))
    changed = {
        "it has number 1": (2, event),
        "of version 9": (1, event.replace(b'"version":1', b'"version":9')),
        "data is no dict": (1, event.replace(b"{}", b"[]")),
        "Expecting": (1, b""),
    }
    for said, (number, record) in changed.items():
        with pytest.raises(JobStoreError, match=said) as raised:
            event_of("j1", number, record)
        assert f"event {number} of job 'j1'" in str(raised.value)
