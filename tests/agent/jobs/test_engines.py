"""What every engine holds: `agent.jobs.engine` says it. Run on each in `BENCHES`."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from agent.jobs.errors import JobInputError, JobNotFoundError
from agent.jobs.job import Reason, State
from tests.agent.jobs.celery_bench import on_celery
from tests.agent.jobs.engine_contract import ENGINES, Bench, survivors, until

WAITS = ["wait", "wait async", "wait light", "wait light async"]
ECHOES = ["echo", "echo async", "echo light", "echo light async"]


BENCHES = {**ENGINES, "celery": on_celery}


@pytest.fixture(params=list(BENCHES))
async def bench(request, tmp_path):
    async with BENCHES[request.param](request, tmp_path) as made:
        yield made


def how(job) -> tuple[str, str | None]:
    return job.state, job.reason


CANCELLED = (State.FAILURE, Reason.CANCELLED)
ERROR = (State.FAILURE, Reason.ERROR)
SUCCESS = (State.SUCCESS, None)

# -- results ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ECHOES)
async def test_what_a_job_returns_is_its_result(bench: Bench, kind):
    payload = {"text": "a\u2028\U0001f600\x00\u202e", "numbers": [1, -2.5, 10**30, True, None]}
    job = await bench.run(kind, payload)
    assert (how(job), job.result, job.error) == (SUCCESS, payload, "")
    assert (job.percent, job.attempt, job.losses) == (100.0, 1, 0)
    assert await bench.names(job) == ["created", "started", "succeeded"]


async def test_a_job_knows_what_it_is(bench: Bench):
    job = await bench.run("about", key="k", session="s")
    assert job.result == {
        "about": [job.id, "about", 1, "k", "s"],
        "pid": job.result["pid"],
        "is_main_thread": True,
    }
    assert await survivors([job.result["pid"]]) == []


async def test_a_result_of_nothing_is_one(bench: Bench):
    job = await bench.run("echo", None)
    assert (how(job), job.result) == (SUCCESS, None)


async def test_a_payload_of_megabytes_goes_there_and_back(bench: Bench):
    job = await bench.run("echo", "x" * 4_000_000)
    assert (how(job), job.result) == (SUCCESS, "x" * 4_000_000)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("set", "ValueError: the result is a set, which JSON does not have"),
        ("object", "ValueError: the result is a object, which JSON does not have"),
        ("bytes", "ValueError: the result is a bytes, which JSON does not have"),
        ("nan", "ValueError: the result[1] is nan, which JSON does not have"),
        ("keys", "ValueError: the key 1 of the result['a'] is no text"),
        ("half", "ValueError: the result[0] holds half a character"),
        ("large", "has 17,000,002 bytes as JSON; at most 16,000,000 are taken"),
    ],
)
async def test_a_result_that_cannot_be_kept_fails_the_job_with_the_reason(bench: Bench, what, text):
    job = await bench.run("give", what)
    assert how(job) == ERROR
    assert text in job.error
    assert job.result is None


async def test_a_result_that_holds_itself_fails_the_job(bench: Bench):
    job = await bench.run("give", "knot")
    assert how(job) == ERROR
    assert "is nested more than 100 deep" in job.error


async def test_tasks_that_a_job_left_end_with_it(bench: Bench):
    job = await bench.run("leave a task")
    assert (how(job), job.result) == (SUCCESS, True)


async def test_processes_that_a_job_left_end_with_it(bench: Bench):
    job = await bench.submit("family", "leave")
    ended = await bench.ended(job)
    assert (how(ended), ended.result) == (SUCCESS, "left them")
    members = json.loads((await bench.stages(job))[-1])
    assert await survivors(members) == []


async def test_what_a_job_prints_never_holds_it_up(bench: Bench):
    job = await bench.run("print", 2_000)
    assert (how(job), job.result) == (SUCCESS, "printed")


# -- submitting ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({1, 2}, "the payload is a set"),
        ({"a": float("inf")}, "the payload['a'] is inf"),
        ({1: 2}, "the key 1 of the payload is no text"),
        ("\udcff", "the payload holds half a character"),
        ("x" * 16_000_000, "at most 16,000,000"),
    ],
)
async def test_a_payload_that_is_no_json_is_refused(bench: Bench, payload, text):
    with pytest.raises(JobInputError) as refused:
        await bench.submit("echo", payload)
    assert text in str(refused.value)
    assert await bench.jobs.all() == []


async def test_a_kind_that_is_not_known_is_refused_with_those_that_are(bench: Bench):
    with pytest.raises(JobInputError, match=r"there is no kind of job 'ecko'; there are: .*echo"):
        await bench.submit("ecko")


@pytest.mark.parametrize("use", ["get", "events", "cancel", "wait"])
async def test_an_id_that_is_not_known_is_an_error(bench: Bench, use):
    with pytest.raises(JobNotFoundError, match="there is no job 'nobody'"):
        await getattr(bench.jobs, use)("nobody")


async def test_following_an_id_that_is_not_known_is_an_error(bench: Bench):
    with pytest.raises(JobNotFoundError, match="there is no job 'nobody'"):
        await anext(bench.jobs.follow("nobody"))


async def test_two_jobs_with_one_key_are_one(bench: Bench):
    first = await bench.begun("wait", bench.go, key="once")
    second = await bench.submit("wait", bench.go, key="once")
    assert second.id == first.id
    bench.let_go()
    assert how(await bench.ended(first)) == SUCCESS
    third = await bench.submit("wait", bench.go, key="once")
    assert (third.id, third.state) == (first.id, State.SUCCESS)
    assert await bench.names(first) == ["created", "started", "succeeded"]


async def test_one_key_of_two_kinds_are_two_jobs(bench: Bench):
    one, other = await bench.run("echo", 1, key="k"), await bench.run("echo async", 2, key="k")
    assert (one.result, other.result) == (1, 2)


async def test_a_job_that_is_carried_twice_runs_once(bench: Bench):
    job = await bench.begun("wait", bench.go)
    await bench.jobs._engine.carry(job)
    bench.let_go()
    await bench.ended(job)
    follower = await bench.run("echo")
    assert how(follower) == SUCCESS
    assert await bench.names(job) == ["created", "started", "succeeded"]


async def test_jobs_are_listed_the_oldest_first_and_by_session(bench: Bench):
    jobs = [await bench.run("echo light", n, session=f"s{n % 2}") for n in range(4)]
    assert [each.id for each in await bench.jobs.all()] == [each.id for each in jobs]
    of_one = await bench.jobs.all(session="s1")
    assert [each.id for each in of_one] == [jobs[1].id, jobs[3].id]


# -- places and order ------------------------------------------------------------------------------


async def test_no_more_run_at_once_than_there_are_places(bench: Bench):
    running = [await bench.begun("wait", bench.go) for _ in range(bench.most)]
    waiting = [await bench.submit("wait", bench.go) for _ in range(2)]
    quick = await bench.submit("echo")
    assert await bench.states(running) == [State.PROGRESS] * bench.most
    assert await bench.states([*waiting, quick]) == [State.PENDING] * 3
    bench.let_go()
    for job in (*running, *waiting, quick):
        assert how(await bench.ended(job)) == SUCCESS


async def test_two_hundred_quick_jobs_all_come_back(bench: Bench):
    jobs = [await bench.submit("echo light", n) for n in range(200)]
    results = [(await bench.ended(job)).result for job in jobs]
    assert results == list(range(200))


async def test_jobs_of_all_sorts_run_side_by_side(bench: Bench):
    kinds = [ECHOES[n % 4] for n in range(24)]
    jobs = [await bench.submit(kind, n) for n, kind in enumerate(kinds)]
    assert [(await bench.ended(job)).result for job in jobs] == list(range(24))


# -- progress --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["report", "report light"])
async def test_every_stage_is_told_once_and_in_order(bench: Bench, kind):
    pairs = [[n, f"stage {n}"] for n in range(60)]
    job = await bench.run(kind, pairs)
    assert how(job) == SUCCESS
    assert await bench.stages(job) == [f"stage {n}" for n in range(60)]


async def test_the_last_report_is_never_lost(bench: Bench):
    job = await bench.run("report", [[10, "first"], [70, "last"]])
    events = [each for each in await bench.jobs.events(job.id) if each.name == "progress"]
    assert events[-1].data == {"percent": 70.0, "stage": "last"}


async def test_the_percentage_never_goes_back(bench: Bench):
    job = await bench.run("report", [[50, "a"], [20, "b"], [None, "c"], [60, None]])
    events = [each for each in await bench.jobs.events(job.id) if each.name == "progress"]
    percents = [each.data["percent"] for each in events]
    assert percents == sorted(percents)
    assert percents[-1] == 60.0
    assert await bench.stages(job) in (["a", "b", "c"], ["a", "b", "c", "c"])


async def test_a_percentage_is_kept_between_nothing_and_all(bench: Bench):
    job = await bench.run("report", [[-5, "below"], [float("1e9"), "above"]])
    events = [each for each in await bench.jobs.events(job.id) if each.name == "progress"]
    assert [each.data["percent"] for each in events] == [0.0, 99.0]


@pytest.mark.parametrize("percent", ["half", [1]])
async def test_a_percentage_that_is_no_number_is_the_jobs_error(bench: Bench, percent):
    job = await bench.run("report wrongly", percent)
    assert how(job) == ERROR


async def test_a_stage_of_any_length_and_of_any_characters_is_kept(bench: Bench):
    job = await bench.run("report", [[1, "x" * 100_000], [2, "\U0001f600\u202e\x00\n"], [3, ""]])
    assert await bench.stages(job) == ["x" * 200, "\U0001f600\u202e\x00\n", ""]


async def test_a_hundred_thousand_reports_are_few_events(bench: Bench):
    job = await bench.run("report much", 100_000)
    assert (how(job), job.result) == (SUCCESS, 100_000)
    assert len(await bench.jobs.events(job.id)) < 1_000


async def test_any_thread_of_a_job_reports(bench: Bench):
    job = await bench.run("report from a thread")
    assert await bench.stages(job) == ["from a thread"]


async def test_a_report_after_the_end_comes_to_nothing(bench: Bench):
    job = await bench.run("report late", bench.go)
    assert how(job) == SUCCESS
    bench.let_go()
    follower = await bench.run("echo")
    assert how(follower) == SUCCESS
    assert await bench.stages(job) == []
    assert await bench.jobs.get(job.id) == job


async def test_whoever_follows_sees_every_event_until_the_end(bench: Bench):
    job = await bench.submit("report", [[50, "half"]])
    async with asyncio.timeout(30):
        events = [event async for event in bench.jobs.follow(job.id)]
    assert [event.name for event in events] == ["created", "started", "progress", "succeeded"]
    assert events == list(await bench.jobs.events(job.id))


async def test_a_job_that_runs_has_a_heartbeat_a_worker_and_an_estimate(bench: Bench):
    job = await bench.begun("wait", bench.go)
    assert (job.percent, job.stage, job.state) == (10.0, "ready", State.PROGRESS)
    assert job.worker
    assert job.started is not None
    assert job.heartbeat is not None
    assert job.started <= job.heartbeat
    assert job.left(job.started + 1.0) == pytest.approx(9.0)
    bench.let_go()
    assert (await bench.ended(job)).left(job.started + 1.0) is None


async def test_the_heart_of_a_quiet_job_beats_on(bench: Bench):
    job = await bench.begun("wait", bench.go)
    async with asyncio.timeout(30):
        while (await bench.jobs.get(job.id)).heartbeat == job.heartbeat:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.05)
    assert await bench.names(job) == ["created", "started"]


# -- cancelling ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WAITS)
async def test_a_job_that_runs_is_cancelled(bench: Bench, kind):
    job = await bench.begun(kind, bench.go)
    asked = await bench.jobs.cancel(job.id)
    assert (asked.state, asked.cancel_asked) == (State.PROGRESS, True)
    ended = await bench.ended(job)
    assert (how(ended), ended.error) == (CANCELLED, "cancelled")
    assert await bench.names(job) == ["created", "started", "cancel_asked", "failed"]


async def test_a_job_that_waits_for_a_place_is_cancelled_at_once_and_never_begins(bench: Bench):
    running = [await bench.begun("wait", bench.go) for _ in range(bench.most)]
    job = await bench.submit("note", {"file": str(bench.folder / "notes"), "name": "ran"})
    cancelled = await bench.jobs.cancel(job.id)
    assert (how(cancelled), cancelled.error) == (CANCELLED, "cancelled before it began")
    bench.let_go()
    for each in running:
        await bench.ended(each)
    assert how(await bench.run("echo")) == SUCCESS
    assert await bench.names(job) == ["created", "failed"]
    assert not (bench.folder / "notes").exists()


async def test_a_job_that_is_cancelled_right_after_it_was_submitted_ends(bench: Bench):
    for kind in WAITS * 3:
        job = await bench.submit(kind, bench.go)
        await bench.jobs.cancel(job.id)
        assert how(await bench.ended(job)) == CANCELLED


async def test_cancelling_what_has_ended_changes_nothing(bench: Bench):
    job = await bench.run("echo", 1)
    assert await bench.jobs.cancel(job.id) == job
    assert await bench.jobs.get(job.id) == job


async def test_cancelling_twice_is_cancelling_once(bench: Bench):
    job = await bench.begun("refuse")
    await asyncio.gather(*(bench.jobs.cancel(job.id) for _ in range(5)))
    assert how(await bench.ended(job)) == CANCELLED
    assert await bench.names(job) == ["created", "started", "cancel_asked", "failed"]


@pytest.mark.parametrize("kind", ["tidy", "tidy async"])
async def test_a_cancelled_job_can_tidy_up(bench: Bench, kind):
    job = await bench.begun(kind, bench.go)
    await bench.jobs.cancel(job.id)
    assert how(await bench.ended(job)) == CANCELLED
    expected = {"tidy": "JobCancelledError", "tidy async": "CancelledWithinError"}[kind]
    assert await asyncio.to_thread(Path(f"{bench.go} tidied").read_text) == expected


async def test_the_tasks_of_a_cancelled_job_tidy_up_too(bench: Bench):
    job = await bench.begun("wait in a group", bench.go)
    await bench.jobs.cancel(job.id)
    ended = await bench.ended(job)
    assert (how(ended), ended.error) == (CANCELLED, "cancelled")
    text = await asyncio.to_thread(Path(bench.go).read_text)
    assert sorted(text.split()) == ["one", "two"]


@pytest.mark.parametrize("kind", ["refuse", "refuse async", "hog"])
async def test_a_job_that_does_not_let_itself_be_cancelled_is_killed(bench: Bench, kind):
    if kind == "hog":  # which lets no report out any more
        job = await bench.submit(kind, bench.go)
        await until(Path(bench.go).exists)
    else:
        job = await bench.begun(kind, bench.go)
    await bench.jobs.cancel(job.id)
    ended = await bench.ended(job)
    assert how(ended) == CANCELLED
    assert "it did not give up in time" in ended.error


async def test_a_sleep_is_no_hindrance(bench: Bench):
    job = await bench.begun("sleep in C")
    await bench.jobs.cancel(job.id)
    ended = await bench.ended(job)
    assert (how(ended), ended.error) == (CANCELLED, "cancelled")


async def test_a_job_that_is_quicker_than_its_cancellation_has_succeeded(bench: Bench):
    job = await bench.begun("cancelled, but done", bench.go)
    await bench.jobs.cancel(job.id)
    ended = await bench.ended(job)
    assert (how(ended), ended.result) == (SUCCESS, "done before it was killed")


@pytest.mark.parametrize("payload", [None, "refuse"])
async def test_nothing_that_a_cancelled_job_started_survives(bench: Bench, payload):
    job = await bench.submit("family", payload)
    members = await bench.members(job)
    await bench.jobs.cancel(job.id)
    assert how(await bench.ended(job)) == CANCELLED
    assert await survivors(members) == []


async def test_a_place_is_free_again_after_a_cancellation(bench: Bench):
    for _ in range(bench.most + 1):
        job = await bench.begun("wait", bench.go)
        await bench.jobs.cancel(job.id)
        assert how(await bench.ended(job)) == CANCELLED
    assert how(await bench.run("echo")) == SUCCESS


# -- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["obey", "obey async", "obey light", "obey light async"])
async def test_a_job_gives_up_at_its_soft_limit(bench: Bench, kind):
    job = await bench.run(kind, bench.go)
    assert how(job) == (State.FAILURE, Reason.SOFT_LIMIT)
    assert job.error == "it gave up after its soft limit of 0.3 s"
    tidied = await asyncio.to_thread(Path(f"{bench.go} tidied").exists)
    assert tidied == (kind != "obey light")


@pytest.mark.parametrize("kind", ["overrun", "overrun async"])
async def test_a_job_that_ignores_its_soft_limit_is_killed_at_the_hard_one(bench: Bench, kind):
    job = await bench.run(kind)
    assert how(job) == (State.FAILURE, Reason.HARD_LIMIT)
    assert "its hard limit of 0.5 s" in job.error


@pytest.mark.parametrize("kind", ["overrun light", "overrun light async"])
async def test_a_light_job_that_cannot_be_stopped_has_ended_all_the_same(bench: Bench, kind):
    job = await bench.run(kind, bench.go)
    bench.let_go()
    assert how(job) == (State.FAILURE, Reason.HARD_LIMIT)


async def test_nothing_that_an_overdue_job_started_survives(bench: Bench):
    job = await bench.submit("overrun with children", "refuse")
    ended = await bench.ended(job)
    assert how(ended) == (State.FAILURE, Reason.HARD_LIMIT)
    members = json.loads((await bench.stages(job))[0])
    assert await survivors(members) == []


async def test_a_job_may_finish_after_its_soft_limit(bench: Bench):
    job = await bench.run("finish after the soft limit", bench.go)
    assert (how(job), job.result) == (SUCCESS, "what there was by then")


async def test_a_job_that_fails_after_its_soft_limit_is_not_tried_again(bench: Bench):
    job = await bench.run("fail after the soft limit", bench.go)
    assert (how(job), job.attempt) == ((State.FAILURE, Reason.SOFT_LIMIT), 1)
    assert "RuntimeError: half done" in job.error


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("fail", "fails"),
        ("fail async", "fails_async"),
        ("fail light", "fails_light"),
        ("fail light async", "fails_light_async"),
    ],
)
async def test_an_error_is_told_with_its_type_its_text_and_its_place(bench: Bench, kind, function):
    job = await bench.run(kind, "no such\nthing \U0001f600")
    assert how(job) == ERROR
    assert job.error.startswith(
        "ValueError: no such\nthing \U0001f600 (in kinds_for_tests.py, line "
    )
    assert job.error.endswith(f", in {function})")
    assert await bench.names(job) == ["created", "started", "failed"]


async def test_an_error_of_any_length_is_cut(bench: Bench):
    job = await bench.run("fail", "x" * 1_000_000)
    assert how(job) == ERROR
    assert "[... 998,012 characters left out]" in job.error


async def test_a_job_without_a_bottom_fails(bench: Bench):
    job = await bench.run("deep")
    assert how(job) == ERROR
    assert job.error.startswith("RecursionError: ")


async def test_a_job_that_is_killed_from_outside_fails(bench: Bench):
    job = await bench.run("die", int(signal.SIGKILL))
    assert (how(job), job.error) == (ERROR, "its process ended (signal 9) without a result")


async def test_a_job_that_crashes_fails(bench: Bench):
    job = await bench.run("die", int(signal.SIGSEGV))
    assert (how(job), job.error) == (ERROR, "its process ended (signal 11) without a result")


@pytest.mark.parametrize("code", [0, 3])
async def test_a_job_that_ends_its_process_fails(bench: Bench, code):
    job = await bench.run("exit", code)
    assert (how(job), job.error) == (
        ERROR,
        f"its process ended (exit code {code}) without a result",
    )


async def test_a_job_that_exits_fails(bench: Bench):
    job = await bench.run("sys.exit", 3)
    assert how(job) == ERROR
    assert job.error.startswith("SystemExit: 3 ")


async def test_what_a_job_that_died_had_started_does_not_survive(bench: Bench):
    job = await bench.submit("family", "die")
    ended = await bench.ended(job)
    assert how(ended) == ERROR
    told = await bench.stages(job)
    assert [await survivors(json.loads(stage)) for stage in told] in ([], [[]])


# -- retries ---------------------------------------------------------------------------------------


async def test_a_job_that_fails_is_tried_again_as_its_kind_says(bench: Bench):
    job = await bench.run("fail at first", 3)
    assert (how(job), job.result, job.attempt) == (SUCCESS, 3, 3)
    assert await bench.names(job) == [
        *("created", "started", "retrying", "started", "retrying", "started", "succeeded")
    ]
    events = await bench.jobs.events(job.id)
    pauses = [event.data["seconds"] for event in events if event.name == "retrying"]
    assert pauses == [0.05, 0.1]
    assert await bench.stages(job) == ["attempt 1", "attempt 2", "attempt 3"]


async def test_no_attempt_begins_before_it_is_due(bench: Bench):
    job = await bench.run("fail at first", 3)
    events = await bench.jobs.events(job.id)
    starts = [event.time for event in events if event.name == "started"]
    retries = [event.time + event.data["seconds"] for event in events if event.name == "retrying"]
    assert all(start >= due for start, due in zip(starts[1:], retries, strict=True))


async def test_a_job_fails_when_its_attempts_are_used_up(bench: Bench):
    job = await bench.run("fail at first", 4)
    assert (how(job), job.attempt) == (ERROR, 3)
    assert job.error.startswith("RuntimeError: not in attempt 3 ")


async def test_a_job_whose_process_died_is_tried_again(bench: Bench):
    job = await bench.run("die at first")
    assert (how(job), job.result, job.attempt, job.losses) == (SUCCESS, "lived", 2, 0)


async def test_a_job_that_waits_for_its_retry_holds_no_place_and_is_cancelled(bench: Bench):
    jobs = [await bench.submit("wait for a retry") for _ in range(bench.most)]
    for job in jobs:
        await bench.event(job, lambda event: event.name == "retrying")
    assert how(await bench.run("echo")) == SUCCESS
    cancelled = [await bench.jobs.cancel(job.id) for job in jobs]
    assert [how(job) for job in cancelled] == [CANCELLED] * bench.most
    assert how(await bench.run("echo")) == SUCCESS


# -- the engine itself -----------------------------------------------------------------------------


async def test_an_engine_can_be_closed_twice(bench: Bench):
    await bench.jobs.close()
    await bench.jobs.close()
