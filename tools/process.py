"""Run a program: start it, cap what it writes, end it with all that it started.

`run` is the typed form that the other tools use; `run_subprocess_async` is the same with a plain
dictionary as its result.

What holds for every run, whatever happens to it:

- the program is given as a list of arguments; no shell reads them;
- when `run` is left (result, error, cancellation), the program has ended and has been reaped,
  nothing that it started runs on, and no descriptor of its is open. The one exception is a
  service, after a program that ended by itself: a process that made a session of its own and let
  go of the output (an agent for keys, a build daemon);
- when this process itself is killed meanwhile, the same is done by its guard, if it has one
  (`guard`);
- memory is bounded by `output_limit` for each of the two outputs.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.environment import child_environment
from tools.output import DEFAULT_LIMIT
from tools.process_start import StartError, check_call
from tools.program import Completed, Program
from tools.results import RunResult, never_ran, result_of

GRACE_SECONDS: Final = 2.0
"""Between the polite signal and the one that cannot be refused."""


async def run_subprocess_async(
    cmd: Sequence[str],
    cwd: Path | str | None = None,
    timeout: float = 300,  # noqa: ASYNC109  the founding documents' signature
    *,
    input: bytes | None = None,  # noqa: A002  subprocess.run's name for it
    env: Mapping[str, str] | None = None,
    output_limit: int = DEFAULT_LIMIT,
) -> RunResult:
    """Run a program and return how it went, as a dictionary.

    Args:
        cmd: The program and its arguments; no shell reads them.
        cwd: The folder to run in; this process's own if left out.
        timeout: Seconds until the program and its children are ended.
        input: Bytes for the program's standard input, which is empty if left out.
        env: Variables to add to the child's environment, secrets included; the rest of it is
            this process's own without the secrets (`tools.environment`).
        output_limit: Bytes kept of each output, half of them from its start, half from its end.

    Returns:
        See `RunResult`. A program or folder that is missing, a timeout, and an exit code other
        than 0 are `"failed"` with an `error` that says what to do, not exceptions.

    Raises:
        TypeError: `cmd` is a string, or holds something else than strings.
        ValueError: an empty `cmd`, a NUL in it, a timeout that is not positive.
    """
    started = time.monotonic()
    try:
        done = await run(
            cmd,
            cwd=cwd,
            timeout=timeout,
            input=input,
            env=env,
            output_limit=output_limit,
        )
    except StartError as error:
        return never_ran(str(error), time.monotonic() - started)
    return result_of(done)


async def run(
    cmd: Sequence[str],
    *,
    cwd: Path | str | None = None,
    timeout: float = 300,  # noqa: ASYNC109  a time limit here is a result, with what was written
    input: bytes | None = None,  # noqa: A002  subprocess.run's name for it
    env: Mapping[str, str] | None = None,
    output_limit: int = DEFAULT_LIMIT,
    grace: float = GRACE_SECONDS,
) -> Completed:
    """Run a program to its end or its time limit.

    The arguments are those of `run_subprocess_async`; `grace` is the seconds between SIGTERM and
    SIGKILL for what has to be ended.

    Raises:
        StartError: the program did not start; the text says why and what to do.
        TypeError, ValueError: the call itself is wrong.
    """
    check_call(cmd, timeout)
    environment = child_environment(os.environ, env)
    program = Program(cmd, stdin=input, time_limit=timeout, output_limit=output_limit)
    try:
        await program.start(cwd, environment)
        await program.finish()
    finally:
        await program.end(grace)
    return program.completed()
