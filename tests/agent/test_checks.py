"""`toolloop checks` on a real project."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import main

GOOD = "def test_it():\n    assert True\n"
BAD = "def test_it():\n    assert 1 + 1 == 3\n"


@pytest.fixture
def project(tmp_path):
    """Make a repository with one good test."""
    (tmp_path / "test_it.py").write_text(GOOD)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def test_a_good_project_passes_and_shows_who_ran_beside_whom(project, capsys):
    assert main(["checks", str(project)]) == 0
    out = capsys.readouterr().out
    for name in ("git_status", "git_diff", "format_code", "run_tests"):
        assert f"ok   {name}" in out
        assert f"\n{name}" in out
    assert "?? test_it.py" in out
    assert "1 passed" in out
    assert "serial-equivalent in request order" in out


def test_a_failing_test_fails_the_command_and_says_why(project, capsys):
    (project / "test_it.py").write_text(BAD)
    assert main(["checks", str(project), "--no-format"]) == 1
    out = capsys.readouterr().out
    assert "FAIL run_tests" in out
    assert "1 failed" in out
    assert "assert (1 + 1) == 3" in out
    assert "format_code" not in out


def test_a_folder_that_is_no_repository_is_a_failed_check_not_a_crash(tmp_path, capsys):
    assert main(["checks", str(tmp_path), "--no-tests", "--no-format"]) == 1
    assert "FAIL git_status" in capsys.readouterr().out


def test_results_can_be_read_by_a_program(project, capsys):
    assert main(["checks", str(project), "--json", "--no-tests", "--jobs", "2"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert set(results) == {"git_status", "git_diff", "format_code"}
    assert results["git_status"]["status"] == "success"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["checks", "/no/such/folder"], "'/no/such/folder' is not a folder"),
        (["checks", "--jobs", "0"], "a whole number of at least 1, not '0'"),
        (["fly"], "invalid choice: 'fly'"),
    ],
)
def test_a_wrong_call_is_a_usage_error_that_says_what_is_wrong(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_the_installed_command_starts_and_ignores_packages_of_the_folder_it_is_in(project):
    (project / "tools").mkdir()
    (project / "tools" / "__init__.py").write_text('raise SystemExit("the wrong tools")\n')
    command = Path(sys.executable).with_name("toolloop")
    checks = [command, "checks", "--no-tests"]
    subprocess.run(checks, cwd=project, capture_output=True, check=True)
    version = subprocess.run([command, "--version"], capture_output=True, check=True)
    assert version.stdout.startswith(b"toolloop 0.")
