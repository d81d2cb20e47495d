"""Jobs that nobody carries any more, found and carried again."""

from dataclasses import replace

import pytest

from agent.jobs import transitions
from agent.jobs.job import Job, Reason, State
from agent.jobs.sqlite_store import SqliteJobStore
from agent.jobs.sweeping import SweepTerms, Verdict, sweep, verdict

NOW = 1_000.0
WAITS = Job("j", "count", None, created=900.0, host="here")
RUNS = replace(
    WAITS, state=State.PROGRESS, attempt=1, worker="gone", started=950.0, heartbeat=NOW - 1
)
HERE = SweepTerms("here", lambda host: host == "gone", silence=15.0)
ANYWHERE = replace(HERE, stale=30.0)


@pytest.mark.parametrize(
    ("job", "terms", "judged"),
    [
        (WAITS, HERE, Verdict.FINE),
        (replace(WAITS, host="gone"), HERE, Verdict.UNCARRIED),
        (replace(WAITS, host="elsewhere"), HERE, Verdict.FINE),
        (WAITS, ANYWHERE, Verdict.UNCARRIED),
        (replace(WAITS, due=NOW - 29), ANYWHERE, Verdict.FINE),
        (replace(WAITS, due=NOW + 60), ANYWHERE, Verdict.FINE),
        (replace(WAITS, queued=NOW - 29), ANYWHERE, Verdict.FINE),
        (replace(WAITS, queued=NOW - 31), ANYWHERE, Verdict.UNCARRIED),
        (RUNS, HERE, Verdict.LOST),
        (replace(RUNS, worker="there"), HERE, Verdict.FINE),
        (replace(RUNS, worker="there", heartbeat=NOW - 16), HERE, Verdict.LOST),
        (replace(RUNS, worker="there", heartbeat=None), HERE, Verdict.LOST),
        (replace(RUNS, state=State.SUCCESS, ended=NOW), ANYWHERE, Verdict.FINE),
    ],
)
def test_a_job_is_judged_by_what_is_stored_of_it(job, terms, judged):
    assert verdict(job, NOW, terms) is judged


class Carrier:
    """An engine that only notes what it is to carry."""

    def __init__(self):
        self.carried = []

    async def carry(self, job):
        self.carried.append((job.id, job.state, job.host))


@pytest.fixture
async def store(tmp_path):
    store = SqliteJobStore(tmp_path / "jobs.sqlite")
    yield store
    await store.close()


async def keep(store, job):
    await store.add(transitions.Change(job, ()))


async def test_what_was_lost_with_a_key_is_carried_again_and_without_one_it_has_failed(store):
    await keep(store, replace(RUNS, id="with", key="k", last_event=1))
    await keep(store, replace(RUNS, id="without", last_event=1))
    carrier = Carrier()
    assert await sweep(store, carrier, NOW, HERE) == 2
    assert carrier.carried == [("with", State.PENDING, "here")]
    ended = await store.get("without")
    assert (ended.state, ended.reason) == (State.FAILURE, Reason.LOST)
    assert await sweep(store, carrier, NOW, HERE) == 0


async def test_what_an_ended_host_left_is_taken_over_once(store):
    await keep(store, replace(WAITS, host="gone", last_event=1))
    first, second = Carrier(), Carrier()
    await sweep(store, first, NOW, HERE)
    await sweep(store, second, NOW, replace(HERE, host="there"))
    assert first.carried == [("j", State.PENDING, "here")]
    assert second.carried == []


async def test_a_message_that_may_be_lost_is_sent_again_once_in_a_while(store):
    await keep(store, replace(WAITS, last_event=1))
    carrier = Carrier()
    for now in (NOW, NOW + 5, NOW + 29, NOW + 31):
        await sweep(store, carrier, now, ANYWHERE)
    assert len(carrier.carried) == 2


async def test_a_job_that_began_meanwhile_is_left_alone(store):
    await keep(store, replace(WAITS, last_event=1))

    class Slow:
        """Between the look at all jobs and the change of one, that one begins."""

        async def jobs(self, states=(), *, session=None):
            found = await store.jobs(states, session=session)
            await store.change("j", lambda stored: transitions.begin(stored, "w", NOW))
            return found

        async def change(self, job, decide):
            return await store.change(job, decide)

    carrier = Carrier()
    await sweep(Slow(), carrier, NOW, ANYWHERE)
    assert carrier.carried == []
    assert (await store.get("j")).state is State.PROGRESS
