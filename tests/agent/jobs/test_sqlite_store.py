"""Jobs in a file that is damaged, full, out of reach, of another version, or shared."""

import asyncio
import resource
import sqlite3
import stat

import pytest

from agent.jobs import transitions
from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, State
from agent.jobs.sqlite_store import SqliteJobStore


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "jobs.sqlite"


@pytest.fixture
async def store(path):
    opened = SqliteJobStore(path)
    yield opened
    await opened.close()


def new(name="a", **fields):
    return transitions.created(Job(name, "count", fields.pop("payload", None), 1.0, **fields))


def begin(job):
    return transitions.begin(job, "worker", 2.0)


def end(job):
    return transitions.succeed(job, job.attempt, "done", 4.0)


def run(path, *statements):
    """Do something to the file, as another program would."""
    with sqlite3.connect(path) as file:
        found = [file.execute(*each).fetchall() for each in statements]
    file.close()
    return found


async def test_the_file_is_for_its_owner_only(store, path):
    await store.add(new())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert repr(store) == f"<SqliteJobStore <Database {path} open>>"


async def test_many_open_a_new_file_at_once(path):
    stores = [SqliteJobStore(path) for _ in range(12)]
    await asyncio.gather(*(each.add(new(str(n))) for n, each in enumerate(stores)))
    assert len(await stores[0].jobs()) == 12
    await asyncio.gather(*(each.close() for each in stores))


async def test_a_file_of_a_later_version_is_left_alone(store, path):
    path.parent.mkdir()
    run(path, ["create table jobs (other)"], ["pragma user_version = 7"])
    for call in (store.get("a"), store.add(new()), store.forget(1e9)):
        with pytest.raises(
            JobStoreError, match=f"{path} is of version 7, and this program knows 1"
        ):
            await call
    tables, rows = run(path, ["select name from sqlite_master"], ["select * from jobs"])
    assert (tables, rows) == ([("jobs",)], [])


async def test_a_file_that_a_later_program_took_over_is_left_alone_from_then_on(store, path):
    await store.add(new())
    run(path, ["pragma user_version = 2"])
    with pytest.raises(JobStoreError, match="is of version 2"):
        await store.change("a", begin)


async def test_a_file_that_is_no_database_is_an_error_and_stays_as_it_is(store, path):
    path.parent.mkdir()
    path.write_text("These are my notes, and no database. " * 100)
    with pytest.raises(JobStoreError, match=f"{path} cannot be used: file is not a database"):
        await store.add(new())
    assert path.read_text() == "These are my notes, and no database. " * 100


async def test_the_database_of_another_program_is_an_error(store, path):
    path.parent.mkdir()
    run(path, ["create table jobs (theirs)"])
    with pytest.raises(JobStoreError, match="table jobs already exists"):
        await store.add(new())


async def test_a_file_that_is_damaged_is_an_error(path):
    first = SqliteJobStore(path)
    await asyncio.gather(*(first.add(new(str(n), payload="x" * 5_000)) for n in range(20)))
    await first.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    store = SqliteJobStore(path)
    with pytest.raises(JobStoreError, match="malformed"):
        await store.jobs()
    with pytest.raises(JobStoreError, match="malformed"):
        await store.add(new("more"))
    await store.close()


@pytest.mark.parametrize("make", ["folder", "file above"])
async def test_a_path_that_cannot_be_written_is_an_error(tmp_path, make):
    path = tmp_path / "state" / "jobs.sqlite"
    if make == "folder":
        path.mkdir(parents=True)
    else:
        path.parent.write_text("")
    store = SqliteJobStore(path)
    with pytest.raises(JobStoreError, match=f"{path} cannot be used"):
        await store.add(new())
    await store.close()


async def test_a_full_disk_is_an_error_that_changes_nothing_and_passes(store, path):
    """The kernel refuses to let any file grow, as it does when there is no room."""
    added = await store.add(new())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (path.with_name("jobs.sqlite-wal").stat().st_size, hard)
    )
    try:
        with pytest.raises(JobStoreError, match=f"{path} cannot be used"):
            await store.change("a", begin)
        with pytest.raises(JobStoreError, match=f"{path} cannot be used"):
            await store.add(new("b"))
        assert await store.get("a") == added
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (await store.change("a", begin))[1]
    assert [each.id for each in await store.jobs()] == ["a"]
    assert [each.name for each in await store.events("a")] == ["created", "started"]


async def test_a_damaged_job_is_an_error_that_names_it_and_holds_up_no_other(store, path, caplog):
    for name in ("bad", "good", "without"):
        await store.add(new(name))
    run(
        path,
        ["update jobs set body = ? where id = ?", (b"{", b"bad")],
        ["delete from contents where job = ?", (b"without",)],
    )
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


async def test_a_damaged_job_is_forgotten_in_its_time_like_any_other(store, path):
    await store.add(new())
    await store.change("a", begin)
    await store.change("a", end)
    run(path, ["update jobs set body = ?", (b"",)])
    assert list(await store.forget(304.0)) == ["a"]


async def test_a_damaged_event_is_an_error_that_names_its_job(store, path):
    await store.add(new())
    run(path, ["update events set body = ?", (b"[]",)])
    with pytest.raises(JobStoreError, match="event 1 of job 'a' cannot be read"):
        await store.events("a")


async def test_nothing_is_left_of_a_job_that_was_forgotten(store, path):
    await store.add(new(key="k", session="s"))
    await store.change("a", begin)
    await store.change("a", end)
    await store.forget(1e9)
    left = run(path, *([f"select * from {each}"] for each in ("jobs", "contents", "events")))
    assert left == [[], [], []]


async def test_a_sign_of_life_does_not_write_the_payload_again(store, path):
    await store.add(new(payload="x" * 3_000_000))
    await store.change("a", begin)
    before = path.with_name("jobs.sqlite-wal").stat().st_size
    for n in range(10):
        await store.change("a", lambda job, n=n: transitions.report(job, 1, 3.0 + n, stage=str(n)))
    assert path.with_name("jobs.sqlite-wal").stat().st_size - before < 1_000_000


@pytest.mark.parametrize(
    "asked",
    [
        "select id from jobs where state in ('PENDING', 'PROGRESS')",
        "select id from jobs where session = x'61' and state in ('PENDING', 'PROGRESS')",
        "select id from jobs where kind = x'61' and key = x'61'",
        "select id from jobs where id = x'61'",
        "delete from jobs where forget <= 5.0",
        "select body from events where job = x'61' and number > 3",
    ],
)
async def test_jobs_that_have_ended_are_not_looked_through(store, path, asked):
    await store.add(new())
    [plan] = run(path, [f"explain query plan {asked}"])
    assert plan
    assert all("SEARCH" in step[3] for step in plan)


async def test_a_change_waits_for_another_process_and_sees_what_it_wrote(store, path):
    await store.add(new())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    change = asyncio.create_task(store.change("a", begin))
    other.execute('update jobs set body = replace(body, \'"stage":""\', \'"stage":"x"\')')
    other.execute("update jobs set body = cast(body as blob)")
    other.execute("commit")
    other.close()
    _, was_changed = await change
    assert was_changed
    assert (await store.get("a")).state is State.PROGRESS
