"""What is special to Celery: messages that come twice or never, and processes that die."""

import asyncio
import json
import os
from dataclasses import replace

import psutil
import pytest
import redis

from agent.jobs.celery_app import make_app, priority_of
from agent.jobs.celery_engine import CeleryEngine, Message, attempt_message, look_message
from agent.jobs.celery_names import WorkerName, is_gone, new_supervisor, parsed
from agent.jobs.celery_task import JobFailedError, Step, step
from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, Reason, State
from tests.agent.jobs.celery_bench import (
    NEVER,
    Supervised,
    event,
    host_of,
    pool_process,
    settings_of,
    shown,
    until,
)
from tests.agent.jobs.engine_contract import survivors
from tests.agent.jobs.redis_server import RedisServer
from tools.process_members import living_process

SILENCE = 6.0
"""Three heartbeats."""

JOB = Job("j", "quick", None, created=100.0)


@pytest.fixture(scope="module")
def settings(redis_server):
    """Those of the worker that the tests of this module share."""
    return settings_of(redis_server.url)


@pytest.fixture(scope="module")
def worker(settings):
    supervised = Supervised(settings, concurrency=2)
    yield supervised
    supervised.end()


@pytest.fixture
async def jobs(settings, worker):
    assert worker.process.poll() is None
    async with host_of(settings) as host:
        yield host


@pytest.fixture
async def server(tmp_path):
    """A Redis of a test's own, to be killed."""
    own = RedisServer(tmp_path)
    await own.start()
    yield own
    await own.stop()


@pytest.fixture
def start():
    """Start workers of a test's own."""
    started = []

    def supervised(*given, **terms):
        started.append(Supervised(*given, **terms))
        return started[-1]

    yield supervised
    for each in started:
        each.end()


async def gated(jobs, gate, **given):
    """Submit a job that waits for a gate; give it when it does, and its escaped child."""
    job = await jobs.submit("gated", str(gate), **given)
    escaped = psutil.Process(int((await event(jobs, job, "progress")).data["stage"]))
    return await jobs.get(job.id), escaped


# -- what a message comes to -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "task", "expected"),
    [
        (JOB, "j.1", Step.BEGIN),
        (replace(JOB, due=200.0), "j.1", Step.BEGIN),
        (replace(JOB, due=200.5), "j.1", Step.WAIT),
        (replace(JOB, attempt=1), "j.2", Step.BEGIN),
        (replace(JOB, attempt=1), "j.1", Step.CARRY),
        (replace(JOB, attempt=1), "j.1.look", Step.CARRY),
        (replace(JOB, attempt=1, state=State.PROGRESS), "j.1", Step.LOOK),
        (replace(JOB, attempt=1, state=State.PROGRESS), "j.2", Step.LOOK),
        (replace(JOB, attempt=1, state=State.PROGRESS), "j.1.look", Step.LOOK),
        (replace(JOB, attempt=1, state=State.SUCCESS), "j.1", Step.END),
        (replace(JOB, state=State.FAILURE), "j.1", Step.END),
    ],
)
def test_a_message_begins_the_attempt_that_it_was_sent_for_and_no_other(job, task, expected):
    assert step(job, task, now=200.0) is expected


def test_the_messages_of_a_job_are_told_apart_by_attempt_and_purpose():
    later = replace(JOB, attempt=2)
    assert attempt_message(JOB) == Message("j.1", JOB)
    assert attempt_message(later, 3.0) == Message("j.3", later, 3.0)
    assert look_message(later, 3.0) == Message("j.2.look", later, 3.0, is_attempt=False)


def test_a_higher_priority_goes_first_on_the_way():
    assert [priority_of(each) for each in (-1000, -5, -1, 0, 1, 5, 1000)] == [9, 9, 6, 5, 4, 0, 0]


def test_only_a_worker_of_ones_own_is_known_to_be_gone():
    own, other = new_supervisor(), new_supervisor()
    mine = os.getpid()
    child = psutil.Process().ppid()
    parent = psutil.Process(child).ppid()
    assert parsed(str(WorkerName(own, 2, 77))) == WorkerName(own, 2, 77)
    assert parsed("host:12:34.5") is None
    assert not is_gone(f"{other}/1/{mine}", own, 2, mine)
    assert not is_gone("host:12:34.5", own, 2, mine)
    assert is_gone(f"{own}/1/{mine}", own, 2, child)
    assert is_gone(f"{own}/2/{mine}", own, 2, None)
    assert not is_gone(f"{own}/2/{mine}", own, 2, child)
    assert is_gone(f"{own}/2/{mine}", own, 2, parent)
    assert is_gone(f"{own}/2/{2**22 + 1}", own, 2, child)


# -- what is sent ----------------------------------------------------------------------------------


def sent(settings):
    """Give the messages that wait, those of the first priority first."""
    client = redis.Redis.from_url(settings.broker)
    try:
        keys = sorted(client.keys(f"{settings.queue}\x06\x16*"))
        return [json.loads(each) for key in keys for each in reversed(client.lrange(key, 0, -1))]
    finally:
        client.close()


async def test_messages_do_not_pile_up_for_an_attempt_that_is_carried_again(redis_server):
    settings = settings_of(redis_server.url, again=1000.0)
    engine = CeleryEngine(settings)
    for job in (JOB, JOB, replace(JOB, attempt=1), JOB, replace(JOB, state=State.PROGRESS)):
        await engine.carry(job)
    await engine.close()
    messages = await asyncio.to_thread(sent, settings)
    assert [each["headers"]["id"] for each in messages] == ["j.1", "j.2"]


async def test_an_attempt_that_nobody_began_is_carried_again_after_a_while(redis_server):
    settings = settings_of(redis_server.url, again=0.001)
    engine = CeleryEngine(settings, now=lambda: JOB.created)
    await engine.carry(JOB)
    await until(lambda: not sent_before(settings))
    await engine.carry(JOB)
    await engine.close()
    messages = await asyncio.to_thread(sent, settings)
    assert [each["headers"]["id"] for each in messages] == ["j.1", "j.1"]


def sent_before(settings):
    client = redis.Redis.from_url(settings.broker)
    try:
        return client.keys(f"{settings.queue}.sent.*")
    finally:
        client.close()


async def test_a_message_holds_an_id_and_is_not_kept_until_it_would_be_given_to_others(
    redis_server,
):
    settings = settings_of(redis_server.url, visibility_timeout=720.0)
    engine = CeleryEngine(settings, now=lambda: 1_000.0)
    await engine.carry(replace(JOB, due=1_060.0, priority=2, given="secret"))
    await engine.carry(replace(JOB, id="late", due=9_000.0))
    await engine.close()
    soon, late = await asyncio.to_thread(sent, settings)
    assert soon["headers"]["eta"] == "1970-01-01T00:17:40+00:00"
    assert late["headers"]["eta"] == "1970-01-01T00:22:40+00:00"
    assert (soon["properties"]["priority"], late["properties"]["priority"]) == (3, 5)
    assert soon["content-type"] == "application/json"
    assert "secret" not in json.dumps(soon)


async def test_programs_with_queues_of_their_own_share_a_redis(redis_server):
    one, other = settings_of(redis_server.url), settings_of(redis_server.url)
    engine = CeleryEngine(one)
    await engine.carry(JOB)
    await engine.close()
    assert len(await asyncio.to_thread(sent, one)) == 1
    assert await asyncio.to_thread(sent, other) == []
    options = [make_app(each).conf.broker_transport_options for each in (one, other)]
    for name in ("unacked_key", "unacked_index_key", "unacked_mutex_key"):
        assert options[0][name] != options[1][name]


async def test_a_password_is_in_no_error_and_no_repr():
    url = "redis://:sesame@127.0.0.1:1/0"
    settings = settings_of(url)
    engine = CeleryEngine(settings)
    with pytest.raises(JobStoreError) as raised:
        await engine.start()
    await engine.close()
    assert "sesame" not in f"{raised.value} {settings!r} {engine!r}"
    assert "127.0.0.1:1/0" in str(raised.value)


async def test_what_the_environment_names_counts_only_where_it_was_asked_for(
    redis_server, monkeypatch
):
    for name in ("CELERY_BROKER_URL", "CELERY_BROKER_WRITE_URL", "CELERY_RESULT_BACKEND"):
        monkeypatch.setenv(name, "redis://127.0.0.1:1/0")
    settings = settings_of(redis_server.url)
    engine = CeleryEngine(settings)
    await engine.carry(JOB)
    await engine.close()
    assert len(await asyncio.to_thread(sent, settings)) == 1
    assert await asyncio.to_thread(shown, settings, "nobody") == ("PENDING", None)


async def test_a_redis_that_was_restarted_takes_the_next_message(server):
    settings = settings_of(server.url)
    engine = CeleryEngine(settings)
    await engine.carry(JOB)
    await server.kill()
    with pytest.raises(JobStoreError):
        await engine.carry(replace(JOB, id="k"))
    await server.start()
    await engine.carry(replace(JOB, id="k"))
    await engine.close()
    messages = await asyncio.to_thread(sent, settings)
    assert [each["headers"]["id"] for each in messages] == ["j.1", "k.1"]


# -- what monitors see -----------------------------------------------------------------------------


async def test_monitors_see_progress_and_stage_and_success(jobs, settings, tmp_path):
    gate = tmp_path / "gate"
    job, escaped = await gated(jobs, gate)
    task = f"{job.id}.1"
    seen = ("PROGRESS", {"percent": 10.0, "stage": str(escaped.pid)})
    await until(lambda: shown(settings, task) == seen)
    gate.touch()
    assert (await jobs.wait(job.id)).result == {"attempt": 1}
    expected = ("SUCCESS", {"job": job.id, "state": "SUCCESS"})
    await until(lambda: shown(settings, task) == expected)


async def test_monitors_see_each_attempt_of_a_job_as_a_task(jobs, settings):
    job = await jobs.submit("second try")
    assert (await jobs.wait(job.id)).result == {"attempt": 2}
    await until(lambda: shown(settings, f"{job.id}.2")[0] == "SUCCESS")
    state, error = await asyncio.to_thread(shown, settings, f"{job.id}.1")
    assert state == "FAILURE"
    assert isinstance(error, JobFailedError)
    told = f"job {job.id}: attempt 1 failed, and one more follows: RuntimeError: not yet"
    assert str(error).startswith(told)


async def test_monitors_are_told_of_progress_as_it_happens(jobs, settings, tmp_path):
    (tmp_path / "gate").touch()
    told = []

    def watch(ready):
        app = make_app(settings)
        with app.connection_for_read() as connection:
            receiver = app.events.Receiver(connection, handlers={"*": told.append})
            consuming = receiver.itercapture(limit=None, timeout=10)
            next(consuming)
            ready()
            for _ in consuming:
                if told and told[-1].get("percent") == 10.0:
                    return

    loop, listening = asyncio.get_running_loop(), asyncio.Event()
    watching = asyncio.create_task(
        asyncio.to_thread(watch, lambda: loop.call_soon_threadsafe(listening.set))
    )
    await listening.wait()
    job = await jobs.submit("gated", str(tmp_path / "gate"))
    await watching
    assert (told[-1]["type"], told[-1]["uuid"]) == ("task-progress", f"{job.id}.1")
    assert (await jobs.wait(job.id)).state is State.SUCCESS


# -- messages that come twice, or never ------------------------------------------------------------


def kept(settings):
    """Give the ids of the tasks whose messages workers hold."""
    client = redis.Redis.from_url(settings.broker)
    try:
        held = client.hvals(f"{settings.queue}.unacked")
        return {json.loads(each)[0]["headers"]["id"] for each in held}
    finally:
        client.close()


async def test_a_message_that_comes_again_while_its_attempt_lives_begins_nothing(
    jobs, settings, tmp_path
):
    gate = tmp_path / "gate"
    job, _ = await gated(jobs, gate)
    # Redis gives it to the worker again, since nobody acknowledged it in time.
    await until(lambda: f"{job.id}.1.look" in kept(settings))
    gate.touch()
    assert (await jobs.wait(job.id)).result == {"attempt": 1}
    assert [each.name for each in await jobs.events(job.id)] == [
        "created",
        "started",
        "progress",
        "succeeded",
    ]


async def test_a_job_whose_message_was_lost_is_carried_again(redis_server, start):
    settings = settings_of(redis_server.url)
    async with host_of(settings) as jobs:
        job = await jobs.submit("quick")
        await asyncio.to_thread(drop, settings)
        start(settings, concurrency=1)
        assert (await jobs.wait(job.id)).state is State.SUCCESS


def drop(settings):
    client = redis.Redis.from_url(settings.broker)
    try:
        assert client.delete(f"{settings.queue}\x06\x165") == 1
    finally:
        client.close()


async def test_a_job_cancelled_with_no_worker_there_never_runs(redis_server, start):
    settings = settings_of(redis_server.url)
    async with host_of(settings) as jobs:
        cancelled = await jobs.submit("quick")
        await jobs.cancel(cancelled.id)
        other = await jobs.submit("quick")
        start(settings, concurrency=1)
        assert (await jobs.wait(other.id)).state is State.SUCCESS
        await until(lambda: not sent(settings) and not kept(settings))
        assert (await jobs.get(cancelled.id)).reason is Reason.CANCELLED
        names = [each.name for each in await jobs.events(cancelled.id)]
        assert names == ["created", "failed"]


async def test_a_job_submitted_while_only_the_broker_is_down_waits_and_is_swept_up(
    jobs, settings, caplog
):
    async with host_of(replace(settings, broker="redis://127.0.0.1:1/0")) as host:
        job = await host.submit("quick")
    assert f"job {job.id} is stored, and waits to be swept up" in caplog.text
    assert (await jobs.wait(job.id)).state is State.SUCCESS


async def test_a_host_that_finds_no_redis_says_so_at_its_start():
    async with host_of(settings_of("redis://127.0.0.1:1/0")) as host:
        with pytest.raises(JobStoreError, match=r"127\.0\.0\.1:1/0, fails: .*refused"):
            await host.start()


# -- processes that die ----------------------------------------------------------------------------


async def lost_and_run_again(jobs, tmp_path, kill):
    """Have two jobs lose what runs them; see that one runs again, and the other does not."""
    keyed, first = await gated(jobs, tmp_path / "gate", key=str(tmp_path))
    keyless, second = await gated(jobs, tmp_path / "gate")
    await asyncio.to_thread(kill, keyed, keyless)
    lost = await jobs.wait(keyless.id)
    assert (lost.state, lost.reason) == (State.FAILURE, Reason.LOST)
    await event(jobs, keyed, "started", keyed.last_event)
    (tmp_path / "gate").touch()
    again = await jobs.wait(keyed.id)
    assert (again.state, again.result, again.losses) == (State.SUCCESS, {"attempt": 2}, 1)
    await until(lambda: not any(living_process(each.pid) for each in (first, second)))


async def test_a_worker_that_is_killed_is_replaced_and_what_it_ran_runs_again_if_it_may(
    redis_server, start, tmp_path
):
    settings = settings_of(redis_server.url, visibility_timeout=NEVER)
    start(settings, concurrency=2)

    def kill(keyed, _):
        pool_process(keyed).parent().kill()

    async with host_of(settings) as jobs:
        await lost_and_run_again(jobs, tmp_path, kill)


async def test_what_a_killed_process_of_the_pool_ran_is_lost_by_the_message_that_comes_again(
    redis_server, start, tmp_path
):
    settings = settings_of(redis_server.url)
    start(settings, concurrency=2, sweep_seconds=NEVER)

    def kill(keyed, keyless):
        for each in (keyed, keyless):
            pool_process(each).kill()

    async with host_of(settings) as jobs:
        await lost_and_run_again(jobs, tmp_path, kill)


async def test_what_a_machine_ran_that_is_gone_runs_again_elsewhere(redis_server, start, tmp_path):
    settings = settings_of(redis_server.url, silence=SILENCE)
    async with host_of(settings) as jobs:
        first = start(settings, concurrency=2)

        def kill(keyed, _):
            pool = pool_process(keyed)
            celery = pool.parent()
            first.kill()
            psutil.wait_procs([pool, celery])
            start(settings, concurrency=2)

        await lost_and_run_again(jobs, tmp_path, kill)


async def test_a_redis_that_is_killed_under_running_jobs_loses_none(server, start, tmp_path):
    settings = settings_of(server.url)
    start(settings, concurrency=2)
    async with host_of(settings) as jobs:
        for turn in range(3):
            gate = tmp_path / f"gate {turn}"
            running, _ = await gated(jobs, gate)
            waiting = await jobs.submit("quick")
            await server.restart()
            gate.touch()
            for job in (running, waiting):
                ended = await jobs.wait(job.id)
                assert (ended.state, ended.attempt) == (State.SUCCESS, 1), ended


async def test_a_running_job_that_is_cancelled_leaves_nothing_behind(jobs, tmp_path):
    job, escaped = await gated(jobs, tmp_path / "never")
    await jobs.cancel(job.id)
    ended = await jobs.wait(job.id)
    assert (ended.state, ended.reason) == (State.FAILURE, Reason.CANCELLED)
    assert await survivors([escaped.pid]) == []
