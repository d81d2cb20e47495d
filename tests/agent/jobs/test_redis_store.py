"""Jobs in Redis when it is slow, gone, killed, restarted or answers nobody; on a real one."""

import asyncio
import subprocess
import sys
import traceback
import uuid

import pytest
import redis.asyncio

from agent.errors import ConfigurationError
from agent.jobs import redis_connection, transitions
from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, State
from agent.jobs.redis_store import RedisJobStore
from tests.agent.jobs.redis_proxy import Fate, RedisProxy
from tests.agent.jobs.redis_server import RedisServer


@pytest.fixture
def prefix():
    return f"{uuid.uuid4().hex}:"


@pytest.fixture
async def store(redis_server, prefix):
    opened = RedisJobStore(redis_server.url, prefix)
    yield opened
    await opened.close()


@pytest.fixture
async def proxy(redis_server):
    async with RedisProxy(redis_server.port) as opened:
        yield opened


@pytest.fixture
async def behind(proxy, prefix):
    """A store whose requests pass the proxy; `store` looks at the same jobs past it."""
    opened = RedisJobStore(proxy.url, prefix)
    yield opened
    await opened.close()


@pytest.fixture
async def client(redis_server):
    async with redis.asyncio.Redis.from_url(redis_server.url) as opened:
        yield opened


@pytest.fixture
def impatient(monkeypatch):
    """Try again at once, where trying again is of no use."""
    monkeypatch.setattr(redis_connection, "PAUSES", (0.0, 0.0))


def new(name="a", **fields):
    return transitions.created(Job(name, "count", None, 1.0, **fields))


def begin(job):
    return transitions.begin(job, "worker", 2.0)


def say(stage):
    return lambda job: transitions.report(job, job.attempt, 3.0, stage=stage)


def end(job):
    return transitions.succeed(job, job.attempt, "done", 4.0)


async def names(store, job="a"):
    return [each.name for each in await store.events(job)]


# -- answers that are lost ---------------------------------------------------------------------


@pytest.mark.parametrize("fate", [Fate.LOSE_REQUEST, Fate.LOSE_ANSWER])
async def test_a_change_whose_connection_breaks_is_made_once_and_told(store, behind, proxy, fate):
    await store.add(new())
    proxy.fates = [fate, fate]
    begun, was_changed = await behind.change("a", begin)
    assert was_changed
    assert proxy.fates == []
    assert await store.get("a") == begun
    assert await names(store) == ["created", "started"]


async def test_a_change_of_which_nobody_heard_is_told_though_others_changed_the_job_since(
    store, behind, proxy
):
    await store.add(new())
    proxy.fates = [Fate.LOSE_ANSWER]
    asked = []

    def begin_after_another(job):
        asked.append(job.last_event)
        return begin(job)

    change = asyncio.create_task(behind.change("a", begin_after_another))
    await proxy.met.wait()
    assert (await store.change("a", say("by another")))[1]
    begun, was_changed = await change
    assert was_changed
    assert (begun.attempt, asked) == (1, [1])
    assert await names(store) == ["created", "started", "progress"]


async def test_a_request_that_arrives_after_it_was_repeated_does_nothing(store, behind, proxy):
    await store.add(new())
    proxy.fates = [Fate.HOLD]
    assert (await behind.change("a", begin))[1]
    assert (await store.change("a", say("x")))[1]
    assert await proxy.let_go() == b":1\r\n"
    assert await names(store) == ["created", "started", "progress"]
    assert (await store.get("a")).stage == "x"


@pytest.mark.usefixtures("impatient")
async def test_a_request_that_arrives_after_another_change_does_nothing(store, prefix, proxy):
    hurried = RedisJobStore(proxy.url, prefix)
    await store.add(new())
    await store.change("a", begin)
    proxy.fates = [Fate.HOLD] * 9
    with pytest.raises(JobStoreError, match="cannot be used"):
        await hurried.change("a", end)
    assert (await store.change("a", say("x")))[1]
    for _ in range(len(proxy._held)):
        assert await proxy.let_go() == b":0\r\n"
    assert (await store.get("a")).state is State.PROGRESS
    assert await names(store) == ["created", "started", "progress"]
    await hurried.close()


async def test_a_job_whose_answer_was_lost_is_added_once(store, behind, proxy):
    proxy.fates = [Fate.LOSE_ANSWER]
    added = await behind.add(new(key="k"))
    assert added == new(key="k").job
    assert await store.get("a") == added
    assert await names(store) == ["created"]


async def test_what_was_forgotten_is_told_though_the_answer_was_lost(store, behind, proxy):
    await store.add(new())
    await store.change("a", begin)
    await store.change("a", end)
    proxy.fates = [Fate.LOSE_ANSWER]
    assert await behind.forget(1e9) == ["a"]
    assert await store.get("a") is None


async def test_whoever_is_cancelled_finds_nothing_happening_later(store, prefix, proxy):
    """The answer of the cancelled change is lost; its repetition is over before it is told so."""
    behind = RedisJobStore(proxy.url, prefix)
    await store.add(new())
    proxy.fates = [Fate.LOSE_REQUEST]
    change = asyncio.create_task(behind.change("a", begin))
    await proxy.met.wait()
    change.cancel()
    await asyncio.wait([change])
    assert change.cancelled()
    assert (await store.get("a")).state is State.PROGRESS
    await behind.close()


# -- a Redis that is not there -----------------------------------------------------------------


async def test_a_redis_that_is_killed_and_comes_back_has_lost_nothing(redis_server, store):
    """`restart` returns when it answers again."""
    await store.add(new(key="k"))
    begun, _ = await store.change("a", begin)
    for n in range(3):
        begun, _ = await store.change("a", say(str(n)))
        await redis_server.restart()
        assert await store.get("a") == begun
    assert [each.number for each in await store.events("a")] == [1, 2, 3, 4, 5]
    assert (await store.add(new("b", key="k"))).id == "a"
    assert [each.id for each in await store.jobs([State.PROGRESS])] == ["a"]


async def test_changes_go_on_while_redis_is_killed_and_started_again(
    redis_server, prefix, monkeypatch
):
    monkeypatch.setattr(redis_connection, "PAUSES", (0.05,) * 400)
    store = RedisJobStore(redis_server.url, prefix, seconds=20.0)
    await store.add(new())
    await store.change("a", begin)
    heard = asyncio.Event()
    told = []

    async def keep_changing(who):
        for n in range(100):
            stage = f"{who} {n}"
            changed, _ = await store.change("a", say(stage))
            told.append((changed.last_event, stage))
            if len(told) == 50:
                heard.set()

    workers = [asyncio.create_task(keep_changing(who)) for who in range(4)]
    await heard.wait()
    await redis_server.restart()
    await asyncio.gather(*workers)
    events = await store.events("a")
    assert [each.number for each in events] == list(range(1, 403))
    assert sorted(told) == [(each.number, each.data["stage"]) for each in events[2:]]
    await store.close()


@pytest.mark.usefixtures("impatient", "redis_server")
async def test_a_redis_that_is_gone_is_an_error_at_every_call(tmp_path):
    server = RedisServer(tmp_path)
    await server.start()
    store = RedisJobStore(server.url)
    await store.add(new())
    await server.kill()
    calls = [
        store.add(new("b")),
        store.get("a"),
        store.change("a", begin),
        store.events("a"),
        store.jobs(),
        store.forget(0.0),
    ]
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, JobStoreError)
        assert f"127.0.0.1:{server.port}" in str(outcome)
    await server.start()
    assert (await store.get("a")).state is State.PENDING
    await store.close()
    await server.stop()


async def test_a_redis_that_says_nothing_is_an_error_within_the_set_time(
    redis_server, store, prefix
):
    await store.add(new())
    hasty = RedisJobStore(redis_server.url, prefix, seconds=0.2)
    redis_server.pause()
    try:
        calls = [hasty.get("a"), hasty.change("a", begin), hasty.jobs()]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        redis_server.resume()
    for outcome in outcomes:
        assert isinstance(outcome, JobStoreError)
        assert "127.0.0.1" in str(outcome)
    assert (await store.change("a", begin))[1]
    await hasty.close()


async def test_connections_are_given_back_whatever_becomes_of_a_request(store):
    await store.add(new())
    for _ in range(40):
        calls = [asyncio.create_task(store.get("a")) for _ in range(3)]
        await asyncio.sleep(0)
        for each in calls:
            each.cancel()
        await asyncio.wait(calls)
    pool = store._redis._client.connection_pool
    assert pool._in_use_connections == set()
    assert len(pool._available_connections) <= 3


async def test_a_redis_that_may_not_write_is_an_error_and_nothing_is_changed(store, client):
    await store.add(new())
    await client.config_set("maxmemory", 1)
    try:
        with pytest.raises(JobStoreError, match="maxmemory"):
            await store.change("a", begin)
        with pytest.raises(JobStoreError, match="maxmemory"):
            await store.add(new("b"))
    finally:
        await client.config_set("maxmemory", 0)
    assert await store.get("b") is None
    assert await names(store) == ["created"]
    assert (await store.change("a", begin))[1]


# -- what is stored ----------------------------------------------------------------------------


async def test_a_damaged_job_is_an_error_that_names_it_and_holds_up_no_other(
    store, client, prefix, caplog
):
    await store.add(new("bad"))
    await store.add(new("good"))
    await store.add(new("without"))
    await client.hset(f"{prefix}job:bad", "body", b"{")
    await client.hdel(f"{prefix}job:without", "body")
    for name in ("bad", "without"):
        with pytest.raises(JobStoreError, match=f"job '{name}' cannot be read"):
            await store.get(name)
        with pytest.raises(JobStoreError, match=f"job '{name}' cannot be read"):
            await store.change(name, begin)
    assert (await store.change("good", begin))[1]
    for _ in range(3):
        assert [each.id for each in await store.jobs()] == ["good"]
    assert [record.args[1].args[0].split(":")[0] for record in caplog.records] == [
        "job 'bad' cannot be read",
        "job 'without' cannot be read",
    ]


async def test_a_damaged_event_is_an_error_that_names_its_job(store, client, prefix):
    await store.add(new())
    await client.lset(f"{prefix}events:a", 0, b"[]")
    with pytest.raises(JobStoreError, match="event 1 of job 'a' cannot be read"):
        await store.events("a")


async def test_a_key_whose_job_is_gone_is_free_again(store, client, prefix):
    await store.add(new(key="k"))
    await client.delete(f"{prefix}job:a")
    assert (await store.add(new("b", key="k"))).id == "b"


async def test_a_key_whose_job_is_empty_is_an_error(store, client, prefix):
    await store.add(new(key="k"))
    await client.delete(f"{prefix}job:a")
    await client.hset(f"{prefix}job:a", "other", "x")
    with pytest.raises(JobStoreError, match="the one of its key comes and goes"):
        await store.add(new("b", key="k"))


async def test_stores_of_different_prefixes_share_nothing(store, redis_server):
    await store.add(new(key="k"))
    other = RedisJobStore(redis_server.url, f"{uuid.uuid4().hex}:")
    assert await other.get("a") is None
    assert (await other.add(new("b", key="k"))).id == "b"
    assert [each.id for each in await store.jobs()] == ["a"]
    await other.close()


async def test_nothing_is_left_of_a_job_that_was_forgotten(store, client, prefix):
    await store.add(new(key="k", session="s"))
    await store.change("a", begin)
    await store.change("a", end)
    await store.forget(1e9)
    left = [key async for key in client.scan_iter(f"{prefix}*")]
    assert [key for key in left if b"done:" not in key] == []
    assert all([0 < await client.ttl(key) <= 60 for key in left])


# -- how it is reached -------------------------------------------------------------------------


async def test_the_password_is_in_no_text(redis_server, client):
    await client.config_set("requirepass", "p4ss/w")
    try:
        wrong = RedisJobStore(f"redis://:s3cret@127.0.0.1:{redis_server.port}/0")
        right = RedisJobStore(f"redis://:p4ss%2Fw@127.0.0.1:{redis_server.port}/0")
        assert await right.get("a") is None
        with pytest.raises(JobStoreError) as raised:
            await wrong.get("a")
    finally:
        await client.config_set("requirepass", "")
    said = "".join(traceback.format_exception(raised.value)) + repr(wrong) + repr(right)
    assert "s3cret" not in said
    assert "p4ss" not in said
    assert "invalid username-password" in str(raised.value)
    await right.close()
    await wrong.close()


@pytest.mark.parametrize(
    "url", ["", "s3cret", "http://s3cret@host", "redis://:s3cret/x@127.0.0.1:6379/0"]
)
async def test_an_address_that_cannot_be_is_an_error_without_it(url):
    store = RedisJobStore(url)
    with pytest.raises(ConfigurationError, match="the address of Redis cannot be read") as raised:
        await store.get("a")
    assert "s3cret" not in "".join(traceback.format_exception(raised.value)) + repr(store)
    await store.close()


async def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    store = RedisJobStore("redis://127.0.0.1:1/0")
    with pytest.raises(ConfigurationError, match=r"'celery': pip install 'toolloop\[celery\]'"):
        await store.get("a")
    await store.close()


def test_the_package_is_imported_when_it_is_needed_only():
    code = "import sys, agent.jobs.redis_store; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_store_says_where_it_is(store, redis_server, prefix):
    await store.get("a")
    place = f"Redis at 127.0.0.1:{redis_server.port}, database 0"
    assert repr(store) == f"<RedisJobStore <RedisConnection {place} open> {prefix!r}>"
