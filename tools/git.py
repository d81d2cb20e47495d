"""What has changed in a git repository, for a person or a model to read.

The repository is hostile until shown otherwise: neither command runs a program that it names (see
`git_safety`), writes to it, or takes a lock in it. The price: filters are off, so that a file kept
by a filter (git-lfs, encryption) can show as changed as a whole, and changes inside a submodule do
not show, only a submodule that moved to another commit.
"""

import asyncio
from pathlib import Path
from typing import Any, Final

from scheduler import ParallelExecutor, ToolTask
from tools.git_safety import UnsafeError, safe_environment
from tools.output import render
from tools.paths import OutsideError, path_inside
from tools.process import run
from tools.process_start import StartError
from tools.program import Completed
from tools.results import RunResult, never_ran, result_of

GIT_SECONDS: Final = 60.0
TASK_SECONDS: Final = 150.0
"""For all that one call does: list the configuration, look, and end what hangs."""

_STATUS: Final = (
    *("--no-pager", "status", "--short", "--branch"),
    *("--untracked-files=normal", "--ignore-submodules=dirty"),
)

_DIFF: Final = (
    *("--no-pager", "diff", "--no-ext-diff", "--no-textconv"),
    *("--submodule=short", "--ignore-submodules=dirty"),
    # The same output whatever is configured.
    *("--no-color", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/"),
)

_LOG: Final = (
    # A signature would be checked by a program that the repository's configuration names.
    *("--no-pager", "log", "--no-show-signature", "--no-ext-diff", "--no-textconv"),
    *("--no-color", "--no-decorate", "--no-mailmap", "--no-notes", "--stat=100", "--date=iso"),
    *("--no-renames", "--submodule=short", "--format=%h %ad %an%n    %s"),
)

_MISSING: Final = (
    "this is a partial clone, and an object is missing; nothing is fetched here: run `git fetch "
    "--refetch --no-filter` where that is safe, then ask again"
)

_EXPLANATIONS: Final = {
    "not a git repository": "this folder is in no git repository: name another, or run `git init`",
    "dubious ownership": "the repository belongs to another user, and git does not trust it; if "
    "you do, run the `git config` command below",
    "cannot use bare repository": "this folder is a bare repository: it has no files to compare",
    "lazy fetching disabled": _MISSING,
    "' not allowed": _MISSING,
    "does not have any commits yet": "there are no commits yet",
    "must be run in a work tree": "this repository has no work tree: it has no files to compare",
}


async def git_status_async(project_dir: Path | str) -> RunResult:
    """Return the branch and the changed, staged and untracked files, as `git status --short` does.

    Paths are relative to `project_dir`; a folder of untracked files is one line. A missing folder,
    a missing git and a folder outside of any repository are `"failed"` with an `error`.
    """
    return await _git(project_dir, _STATUS)


async def git_diff_async(
    project_dir: Path | str,
    staged: bool = False,
    path: str | None = None,
) -> RunResult:
    """Return the changes that are not staged, or those that are, as a unified diff.

    Args:
        project_dir: A folder in the repository.
        staged: Compare what is staged with the last commit, instead of the files with what is
            staged.
        path: A file or folder to which the diff is confined, relative to `project_dir` or absolute
            inside it; never a pattern.
    """
    arguments = (*_DIFF, "--cached") if staged else _DIFF
    if path is None:
        return await _git(project_dir, arguments)
    return await _git_at(project_dir, arguments, path)


async def git_log_async(
    project_dir: Path | str, path: str | None = None, count: int = 20
) -> RunResult:
    """Return the newest commits: hash, date, author, first line, and the files with counts.

    Args:
        project_dir: The folder of the repository, or one in it.
        path: Only commits that changed this, as for `git_diff_async`.
        count: How many.
    """
    arguments = (*_LOG, f"--max-count={count}")
    if path is None:
        return await _git(project_dir, arguments)
    return await _git_at(project_dir, arguments, path)


async def run_parallel_git_operations(project_dir: Path | str) -> dict[str, dict[str, Any]]:
    """Return `git_status`, `git_diff` and `git_diff_staged`, each a result, looked up together."""
    folder = {"project_dir": project_dir}
    tasks = [
        ToolTask("git_status", git_status_async, folder, timeout=TASK_SECONDS),
        ToolTask("git_diff", git_diff_async, folder, timeout=TASK_SECONDS),
        ToolTask(
            "git_diff_staged",
            git_diff_async,
            {**folder, "staged": True},
            timeout=TASK_SECONDS,
        ),
    ]
    return await ParallelExecutor(max_concurrency=len(tasks)).execute_parallel(tasks)


async def _git_at(project_dir: Path | str, arguments: tuple[str, ...], path: str) -> RunResult:
    """Run git on what is at a path inside the project."""
    try:
        inside = await asyncio.to_thread(path_inside, project_dir, path, follow=False)
    except OutsideError as error:
        return never_ran(str(error))
    return await _git(project_dir, (*arguments, "--", inside))


async def _git(project_dir: Path | str, arguments: tuple[str, ...]) -> RunResult:
    try:
        done = await run(
            ("git", *arguments),
            cwd=project_dir,
            env=await safe_environment(project_dir),
            timeout=GIT_SECONDS,
        )
    except (StartError, UnsafeError) as error:
        return never_ran(str(error))
    return result_of(done, _explanation(done))


def _explanation(done: Completed) -> str | None:
    stderr = render(done.stderr).lower()
    return next((text for sign, text in _EXPLANATIONS.items() if sign in stderr), None)
