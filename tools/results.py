"""The dictionary that a run of a program becomes: the shape of the founding documents."""

import signal
from typing import Literal, TypedDict

from tools.content import ToolOutput
from tools.output import render
from tools.program import Completed


class RunResult(TypedDict):
    """How a program went."""

    status: Literal["success", "failed"]
    output: str
    """What it wrote to its standard output."""
    error: str | None
    """None on success; else what went wrong, then what it wrote to its standard error."""
    exit_code: int | None
    """The program's own. Negative: ended by that signal. None: it did not start, did not end in
    time, or its end was not seen."""
    duration: float
    """Seconds, clean-up included."""
    stderr: str
    """What it wrote to its standard error, on success too."""
    note: str | None
    """What else is worth knowing: processes that it left running, which were ended."""


def result_of(done: Completed, failure: str | None = None) -> RunResult:
    """Turn a completed run into a result.

    `failure` is what to say of a program that failed by itself; its exit code if left out.
    """
    succeeded = done.exit_code == 0 and not done.timed_out
    stderr = render(done.stderr)
    return RunResult(
        status="success" if succeeded else "failed",
        output=render(done.stdout),
        error=None if succeeded else f"{_headline(done, failure)}\n{stderr}".strip(),
        exit_code=None if done.timed_out else done.exit_code,
        duration=done.duration,
        stderr=stderr,
        note=_note(done),
    )


def never_ran(error: str, duration: float = 0.0) -> RunResult:
    """Return the result of a program that was not started."""
    return RunResult(
        status="failed",
        output="",
        error=error,
        exit_code=None,
        duration=duration,
        stderr="",
        note=None,
    )


def as_output(result: RunResult, *, empty: str, needs_success: bool = True) -> ToolOutput:
    """Turn a result into what a model reads; `empty` stands for a success without a word.

    Without `needs_success` a program that failed by itself, as failing tests do, has answered.
    """
    parts = (result["error"], result["output"].rstrip(), result["note"])
    if result["status"] == "success":
        parts = (result["output"].rstrip(), result["stderr"].rstrip(), result["note"])
    text = "\n".join(part for part in parts if part and part.strip())
    is_failed = result["status"] == "failed"
    has_answered = not needs_success and (result["exit_code"] or -1) > 0
    return ToolOutput((text or empty,), is_error=is_failed and not has_answered)


def _headline(done: Completed, failure: str | None) -> str:
    if done.timed_out:
        return _timeout_text(done)
    if done.exit_code is None:
        return f"{_name(done)} was killed, but its end was not seen"
    if failure is not None:
        return failure
    if done.exit_code < 0:
        return f"{_name(done)} was ended by {_signal_name(-done.exit_code)}"
    return f"{_name(done)} ended with exit code {done.exit_code}"


def _name(done: Completed) -> str:
    return done.program.rpartition("/")[2]


def _timeout_text(done: Completed) -> str:
    text = f"timed out after {done.time_limit:g} s; the program and its children were ended"
    if done.ended.survivors:
        text += f", except {', '.join(done.ended.survivors)}"
    return text


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _note(done: Completed) -> str | None:
    """Say what had to be ended; after a timeout it is the children, which goes without saying."""
    ended = done.ended
    if ended.survivors:
        return f"could not be ended and may still run: {', '.join(ended.survivors)}"
    if ended.found and not done.timed_out:
        return f"left running by the program, and ended with it: {', '.join(ended.found)}"
    return None
