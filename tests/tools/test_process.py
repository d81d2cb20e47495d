"""One run of a program: what comes back."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tools import program, run_subprocess_async
from tools.process import run
from tools.process_members import MARK
from tools.process_start import StartError

from .conftest import Lifeline

DURATION = 0.5

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


async def test_a_program_that_succeeds_gives_its_output():
    result = await run_subprocess_async(shell("echo out; echo err >&2"))

    assert result["duration"] > 0
    assert result == {
        "duration": result["duration"],
        "status": "success",
        "output": "out\n",
        "error": None,
        "exit_code": 0,
        "stderr": "err\n",
        "note": None,
    }


async def test_a_program_that_fails_says_so_with_its_code_and_its_own_words():
    result = await run_subprocess_async(shell("echo out; echo wrong >&2; exit 3"))

    assert result == {
        "duration": result["duration"],
        "status": "failed",
        "output": "out\n",
        "error": "sh ended with exit code 3\nwrong",
        "exit_code": 3,
        "stderr": "wrong\n",
        "note": None,
    }


async def test_a_program_that_was_killed_names_the_signal():
    result = await run_subprocess_async(shell("kill -KILL $$"))

    assert (result["exit_code"], result["error"]) == (-9, "sh was ended by SIGKILL")


async def test_arguments_reach_the_program_as_they_are():
    arguments = ["", " ", "$HOME", "*", "'; exit 1; '", "-x", "ü\n", "\udcff"]

    result = await run_subprocess_async(
        python("import sys; print(ascii(sys.argv[1:]))") + arguments
    )

    assert result["output"] == f"{arguments!a}\n"


async def test_it_runs_in_the_given_folder(tmp_path: Path):
    real = tmp_path.resolve()  # noqa: ASYNC240  the test may block
    for folder in (tmp_path, str(tmp_path)):
        result = await run_subprocess_async(["pwd", "-P"], folder)
        assert result["output"] == f"{real}\n"


async def test_variables_are_added_to_the_environment():
    result = await run_subprocess_async(
        shell("echo $GREETING; test -n $PATH"), env={"GREETING": "hi"}
    )

    assert (result["output"], result["exit_code"]) == ("hi\n", 0)


# What never starts


@pytest.mark.parametrize(
    ("cmd", "error", "text"),
    [
        ("ls -l", TypeError, "not the string 'ls -l'"),
        (b"ls", TypeError, "not the string b'ls'"),
        ([], ValueError, "command is empty"),
        ([""], ValueError, "command is empty"),
        (["echo", 1], TypeError, "the argument 1 is of type int"),
        (["echo", None], TypeError, "of type NoneType"),
        (["echo", Path("x")], TypeError, "Path"),
        (["echo", "a\0b"], ValueError, "holds a NUL"),
        (["echo", "\ud800"], ValueError, "half a character"),
    ],
)
async def test_a_wrong_command_is_an_error_of_the_caller(
    cmd: list[str], error: type[Exception], text: str
):
    with pytest.raises(error, match=text):
        await run_subprocess_async(cmd)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
async def test_a_timeout_that_is_not_positive_is_an_error_of_the_caller(seconds: float):
    with pytest.raises(ValueError, match="positive number of seconds"):
        await run_subprocess_async(["true"], timeout=seconds)


async def never_started(cmd: list[str], cwd: Path | str | None = None) -> str:
    """Return the error of a program that must not start."""
    result = await run_subprocess_async(cmd, cwd)
    error = result["error"]
    assert error is not None
    assert result == {
        "duration": result["duration"],
        "status": "failed",
        "output": "",
        "error": error,
        "exit_code": None,
        "stderr": "",
        "note": None,
    }
    return error


async def test_a_missing_program_is_named_with_what_to_do(tmp_path: Path):
    assert await never_started(["no-such-program"]) == (
        "the program 'no-such-program' was not found: install it, or give its full path"
    )
    assert await never_started(["./x"], tmp_path) == (
        "there is no program './x': check the path, or install it"
    )


async def test_a_missing_folder_is_named_and_not_the_program(tmp_path: Path):
    missing = tmp_path / "gone"

    assert await never_started(["true"], missing) == (
        f"the folder '{missing}' does not exist: create it, or name another to run in"
    )
    assert "does not exist" in await never_started(["no-such-program"], missing)
    assert "cannot be a folder" in await never_started(["true"], "a\0b")


async def test_a_folder_that_is_a_file_is_said_to_be_one(tmp_path: Path):
    file = tmp_path / "file"
    file.touch()

    assert await never_started(["true"], file) == (
        f"'{file}' is not a folder: name the folder to run in"
    )


async def test_a_program_that_is_not_executable_is_said_to_be_so(tmp_path: Path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")

    assert "permission to be executed (chmod +x)" in await never_started([str(script)])
    assert "permission to be executed" in await never_started([str(tmp_path)])


async def test_a_program_that_the_machine_cannot_run_is_said_to_be_so(tmp_path: Path):
    script, orphan = tmp_path / "script", tmp_path / "orphan"
    script.write_text("echo no first line\n")
    orphan.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    orphan.chmod(0o755)

    assert "without a #! line" in await never_started([str(script)])
    assert "but not the interpreter" in await never_started([str(orphan)])


async def test_arguments_that_are_too_long_are_said_to_be_so():
    assert "put them into a file" in await never_started(["true", "x" * 10_000_000])


async def test_a_program_of_the_folder_does_not_pass_for_one_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    impostor = tmp_path / "id"
    impostor.write_text("#!/bin/sh\necho impostor\n")
    impostor.chmod(0o755)
    monkeypatch.setenv("PATH", f"::.:{os.environ['PATH']}")

    assert "uid=" in (await run_subprocess_async(["id"], tmp_path))["output"]


async def test_the_typed_form_raises_what_the_dictionary_tells():
    with pytest.raises(StartError, match="was not found"):
        await run(["no-such-program"])


# Standard input


async def test_a_program_that_reads_finds_its_input_empty_and_not_ours():
    ours, (reader, writer) = os.dup(0), os.pipe()
    os.dup2(reader, 0)
    try:
        result = await run_subprocess_async(["cat"], timeout=10)
    finally:
        os.dup2(ours, 0)
        for descriptor in (ours, reader, writer):
            os.close(descriptor)

    assert (result["status"], result["output"]) == ("success", "")


async def test_input_is_fed_and_ends():
    result = await run_subprocess_async(["cat"], input=b"hello")

    assert (result["status"], result["output"]) == ("success", "hello")
    assert (await run_subprocess_async(["cat"], input=b""))["output"] == ""


async def test_input_larger_than_any_pipe_is_fed_while_output_is_read():
    data = os.urandom(3_000_000)

    done = await run(["cat"], input=data, output_limit=4_000_000)

    assert done.stdout.whole == data


@pytest.mark.parametrize("script", ["true", "exec 0<&-; echo bye", "head -c 1"])
async def test_a_program_that_closes_its_input_early_is_no_failure(script: str):
    result = await run_subprocess_async(shell(script), input=b"x" * 1_000_000)

    assert result["status"] == "success"


async def test_an_input_that_nobody_reads_does_not_outlast_the_program(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(program, "DRAIN_SECONDS", 0.05)

    result = await run_subprocess_async(shell("exec sleep 1000 <&0 &"), input=b"x" * 1_000_000)

    assert result["status"] == "success"


# Output


async def test_undecodable_output_survives():
    done = await run(["printf", r"a\377\376\000z"])

    assert done.stdout.whole == b"a\xff\xfe\0z"
    result = await run_subprocess_async(["printf", r"a\377\376\000z"])
    assert result["output"] == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\0z"


async def test_ten_megabytes_are_cut_to_their_head_and_tail():
    result = await run_subprocess_async(
        python("print('first'); print('x' * 10_000_000); print('last')")
    )

    assert result["status"] == "success"
    assert result["output"].startswith("first\nxxx")
    assert result["output"].endswith("xxx\nlast\n")
    assert "\n[... 9,936,012 bytes left out: output limit 64,000 bytes ...]\n" in result["output"]
    assert len(result["output"]) < 64_100


async def test_the_two_outputs_are_capped_one_by_one():
    done = await run(shell("yes | head -c 100000; yes n | head -c 100000 >&2"), output_limit=100)

    assert done.stdout.head == b"y\n" * 25
    assert done.stderr.tail == b"n\n" * 25
    assert (done.stdout.total, done.stderr.total) == (100_000, 100_000)


async def test_an_endless_writer_is_stopped_and_little_of_it_is_kept():
    done = await run(["yes"], timeout=0.5, output_limit=1_000)

    assert done.timed_out
    assert done.stdout.total > 1_000_000
    assert len(done.stdout.head) + len(done.stdout.tail) == 1_000
    assert done.exit_code == -signal.SIGTERM


# Time limit


async def test_a_timeout_is_told_and_what_was_written_is_kept():
    result = await run_subprocess_async(
        shell("echo out; echo err >&2; exec sleep 1000"), timeout=DURATION
    )

    assert result["duration"] >= DURATION
    assert result == {
        "duration": result["duration"],
        "status": "failed",
        "output": "out\n",
        "error": "timed out after 0.5 s; the program and its children were ended\nerr",
        "exit_code": None,
        "stderr": "err\n",
        "note": None,
    }


async def test_what_a_program_writes_when_told_to_end_is_kept():
    script = (
        "trap 'echo good; echo bye >&2; exit 0' TERM; echo up; while :; do sleep 1000 & wait; done"
    )

    result = await run_subprocess_async(shell(script), timeout=DURATION)

    assert (result["status"], result["output"], result["stderr"]) == (
        "failed",
        "up\ngood\n",
        "bye\n",
    )


# What a program leaves running


async def test_a_child_left_with_the_pipes_is_ended_soon_and_told(lifeline: Lifeline):
    result = await run_subprocess_async(shell(f"{lifeline.hold()}; sleep 1000 & echo hi"))

    await lifeline.is_dead()
    assert (result["status"], result["output"], result["exit_code"]) == ("success", "hi\n", 0)
    assert result["note"] is not None
    assert result["note"].startswith("left running by the program, and ended with it: sleep (pid ")


async def test_a_child_left_without_the_pipes_is_ended_too(lifeline: Lifeline):
    script = f"{lifeline.hold()}; sleep 1000 >/dev/null 2>&1 & echo hi"

    result = await run_subprocess_async(shell(script))

    await lifeline.is_dead()
    assert result["output"] == "hi\n"
    assert "ended with it: sleep" in (result["note"] or "")


async def test_a_service_that_let_go_of_everything_is_left_alone(
    lifeline: Lifeline, tmp_path: Path
):
    os.mkfifo(tmp_path / "started")
    os.mkfifo(tmp_path / "stop")
    service = "echo >started; exec 8<>stop; echo up >&9; read word <&8"
    start = f"setsid sh -c '{service}' <&0 >/dev/null 2>&1 &"
    script = f"{lifeline.hold()}; {start} read word <started"

    before = psutil.Process().num_fds()

    result = await run_subprocess_async(shell(script), tmp_path, input=b"unread" * 100_000)

    assert psutil.Process().num_fds() == before

    await lifeline.says("up")
    assert (result["status"], result["note"]) == ("success", None)
    (tmp_path / "stop").write_text("now\n")
    await lifeline.is_dead()


async def test_the_marks_of_nested_trees_add_up(inner_mark: str):
    result = await run_subprocess_async(shell(f"echo ${MARK}"))

    outer, inner, end = result["output"].split(";")
    assert (outer, end) == (inner_mark, "\n")
    assert len(inner) == 32
