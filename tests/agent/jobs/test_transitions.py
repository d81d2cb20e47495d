"""What may become of a job: any sequence of what hosts, workers and people do, late ones too."""

import math
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.jobs import transitions
from agent.jobs.job import Job, JobEvent, Reason, State, Terms
from agent.jobs.transitions import (
    LONGEST_BACKOFF,
    LONGEST_STAGE,
    MOST_LOSSES,
    Change,
    adopt,
    ask_cancel,
    begin,
    created,
    fail,
    lose,
    moved,
    report,
    succeed,
)

RUNNING = Job(
    *("a", "count", None, 1.0, Terms(attempts=2, backoff=4.0)),
    host="here",
    state=State.PROGRESS,
    percent=5.0,
    stage="one",
    attempt=1,
    worker="w",
    started=2.0,
    heartbeat=2.0,
    last_event=2,
)
WAITING = replace(Job("a", "count", None, 1.0), last_event=1)
ENDED = replace(RUNNING, state=State.SUCCESS, ended=9.0)


class Life(RuleBasedStateMachine):
    """One job, everything that was ever begun of it, and everything that was told."""

    @initialize(key=st.none() | st.just("k"), attempts=st.integers(1, 4))
    def make(self, key, attempts):
        self.now = 10.0
        self.events = []
        self.begun = set()
        self.before = None
        self.lost = self.failed = 0
        terms = Terms(attempts=attempts, backoff=2.0)
        self.take(created(Job("a", "count", None, self.now, terms, key=key)))

    def take(self, change):
        """Have what a store would have; give whether something changed."""
        if change is None:
            return False
        self.before = getattr(self, "job", None)
        self.job = change.job
        self.events += change.events
        return True

    def stale(self, data):
        """Give an attempt: the running one, an earlier one, or one that never was."""
        return data.draw(st.integers(self.job.attempt - 2, self.job.attempt + 1))

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 100.0]))
    def wait(self, seconds):
        self.now += seconds

    @rule()
    def begin(self):
        before = self.job
        if self.take(begin(before, "w", self.now)):
            assert before.state is State.PENDING
            assert self.now >= before.due
            assert self.job.attempt not in self.begun
            assert self.lost == 0 or self.job.key is not None
            assert (self.job.percent, self.job.stage, self.job.worker) == (0.0, "", "w")
            self.begun.add(self.job.attempt)
        else:
            assert before.state is not State.PENDING or before.due > self.now

    @rule(
        data=st.data(),
        percent=st.none() | st.floats(),
        stage=st.none() | st.sampled_from(["", "x", "y" * 300]),
    )
    def report(self, data, percent, stage):
        before, attempt = self.job, self.stale(data)
        if self.take(report(before, attempt, self.now, percent, stage)):
            self.ran(before, attempt)
            assert before.percent <= self.job.percent <= 99.0
            assert len(self.job.stage) <= LONGEST_STAGE
            assert self.job.heartbeat == self.now
            assert self.job.last_event - before.last_event <= 1

    @rule(data=st.data())
    def succeed(self, data):
        before, attempt = self.job, self.stale(data)
        if self.take(succeed(before, attempt, "done", self.now)):
            self.ran(before, attempt)
            assert (self.job.result, self.job.percent, self.job.error) == ("done", 100.0, "")

    @rule(data=st.data(), reason=st.sampled_from(Reason))
    def fail(self, data, reason):
        before, attempt = self.job, self.stale(data)
        if self.take(fail(before, attempt, reason, "broken", self.now)):
            self.ran(before, attempt)
            self.failed += 1
            assert self.job.error == "broken"
            if self.job.state is State.PENDING:
                assert reason is Reason.ERROR
                assert self.failed < self.job.terms.attempts
                assert self.job.due == self.now + 2.0**self.failed
            else:
                assert self.job.reason is reason

    @rule(data=st.data())
    def lose(self, data):
        before, attempt = self.job, self.stale(data)
        if self.take(lose(before, attempt, self.now)):
            self.ran(before, attempt)
            self.lost += 1
            if before.key is None:
                assert self.job.is_ended

    @rule()
    def ask_cancel(self):
        before = self.job
        if self.take(ask_cancel(before, self.now)):
            assert not before.cancel_asked
            waited = before.state is State.PENDING
            assert self.job.is_ended is waited
            assert not waited or self.job.reason is Reason.CANCELLED

    @rule(host=st.sampled_from(["here", "there"]))
    def adopt(self, host):
        before = self.job
        if self.take(adopt(before, host, self.now)):
            assert self.job == replace(before, host=host, queued=self.now)
            assert before.state is State.PENDING

    def ran(self, before, attempt):
        """See that only the attempt that runs was heard."""
        assert before.state is State.PROGRESS
        assert attempt == before.attempt

    @invariant()
    def events_have_no_gaps(self):
        if hasattr(self, "job"):
            assert [each.number for each in self.events] == list(range(1, len(self.events) + 1))
            assert self.job.last_event == len(self.events)

    @invariant()
    def what_has_ended_stays(self):
        if getattr(self, "before", None) is not None:
            assert not self.before.is_ended

    @invariant()
    def a_job_is_all_of_its_state(self):
        if not hasattr(self, "job"):
            return
        job = self.job
        assert job.is_ended is (job.ended is not None)
        assert (job.state is State.FAILURE) is (job.reason is not None)
        assert job.attempt == len(self.begun) <= job.terms.attempts + MOST_LOSSES - 1
        assert job.losses == self.lost <= MOST_LOSSES
        assert job.state is not State.PENDING or (not job.cancel_asked and job.worker == "")
        assert job.state is State.SUCCESS or job.result is None

    @invariant()
    def the_last_event_tells_of_the_end(self):
        if hasattr(self, "job") and self.job.is_ended:
            ends = {State.SUCCESS: "succeeded", State.FAILURE: "failed"}
            names = [each.name for each in self.events]
            assert names[-1] == ends[self.job.state]
            assert {"succeeded", "failed"}.isdisjoint(names[:-1])


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_a_new_job_tells_of_itself():
    job = Job("a", "count", None, 1.0)
    told = JobEvent(1, 1.0, "created", {"kind": "count"})
    assert created(job) == Change(replace(job, last_event=1), (told,))


def test_an_attempt_that_begins_is_told_with_its_worker():
    assert begin(WAITING, "w", 3.0) == Change(
        replace(
            *(WAITING,),
            state=State.PROGRESS,
            attempt=1,
            worker="w",
            started=3.0,
            heartbeat=3.0,
            last_event=2,
        ),
        (JobEvent(2, 3.0, "started", {"attempt": 1, "worker": "w"}),),
    )


def test_an_attempt_begins_at_its_time_and_not_before():
    due = replace(WAITING, due=5.0)
    assert begin(due, "w", math.nextafter(5.0, 0.0)) is None
    assert begin(due, "w", 5.0) is not None


@pytest.mark.parametrize("job", [RUNNING, ENDED])
def test_nothing_begins_while_it_runs_or_after_its_end(job):
    assert begin(job, "w", 99.0) is None


@pytest.mark.parametrize("percent", [5.0, 4.0, -1, -math.inf, math.nan, None])
def test_a_percentage_that_is_not_further_is_a_sign_of_life_only(percent):
    assert report(RUNNING, 1, 7.0, percent) == Change(replace(RUNNING, heartbeat=7.0), ())


def test_a_percentage_or_a_stage_that_is_new_is_told():
    for given, further in ((6, 6.0), (99.5, 99.0), (100, 99.0), (math.inf, 99.0)):
        change = report(RUNNING, 1, 7.0, given, "two")
        assert change is not None
        assert change.events == (
            JobEvent(3, 7.0, "progress", {"percent": further, "stage": "two"}),
        )


@pytest.mark.parametrize(
    ("failures", "backoff", "pause"),
    [
        (1, 4.0, 4.0),
        (2, 4.0, 8.0),
        (5, 4.0, 64.0),
        (5_000, 1.0, LONGEST_BACKOFF),
        (5_000, 0.0, 0.0),
        (3, 1e6, 1e6),
    ],
)
def test_the_pause_before_another_attempt_doubles_up_to_the_longest(failures, backoff, pause):
    terms = Terms(attempts=9_999, backoff=backoff)
    change = fail(replace(RUNNING, attempt=failures, terms=terms), failures, Reason.ERROR, "x", 7.0)
    assert change is not None
    assert change.job.due == 7.0 + pause
    assert change.events[0].data == {"error": "x", "seconds": pause}


def test_attempts_that_were_lost_do_not_count_as_failed():
    job = replace(RUNNING, attempt=3, losses=2, key="k")
    change = fail(job, 3, Reason.ERROR, "x", 7.0)
    assert change is not None
    assert change.job.state is State.PENDING


def test_a_job_that_is_to_be_cancelled_is_not_tried_again():
    change = fail(replace(RUNNING, cancel_asked=True), 1, Reason.ERROR, "x", 7.0)
    assert change is not None
    assert (change.job.state, change.job.reason) == (State.FAILURE, Reason.ERROR)
    lost = lose(replace(RUNNING, cancel_asked=True, key="k"), 1, 7.0)
    assert lost is not None
    assert (lost.job.state, lost.job.reason) == (State.FAILURE, Reason.CANCELLED)


def test_a_job_without_a_key_that_is_lost_says_why_it_is_not_run_again():
    change = lose(RUNNING, 1, 7.0)
    assert change is not None
    assert (change.job.state, change.job.reason) == (State.FAILURE, Reason.LOST)
    assert "it has no idempotency key" in change.job.error


def test_a_job_with_a_key_is_run_again_until_it_was_lost_too_often():
    job = replace(RUNNING, key="k")
    for attempt in range(1, MOST_LOSSES):
        change = lose(replace(job, state=State.PROGRESS, attempt=attempt), attempt, 7.0)
        assert change is not None
        assert change.events[0].name == "lost"
        job = change.job
        assert (job.state, job.due) == (State.PENDING, 7.0)
    change = lose(replace(job, state=State.PROGRESS, worker="w9"), job.attempt, 7.0)
    assert change is not None
    assert change.job.reason is Reason.LOST
    assert f"lost {MOST_LOSSES} times" in change.job.error
    assert "w9" in change.job.error


def test_what_had_failed_before_is_no_error_of_a_job_that_succeeds():
    change = succeed(replace(RUNNING, error="the first attempt broke"), 1, 3, 7.0)
    assert change is not None
    assert (change.job.error, change.job.result) == ("", 3)


@pytest.mark.parametrize(
    ("attempt", "when"), [(0, "before it began"), (2, "before attempt 3 began")]
)
def test_a_job_that_waits_is_cancelled_at_once(attempt, when):
    change = ask_cancel(replace(WAITING, attempt=attempt), 7.0)
    assert change is not None
    assert (change.job.state, change.job.reason) == (State.FAILURE, Reason.CANCELLED)
    assert change.job.error == f"cancelled {when}"


def test_a_job_that_runs_is_asked_once():
    change = ask_cancel(RUNNING, 7.0)
    asked = replace(RUNNING, cancel_asked=True, last_event=3)
    assert change == Change(asked, (JobEvent(3, 7.0, "cancel_asked", {}),))
    assert ask_cancel(asked, 8.0) is None


def test_only_a_job_that_waits_is_adopted():
    adopted = Change(replace(WAITING, host="there", queued=5.0), ())
    assert adopt(WAITING, "there", 5.0) == adopted
    assert adopt(RUNNING, "there", 5.0) is None
    assert adopt(ENDED, "there", 5.0) is None


def test_what_changed_is_moved_with_its_events():
    change = created(Job("a", "count", None, 1.0, host="here"))
    assert moved(change, "there") == replace(change, job=replace(change.job, host="there"))


def test_every_transition_is_tried_in_every_order():
    public = {
        name
        for name, each in vars(transitions).items()
        if callable(each) and each.__module__ == transitions.__name__ and name[0] != "_"
    }
    assert public - {"Change", "created", "joined", "moved"} <= set(vars(Life))
