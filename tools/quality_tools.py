"""Formatter and tests as a model calls them. All of them execute the project's own code."""

from typing import Annotated, Final, Literal

from annotated_types import Interval

from tools.base import tool
from tools.content import ToolOutput, to_output
from tools.context import ToolContext
from tools.quality import (
    FORMAT_SECONDS,
    TEST_SECONDS,
    format_code_async,
    run_parallel_checks,
    run_tests_async,
)
from tools.results import as_output
from tools.tool_classes import ToolClass

MARGIN: Final = 30.0
"""Seconds to look programs up, and to end what hangs."""


@tool(ToolClass.SHELL, timeout=FORMAT_SECONDS + MARGIN)
async def format_code(
    context: ToolContext,
    paths: list[str] | None = None,
    formatter: Literal["ruff", "black"] = "ruff",
    check: bool = False,
) -> ToolOutput:
    """Format Python code, or only check that it is formatted.

    Args:
        paths: files and folders of the workspace; all of it if left out.
        formatter: the one in the project's own environment is taken first.
        check: change nothing, and say what would change.
    """
    done = await format_code_async(context.workspace, formatter, paths, check)
    return as_output(done, empty="Done; nothing to report.", needs_success=False)


@tool(ToolClass.SHELL, timeout=TEST_SECONDS + MARGIN)
async def run_tests(
    context: ToolContext,
    path: str | None = None,
    arguments: list[str] | None = None,
    timeout_seconds: Annotated[float, Interval(gt=0, le=TEST_SECONDS)] = 300.0,
) -> ToolOutput:
    """Run the workspace's Python tests with pytest.

    Args:
        path: a file, a folder, or a test in a file (`tests/test_a.py::test_b`); all if left out.
        arguments: options of pytest, such as ["-x", "-k", "name"].
        timeout_seconds: after which the tests are ended, at most 600.
    """
    done = await run_tests_async(context.workspace, path, arguments, timeout_seconds)
    return as_output(done, empty="No output.", needs_success=False)


@tool(ToolClass.SHELL, timeout=TEST_SECONDS + 2 * MARGIN)
async def run_checks(context: ToolContext) -> ToolOutput:
    """Check the formatting and run all tests of the workspace, side by side; changes nothing."""
    done = await run_parallel_checks(context.workspace)
    shown = [f"{name}: {each['status']}\n{_text(each)}" for name, each in done.items()]
    return to_output("\n\n".join(shown))


def _text(result: dict[str, object]) -> str:
    parts = (str(result[part] or "").strip() for part in ("error", "output"))
    return "\n".join(part for part in parts if part)


QUALITY_TOOLS: Final = (run_tests, format_code, run_checks)
