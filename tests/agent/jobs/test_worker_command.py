"""`toolloop worker`: what it says when it cannot work, and how it ends."""

import asyncio
import os
import signal
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from agent.commands import worker
from agent.jobs.job import Reason, State
from agent.jobs.kinds import kinds_of
from tests.agent.commands_called import called
from tests.agent.jobs.celery_bench import (
    MODULE,
    event,
    host_of,
    pool_process,
    settings_of,
    until,
)
from tests.agent.jobs.engine_contract import survivors
from tools.process_members import living_process

NOWHERE = "redis://:sesame@127.0.0.1:1/0"

KINDS = """
from pathlib import Path
from agent.jobs import kinds

@kinds.job_kind("where")
def where(job):
    return [str(Path.cwd()), job.options.get("data_dir")]
"""


@pytest.fixture(autouse=True)
def nobodys_redis(monkeypatch):
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.delenv("CELERY_RESULT_BACKEND", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))


def refused(capsys, *arguments):
    """Call it with what it refuses; give what it says."""
    assert called(worker.COMMAND, *arguments) == 2
    return capsys.readouterr().err


# -- what cannot be --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--import"],
        ["--import", "m", "--concurrency", "0"],
        ["--import", "m", "--concurrency", "many"],
        ["--import", "m", "--patience", "-1"],
    ],
)
def test_arguments_that_cannot_be_are_a_usage_error(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        called(worker.COMMAND, *arguments)
    assert ended.value.code == 2
    assert "usage: " in capsys.readouterr().err


def test_without_a_redis_it_says_how_to_name_one(capsys):
    assert refused(capsys, "--import", MODULE) == (
        "toolloop worker: no Redis is named: give --broker redis://HOST:6379/0, or set "
        "CELERY_BROKER_URL\n"
    )


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (["--broker", "amqp://guest:sesame@h"], "--broker"),
        (["--broker", NOWHERE, "--backend", "db+sqlite:///sesame"], "--backend"),
    ],
)
def test_what_is_no_redis_is_refused_without_showing_its_password(given, name, capsys):
    assert refused(capsys, "--import", MODULE, *given) == (
        f"toolloop worker: {name}: jobs need a Redis, whose address begins with redis://\n"
    )


@pytest.mark.parametrize("queue", ["", "a b", "a.b", "a\x06"])
def test_the_name_of_a_queue_that_would_mix_with_others_is_refused(queue, capsys):
    said = refused(capsys, "--import", MODULE, "--broker", NOWHERE, "--queue", queue)
    assert said.startswith("toolloop worker: --queue: letters, digits and _, not '")


def test_a_module_that_is_not_there_is_named(capsys):
    assert refused(capsys, "--import", "no.such", "--broker", NOWHERE) == (
        "toolloop worker: --import: the module 'no.such' cannot be imported: "
        "ModuleNotFoundError: No module named 'no'\n"
    )


def test_a_module_without_kinds_is_told_what_to_do(capsys):
    assert refused(capsys, "--import", MODULE, "--import", "json", "--broker", NOWHERE) == (
        "toolloop worker: --import: the module 'json' has no kind of job: decorate a function of "
        "its top level with @job_kind\n"
    )


def test_two_kinds_of_one_name_are_refused(capsys, tmp_path, monkeypatch):
    for name in ("kinds_a", "kinds_b"):
        (tmp_path / f"{name}.py").write_text(KINDS)
    monkeypatch.chdir(tmp_path)
    said = refused(capsys, "--import", "kinds_a", "--import", "kinds_b", "--broker", NOWHERE)
    assert said == (
        "toolloop worker: --import: two kinds of job have the name 'where': kinds_a:where and "
        "kinds_b:where\n"
    )


@pytest.mark.parametrize("missing", [["celery"], ["redis"], ["celery", "redis"]])
def test_without_the_extra_it_says_how_to_install_it(missing, capsys, monkeypatch):
    monkeypatch.setattr(
        worker, "find_spec", lambda name: None if name in missing else find_spec(name)
    )
    assert refused(capsys, "--import", MODULE, "--broker", NOWHERE) == (
        f"toolloop worker: not installed: {' and '.join(missing)}. Install the extra: pip install "
        '"toolloop[celery]"\n'
    )


def test_a_redis_that_cannot_be_reached_is_named_without_its_password(capsys):
    assert called(worker.COMMAND, "--import", MODULE, "--broker", NOWHERE) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "toolloop worker: the Redis that carries jobs, redis://:**@127.0.0.1:1/0"
    )
    assert said.endswith(
        ". Start it, or name another one with --broker, --backend or $CELERY_BROKER_URL.\n"
    )
    assert "sesame" not in said


# -- how it works, and ends ------------------------------------------------------------------------


class Command:
    """`toolloop worker` as a shell starts it."""

    def __init__(self, settings, *arguments, module=MODULE, cwd=None) -> None:
        main = next(iter(entry_points(group="console_scripts", name="toolloop"))).value
        package, _, function = main.partition(":")
        start = f"import sys; from {package} import {function}; sys.exit({function}())"
        root = str(Path(__file__).parents[3])
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", start, "worker", "--import", module, *arguments],
            env={
                **os.environ,
                "PYTHONPATH": root,
                "CELERY_BROKER_URL": settings.broker,
                "CELERY_RESULT_BACKEND": settings.backend,
            },
            cwd=cwd or root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def send(self, number) -> None:
        self.process.send_signal(number)

    def until(self, text) -> None:
        """Wait until it says something."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if text in line:
                return
        raise AssertionError(f"it ended without saying {text!r}")

    def ended(self) -> int:
        """Wait for its end, and that of all that holds its output; give the exit code."""
        assert self.process.stderr is not None
        for _ in self.process.stderr:
            pass
        return self.process.wait()


@pytest.fixture
def settings(redis_server):
    """As the command has them; the queue is a test's own."""
    return settings_of(redis_server.url)


@pytest.fixture
def start(settings):
    """Start the command."""
    started = []

    def command(*arguments, **given):
        started.append(Command(settings, "--queue", settings.queue, *arguments, **given))
        return started[-1]

    yield command
    for each in started:
        each.process.kill()
        with each.process.stderr:
            each.ended()


async def gated(jobs, gate, **given):
    """Have a job wait for a gate; give it with all processes that it needs."""
    job = await jobs.submit("gated", str(gate), **given)
    stage = (await event(jobs, job, "progress")).data["stage"]
    job = await jobs.get(job.id)

    def processes():
        pool = pool_process(job)
        celery = pool.parent()
        assert celery is not None
        return [int(stage), *(each.pid for each in [celery, *celery.children(recursive=True)])]

    return job, await asyncio.to_thread(processes)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_after_a_signal_what_runs_may_end_and_nothing_new_begins(
    settings, start, tmp_path, number
):
    gate = tmp_path / "gate"
    async with host_of(settings) as jobs:
        command = start("--concurrency", "1")
        running, processes = await gated(jobs, gate)
        waiting = await jobs.submit("quick")
        command.send(number)
        await asyncio.to_thread(command.until, "no job is begun any more; those that run have 30")
        gate.touch()
        assert (await jobs.wait(running.id)).result == {"attempt": 1}
        assert await asyncio.to_thread(command.ended) == 0
        assert await survivors(processes) == []
        assert (await jobs.get(waiting.id)).state is State.PENDING


async def test_a_second_signal_ends_it_at_once_and_what_ran_is_lost(settings, start, tmp_path):
    async with host_of(settings) as jobs:
        command = start()
        keyed, some = await gated(jobs, tmp_path / "gate", key="k")
        keyless, others = await gated(jobs, tmp_path / "gate")
        command.send(signal.SIGINT)
        await asyncio.to_thread(command.until, "no job is begun any more")
        command.send(signal.SIGINT)
        assert await asyncio.to_thread(command.ended) == 0
        assert await survivors([*some, *others]) == []
        assert (await jobs.get(keyless.id)).reason is Reason.LOST
        again = await jobs.get(keyed.id)
        assert (again.state, again.losses) == (State.PENDING, 1)
        start()
        (tmp_path / "gate").touch()
        assert (await jobs.wait(keyed.id)).result == {"attempt": 2}


async def test_when_the_patience_is_over_it_ends_as_at_a_second_signal(settings, start, tmp_path):
    async with host_of(settings) as jobs:
        command = start("--patience", "1")
        job, processes = await gated(jobs, tmp_path / "gate")
        command.send(signal.SIGTERM)
        assert await asyncio.to_thread(command.ended) == 0
        assert await survivors(processes) == []
        assert (await jobs.get(job.id)).reason is Reason.LOST


async def test_nothing_is_left_of_one_that_is_killed(settings, start, tmp_path):
    async with host_of(settings) as jobs:
        command = start()
        _, processes = await gated(jobs, tmp_path / "gate")
        command.send(signal.SIGKILL)
        await asyncio.to_thread(command.ended)
        await until(lambda: not any(map(living_process, processes)))


async def test_a_worker_that_dies_is_replaced(settings, start, tmp_path):
    async with host_of(settings) as jobs:
        command = start()
        job, _ = await gated(jobs, tmp_path / "gate", key="k")
        celery = await asyncio.to_thread(lambda: psutil.Process(pool_process(job).ppid()))
        celery.kill()
        await asyncio.to_thread(command.until, "the worker ended by itself (-9); another starts")
        (tmp_path / "gate").touch()
        assert (await jobs.wait(job.id)).result == {"attempt": 2}


async def test_it_imports_from_the_folder_that_it_is_started_in(settings, start, tmp_path):
    (tmp_path / "own_kinds.py").write_text(KINDS)
    start("--data-dir", "/some/where", module="own_kinds", cwd=tmp_path)
    async with host_of(settings) as jobs:
        sys.path.insert(0, str(tmp_path))
        [kind] = kinds_of(["own_kinds"])
        jobs.kinds.add(kind)
        job = await jobs.submit("where")
        assert (await jobs.wait(job.id)).result == [str(tmp_path), "/some/where"]
