"""What git tells of a repository, and what it says when there is nothing to tell."""

import os
from pathlib import Path

import pytest

from tools import git_diff_async, git_safety, git_status_async, run_parallel_git_operations

from .repository import Repository


async def status(folder: Path | str) -> str:
    result = await git_status_async(folder)
    assert (result["status"], result["error"], result["exit_code"]) == ("success", None, 0)
    return result["output"]


async def diff(folder: Path | str, *, staged: bool = False, path: str | None = None) -> str:
    result = await git_diff_async(folder, staged, path)
    assert (result["status"], result["error"], result["exit_code"]) == ("success", None, 0)
    return result["output"]


DIFF = """\
diff --git a/a.txt b/a.txt
index 5626abf..f719efd 100644
--- a/a.txt
+++ b/a.txt
@@ -1 +1 @@
-one
+two
"""


async def test_a_clean_repository_has_a_branch_and_no_changes(repository: Repository):
    assert await status(repository.folder) == "## main\n"
    assert await diff(repository.folder) == ""


async def test_status_shows_staged_changed_deleted_and_untracked_files(repository: Repository):
    repository.write("gone.txt", "x\n")
    repository.commit("second")
    (repository.folder / "gone.txt").unlink()
    repository.write("a.txt", "two\n")
    repository.write("new.txt", "x\n")
    repository.git("add", "new.txt")
    repository.write("ünwanted 1.txt", "x\n")
    repository.write("folder/b.txt", "x\n")

    assert await status(repository.folder) == (
        '## main\n M a.txt\n D gone.txt\nA  new.txt\n?? folder/\n?? "ünwanted 1.txt"\n'
    )


async def test_diff_shows_what_is_not_staged_or_what_is(repository: Repository):
    repository.write("a.txt", "two\n")

    assert await diff(repository.folder) == DIFF
    assert await diff(repository.folder, staged=True) == ""

    repository.git("add", "a.txt")

    assert await diff(repository.folder) == ""
    assert await diff(repository.folder, staged=True) == DIFF


async def test_a_folder_below_the_top_is_looked_at_from_there(repository: Repository):
    repository.write("sub/b.txt", "x\n")
    repository.write("a.txt", "two\n")

    assert await status(repository.folder / "sub") == "## main\n M ../a.txt\n?? ./\n"
    assert await diff(repository.folder / "sub") == DIFF


async def test_a_detached_and_an_empty_repository_have_a_status(
    repository: Repository, tmp_path: Path
):
    repository.git("checkout", "--quiet", "--detach")
    repository.git("init", "--quiet", "--initial-branch=main", str(tmp_path / "empty"))

    assert await status(repository.folder) == "## HEAD (no branch)\n"
    assert await status(tmp_path / "empty") == "## No commits yet on main\n"


# Paths


@pytest.fixture
def changed(repository: Repository) -> Repository:
    """A repository with changes in files of difficult names."""
    for name in ("-x", ":(top)a.txt", ":!a", "*", "sub/b.txt", "new\nline"):
        repository.write(name, "one\n")
    repository.commit("names")
    for name in ("a.txt", "-x", ":(top)a.txt", ":!a", "*", "sub/b.txt", "new\nline"):
        repository.write(name, "two\n")
    return repository


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a.txt", "a/a.txt"),
        ("./sub/../a.txt", "a/a.txt"),
        ("sub", "a/sub/b.txt"),
        ("sub/", "a/sub/b.txt"),
        ("-x", "a/-x"),
        (":(top)a.txt", "a/:(top)a.txt"),
        (":!a", "a/:!a"),
        ("*", "a/*"),
        ("new\nline", '"a/new\\nline"'),
    ],
)
async def test_a_path_is_that_path_and_no_pattern_or_option(
    changed: Repository, path: str, shown: str
):
    output = await diff(changed.folder, path=path)

    assert [line for line in output.splitlines() if line.startswith("--- ")] == [f"--- {shown}"]


async def test_a_path_may_be_absolute_inside_the_project(changed: Repository, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(changed.folder)

    assert await diff(changed.folder, path=str(changed.folder / "a.txt")) == DIFF
    assert await diff(link, path=str(changed.folder / "a.txt")) == DIFF
    assert await diff(link, path=str(link / "a.txt")) == DIFF
    assert "b.txt" in await diff(changed.folder, path=".")
    assert "b.txt" not in await diff(changed.folder / "sub", path="../sub/none")


async def test_a_relative_project_is_relative_to_the_working_folder(
    changed: Repository, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(changed.folder.parent)

    assert await diff("project", path="a.txt") == DIFF
    assert await diff("project", path=str(changed.folder / "a.txt")) == DIFF


@pytest.mark.parametrize("path", ["..", "../x", "sub/../../x", "/", "/etc/passwd", "", "a\0b"])
async def test_a_path_that_leads_out_is_refused(changed: Repository, path: str):
    result = await git_diff_async(changed.folder, path=path)

    assert (result["status"], result["output"], result["exit_code"]) == ("failed", "", None)
    assert "leads out of" in str(result["error"]) or "not a path" in str(result["error"])


async def test_a_path_through_a_link_that_leads_out_is_refused(changed: Repository, tmp_path: Path):
    (changed.folder / "out").symlink_to(tmp_path)
    (changed.folder / "in").symlink_to("sub")

    result = await git_diff_async(changed.folder, path="out/x")

    assert "leads out of" in str(result["error"])
    assert await diff(changed.folder, path="in/b.txt") == await diff(
        changed.folder, path="sub/b.txt"
    )


# Nothing to tell


@pytest.mark.usefixtures("home")
async def test_a_folder_in_no_repository_is_said_to_be_so(tmp_path: Path):
    for result in (
        await git_status_async(tmp_path),
        await git_diff_async(tmp_path),
        await git_diff_async(tmp_path, path="home"),
    ):
        assert result["status"] == "failed"
        assert str(result["error"]).startswith("this folder is in no git repository")


async def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path):
    missing = tmp_path / "missing"

    for result in (await git_status_async(missing), await git_diff_async(missing, path="x")):
        assert result["error"] == (
            f"the folder '{missing}' does not exist: create it, or name another to run in"
        )


async def test_a_missing_git_is_said_to_be_missing(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))

    result = await git_status_async(repository.folder)

    assert result["error"] == ("the program 'git' was not found: install it, or give its full path")


async def test_a_git_too_old_to_be_run_safely_is_not_run(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    old = tmp_path / "git"
    old.write_text('#!/bin/sh\nunset GIT_CONFIG_COUNT; exec "$REAL_GIT" "$@"\n')
    old.chmod(0o755)
    real = repository.git("--exec-path").strip() + "/git"
    monkeypatch.setitem(git_safety.VARIABLES, "REAL_GIT", real)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    result = await git_status_async(repository.folder)

    assert result["error"] == "git is too old to be run safely: install git 2.38 or newer"


async def test_a_repository_of_another_user_is_not_trusted(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
):
    name = "GIT_TEST_ASSUME_DIFFERENT_OWNER"
    monkeypatch.setitem(git_safety.VARIABLES, name, "1")

    result = await git_status_async(repository.folder)

    assert str(result["error"]).startswith("the repository belongs to another user")
    assert "git config --global --add safe.directory" in str(result["error"])


async def test_a_bare_repository_has_nothing_to_compare(repository: Repository):
    repository.git("clone", "--quiet", "--bare", ".", "bare.git")
    repository.git("config", "core.bare", "true")

    for folder in ("bare.git", ".", ".git"):
        result = await git_status_async(repository.folder / folder)
        assert "it has no files to compare" in str(result["error"])


async def test_a_broken_configuration_is_told_in_gits_words(repository: Repository):
    repository.configure("[broken")

    result = await git_status_async(repository.folder)

    assert result["status"] == "failed"
    assert "its configuration could not be read: fatal: bad config" in str(result["error"])


# Side by side


async def test_the_operations_run_together_and_give_each_result_by_name(repository: Repository):
    repository.write("a.txt", "two\n")

    results = await run_parallel_git_operations(repository.folder)

    assert {name: result["output"] for name, result in results.items()} == {
        "git_status": "## main\n M a.txt\n",
        "git_diff": DIFF,
        "git_diff_staged": "",
    }
    assert {result["status"] for result in results.values()} == {"success"}


async def test_together_too_a_failure_is_told_for_each(tmp_path: Path):
    results = await run_parallel_git_operations(tmp_path / "missing")

    assert set(results) == {"git_status", "git_diff", "git_diff_staged"}
    for result in results.values():
        assert result["status"] == "failed"
        assert "does not exist" in result["error"]
