"""A project's checks, run side by side, and a report of them that a person reads."""

from dataclasses import dataclass
from pathlib import Path

from scheduler import (
    Certificate,
    ParallelExecutor,
    Statistics,
    TaskResult,
    ToolTask,
    certify,
)
from scheduler.timeline import draw
from tools import format_code_async, git_diff_async, git_status_async, run_tests_async

LINES = 12
"""How many lines of a failed check's output are shown."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the checks gave."""

    results: dict[str, TaskResult]
    statistics: Statistics
    timeline: str
    certificate: Certificate

    @property
    def is_good(self) -> bool:
        """Whether every check succeeded."""
        return all(result["status"] == "success" for result in self.results.values())

    def __str__(self) -> str:
        took = (
            f"{self.statistics.elapsed:.2f} s instead of {self.statistics.work:.2f} s one by one "
            f"({self.statistics.speedup:.2f} times faster); {self.certificate}"
        )
        blocks = [_verdict(name, result) for name, result in self.results.items()]
        return "\n".join([*blocks, "", self.timeline, "", took])


async def run(project: Path, *, run_format: bool, run_tests: bool, jobs: int) -> Report:
    """Run the checks of a project, at most `jobs` at a time."""
    folder = {"project_dir": str(project)}
    tasks = [
        ToolTask("git_status", git_status_async, folder),
        ToolTask("git_diff", git_diff_async, folder),
    ]
    if run_format:
        tasks.append(ToolTask("format_code", format_code_async, {**folder, "check": True}))
    if run_tests:
        # The longest goes first, so that the others fit beside it.
        tasks.append(ToolTask("run_tests", run_tests_async, folder, priority=1, timeout=None))
    executor = ParallelExecutor(max_concurrency=jobs)
    results = await executor.execute_parallel(tasks)
    assert executor.statistics is not None  # noqa: S101  (a batch has just ended; for the types)
    return Report(results, executor.statistics, draw(executor.records), certify(executor.records))


def _verdict(name: str, result: TaskResult) -> str:
    good = result["status"] == "success"
    output = f"{result['output'] or ''}".strip().splitlines()
    if good and name != "git_status":
        output = output[-1:]  # "12 passed": the rest is of interest when something failed
    lines = [*f"{result['error'] or ''}".strip().splitlines(), *output[-LINES:]]
    head = f"{'ok  ' if good else 'FAIL'} {name} ({result['duration'] or 0:.2f} s)"
    return "\n".join([head, *(f"     {line}" for line in lines)])
