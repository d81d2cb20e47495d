"""Formatter and test runner of a project.

Both execute the project's own code by design: a test is code, and so are `conftest.py`, plugins,
and a program found in the project's `.venv`. Never run them where that code is not trusted. The
environment without secrets (`tools.environment`) limits what such code finds, not what it does.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scheduler import ParallelExecutor, ToolTask
from tools.environment import child_environment
from tools.paths import OutsideError, path_inside
from tools.process import run
from tools.process_start import StartError
from tools.results import RunResult, never_ran, result_of

FORMAT_SECONDS: Final = 120.0
TEST_SECONDS: Final = 600.0
_MARGIN_SECONDS: Final = 30.0
"""What a task may take beyond its program's limit: to look things up, and to end what hangs."""


@dataclass(frozen=True, slots=True)
class Formatter:
    """How a formatter is called."""

    command: tuple[str, ...]
    check: tuple[str, ...]
    """Options with which it reports and changes nothing."""


FORMATTERS: Final[Mapping[str, Formatter]] = {
    "ruff": Formatter(("ruff", "format"), ("--check",)),
    "black": Formatter(("black",), ("--check",)),
}

_UNFORMATTED: Final = 1
"""What every formatter here exits with when its check finds something."""

PYTEST_EXITS: Final[Mapping[int, str]] = {
    1: "tests failed; the output says which",
    2: "the tests could not be collected, or were interrupted; the output says where",
    3: "pytest had an internal error",
    4: "pytest was called wrongly: check test_path and extra_args",
    5: "no tests were collected: check test_path, and that files are named test_*.py",
    6: "the tests passed, with more warnings than the project allows",
}


async def format_code_async(
    project_dir: Path | str,
    formatter: str = "ruff",
    paths: Sequence[str] | None = None,
    check: bool = False,
) -> RunResult:
    """Format a project's code, or only check that it is formatted. Executes the project's code.

    Args:
        project_dir: The folder to run in.
        formatter: `"ruff"` or `"black"`.
        paths: Files and folders inside the project; all of it if left out.
        check: Change nothing; `"failed"` says that something would change.
    """
    chosen = FORMATTERS.get(formatter)
    if chosen is None:
        return never_ran(f"unknown formatter {formatter!r}: choose one of {', '.join(FORMATTERS)}")
    if paths is not None and (not paths or isinstance(paths, str)):
        # Without a path, and with the "." of a name, a formatter would take the whole project.
        return never_ran(f"paths is a list of one or more, not {paths!r}; leave it out for all")
    options = chosen.check if check else ()
    return await _run_found(
        project_dir,
        (*chosen.command, *options),
        paths=["."] if paths is None else paths,
        seconds=FORMAT_SECONDS,
        exits={_UNFORMATTED: "not formatted; format_code_async without check does it"}
        if check
        else {},
    )


async def run_tests_async(
    project_dir: Path | str,
    test_path: str | None = None,
    extra_args: Sequence[str] | None = None,
    timeout: float = TEST_SECONDS,  # noqa: ASYNC109  the founding documents' signature
) -> RunResult:
    """Run a project's tests with pytest. Executes the project's code.

    Args:
        project_dir: The folder to run in.
        test_path: A file or folder inside the project, or a test in it (`test_a.py::test_b`).
        extra_args: Options for pytest, passed on as they are.
        timeout: Seconds until pytest and all that it started are ended.
    """
    if isinstance(extra_args, str):
        return never_ran(f"extra_args is a list of options, not the string {extra_args!r}")
    return await _run_found(
        project_dir,
        ("pytest", "--color=no", *(extra_args or ())),
        paths=[] if test_path is None else [test_path],
        seconds=timeout,
        exits=PYTEST_EXITS,
    )


async def run_parallel_checks(
    project_dir: Path | str,
    run_format: bool = True,
    run_tests: bool = True,
) -> dict[str, dict[str, Any]]:
    """Check formatting and run the tests, side by side. Executes the project's code.

    Formatting is checked and not applied, so that no file changes under the running tests.

    Returns:
        Results by name: `format_code` and `run_tests`, those that were asked for.
    """
    folder = {"project_dir": project_dir}
    format_code = ToolTask(
        "format_code",
        format_code_async,
        {**folder, "check": True},
        timeout=FORMAT_SECONDS + _MARGIN_SECONDS,
    )
    tests = ToolTask(
        "run_tests",
        run_tests_async,
        folder,
        timeout=TEST_SECONDS + _MARGIN_SECONDS,
    )
    tasks = [format_code] * run_format + [tests] * run_tests
    return await ParallelExecutor().execute_parallel(tasks)


async def _run_found(
    project_dir: Path | str,
    command: tuple[str, ...],
    *,
    paths: Sequence[str],
    seconds: float,
    exits: Mapping[int, str],
) -> RunResult:
    """Run a program that is looked up, on paths that are checked."""
    name, *arguments = command
    try:
        program = await asyncio.to_thread(find_program, project_dir, name)
        operands = await asyncio.to_thread(_operands, project_dir, paths)
        done = await run([program, *arguments, *operands], cwd=project_dir, timeout=seconds)
    except (StartError, OutsideError) as error:
        return never_ran(str(error))
    return result_of(done, exits.get(done.exit_code or 0))


def find_program(project_dir: Path | str, name: str) -> str:
    """Return where a Python program is: the project's `.venv`, beside our own Python, or `PATH`.

    It is started by this, its console script: `python -m` would import a package of the same name
    from the folder that it runs in. Reads the disk.

    Raises:
        StartError: it is nowhere.
    """
    own = Path(project_dir).absolute() / ".venv" / "bin" / name
    ours = Path(sys.executable).parent / name
    for candidate in (str(own), str(ours), name):
        if found := shutil.which(candidate, path=child_environment(os.environ)["PATH"]):
            return found
    raise StartError(
        f"{name} was found neither in the project's .venv nor on PATH: "
        f"install it (pip install {name})",
    )


def _operands(project_dir: Path | str, paths: Sequence[str]) -> list[str]:
    """Return paths as a program takes them for paths, whatever they begin with."""
    operands = []
    for path in paths:
        file, separator, test = path.partition("::")
        inside = path_inside(project_dir, file, follow=True)
        operands.append(f"./{inside}{separator}{test}")
    return operands
