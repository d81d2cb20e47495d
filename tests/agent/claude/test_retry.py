"""Whether and when a failed request is sent again."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.claude.retry import AGAIN, FINAL_EVENTS, Retries, RetryLimits, may_pass
from agent.errors import ApiError, ConnectionFailedError, ModelError, StreamBrokenError

LOST = ConnectionFailedError("nobody there")
LIMITS = RetryLimits(attempts=8, first=0.5, longest=8, longest_asked=120, total=300)


def api(status=529, **more):
    return ApiError("no", status=status, **more)


def waits(error, limits=LIMITS, chance=0.0):
    """Give the waits of a request that fails at once each time, until it is given up."""
    retries, now, found = Retries(limits, lambda: chance), 0.0, []
    while (seconds := retries.wait(error, now)) is not None:
        found.append(seconds)
        now += seconds
    return found


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529, 599])
def test_a_status_that_may_pass_is_tried_again(status):
    assert may_pass(api(status))


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 410, 413, 422, 424, 499])
def test_a_status_that_will_not_pass_is_not(status):
    assert not may_pass(api(status))


@pytest.mark.parametrize("status", [400, 429, 500])
@pytest.mark.parametrize("told", [True, False])
def test_the_servers_own_advice_has_the_last_word(status, told):
    assert may_pass(api(status, should_retry=told)) is told


@pytest.mark.parametrize("code", ["spend_limit_reached", "enforced_spend_limit_reached"])
@pytest.mark.parametrize("status", [400, 402, 429, 500])
def test_a_spent_limit_is_never_asked_again_whatever_the_server_advises(code, status):
    assert not may_pass(api(status, code=code, should_retry=True, retry_after=0))
    assert waits(api(status, code=code, should_retry=True, retry_after=0)) == []


@pytest.mark.parametrize("code", ["", "rate_limited", "spend_limit"])
def test_other_codes_change_nothing(code):
    assert may_pass(api(429, code=code))


@pytest.mark.parametrize("kind", ["", "overloaded_error", "api_error", "timeout_error", "new_one"])
def test_a_broken_stream_is_tried_again(kind):
    assert may_pass(StreamBrokenError("broken", type=kind))


@pytest.mark.parametrize("kind", sorted(FINAL_EVENTS))
def test_an_error_event_that_would_come_again_is_not(kind):
    assert not may_pass(StreamBrokenError("broken", type=kind))


def test_a_lost_connection_may_come_back_and_any_other_error_is_final():
    assert may_pass(LOST)
    assert not may_pass(ModelError("something else"))


def test_waits_double_up_to_the_longest():
    assert waits(LOST) == [0.5, 1, 2, 4, 8, 8, 8]


def test_the_random_part_is_a_quarter_at_most_and_only_shortens():
    assert waits(LOST, chance=1.0) == [0.75 * seconds for seconds in waits(LOST)]


def test_there_are_no_more_attempts_than_allowed():
    assert len(waits(LOST, RetryLimits(attempts=3, first=0.0))) == 2
    assert waits(LOST, RetryLimits(attempts=1)) == []


@pytest.mark.parametrize("asked", [0.0, 0.001, 7, 120])
def test_what_the_server_asks_for_is_waited_exactly(asked):
    assert Retries(LIMITS).wait(api(retry_after=asked), 0) == asked


def test_a_negative_wait_is_none_at_all():
    assert Retries(LIMITS).wait(api(retry_after=-5), 0) == 0


@pytest.mark.parametrize("asked", [120.001, 3600, math.inf, math.nan])
def test_a_wait_longer_than_anybody_expects_gives_up_at_once(asked):
    assert Retries(LIMITS).wait(api(retry_after=asked), 0) is None


def test_the_total_counts_from_the_first_failure():
    retries = Retries(RetryLimits(first=1, longest=1, total=10), lambda: 0.0)
    assert retries.wait(LOST, 1_000) == 1
    assert retries.wait(LOST, 1_009) == 1, "just in time"
    assert retries.wait(LOST, 1_009.5) is None


def test_a_wait_that_would_end_behind_the_total_is_not_begun():
    limits = RetryLimits(longest_asked=100, total=50)
    assert Retries(limits).wait(api(retry_after=60), 0) is None
    assert Retries(limits).wait(api(retry_after=50), 0) == 50


def test_an_error_in_between_that_is_final_ends_it():
    retries = Retries(LIMITS)
    assert retries.wait(LOST, 0) is not None
    assert retries.wait(api(400), 1) is None


def test_it_tells_how_far_it_is():
    retries = Retries(LIMITS)
    retries.wait(LOST, 0)
    assert repr(retries) == "<Retries 1 failures of 8>"


def test_all_final_statuses_are_client_errors():
    assert all(400 <= status < 500 for status in AGAIN)


TIMES = st.floats(0, 1e4)
ERRORS = st.one_of(
    st.just(LOST),
    st.builds(
        ApiError,
        st.just("no"),
        status=st.integers(400, 599),
        code=st.sampled_from(["", "enforced_spend_limit_reached"]),
        retry_after=st.none() | st.floats(),
        should_retry=st.none() | st.booleans(),
    ),
    st.builds(StreamBrokenError, st.just("no"), type=st.sampled_from(["", *FINAL_EVENTS])),
)
SOME_LIMITS = st.builds(
    RetryLimits,
    attempts=st.integers(1, 20),
    first=TIMES,
    longest=TIMES,
    longest_asked=TIMES,
    total=TIMES,
)


@given(SOME_LIMITS, st.lists(st.tuples(ERRORS, TIMES), max_size=30), st.floats(0, 1))
def test_whatever_happens_the_limits_hold(limits, failures, chance):
    retries, now, begun = Retries(limits, lambda: chance), 0.0, None
    for number, (error, passed) in enumerate(failures, 1):
        now += passed
        begun = now if begun is None else begun
        seconds = retries.wait(error, now)
        if seconds is None:
            continue
        assert may_pass(error)
        assert number < limits.attempts
        assert 0 <= seconds <= max(limits.longest, limits.longest_asked)
        assert now - begun + seconds <= limits.total * (1 + 1e-9)


def test_a_patient_person_may_allow_any_number_of_attempts():
    assert len(waits(LOST, RetryLimits(attempts=1_200, first=0.0))) == 1_199
