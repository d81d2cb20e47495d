"""Formatting and testing a project with the real programs."""

import sys
from pathlib import Path

import pytest

from tools import format_code_async, run_parallel_checks, run_tests_async
from tools.process_start import StartError
from tools.quality import FORMATTERS, PYTEST_EXITS, find_program
from tools.results import RunResult

UGLY = "x=  1\n"
NEAT = "x = 1\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "pro:ject"  # Which is two folders in a PATH.
    folder.mkdir()
    # Our own plugins are none of the project's business, and slow to load.
    plugins = "-p no:asyncio -p no:hypothesispytest -p no:timeout"
    settings = f'[tool.pytest.ini_options]\naddopts = "{plugins}"\n'
    (folder / "pyproject.toml").write_text(settings)
    return folder


def own_program(project: Path, name: str, script: str = 'echo "$0" "$@"') -> Path:
    """Give the project a program of its own."""
    program = project / ".venv/bin" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def outcome(result: RunResult) -> tuple[str, int | None, str | None]:
    return result["status"], result["exit_code"], result["error"]


# Formatting


async def test_all_files_are_formatted(project: Path):
    (project / "a.py").write_text(UGLY)
    (project / "sub").mkdir()
    (project / "sub/b.py").write_text(UGLY)

    result = await format_code_async(project)

    assert outcome(result) == ("success", 0, None)
    assert result["output"] == "2 files reformatted\n"
    assert (project / "a.py").read_text() == (project / "sub/b.py").read_text() == NEAT


async def test_a_check_changes_nothing_and_fails_when_something_would_change(project: Path):
    file = project / "a.py"
    file.write_text(UGLY)

    result = await format_code_async(project, check=True)

    assert outcome(result) == (
        "failed",
        1,
        "not formatted; format_code_async without check does it",
    )
    assert "would be reformatted" in result["output"]
    assert file.read_text() == UGLY

    file.write_text(NEAT)

    assert outcome(await format_code_async(project, check=True)) == ("success", 0, None)


async def test_only_the_named_paths_are_formatted_whatever_they_begin_with(project: Path):
    for name in ("-a.py", "b.py", "c.py"):
        (project / name).write_text(UGLY)

    result = await format_code_async(project, paths=["-a.py", str(project / "b.py")])

    assert outcome(result) == ("success", 0, None)
    texts = [(project / name).read_text() for name in ("-a.py", "b.py", "c.py")]
    assert texts == [NEAT, NEAT, UGLY]


@pytest.mark.parametrize("path", ["../x.py", "/etc", "out/x.py", "link.py", ""])
async def test_a_path_outside_of_the_project_is_refused(project: Path, tmp_path: Path, path: str):
    outside = tmp_path / "x.py"
    outside.write_text(UGLY)
    (project / "out").symlink_to(tmp_path)
    (project / "link.py").symlink_to(outside)

    for result in (
        await format_code_async(project, paths=[path]),
        await run_tests_async(project, test_path=path),
    ):
        assert result["status"] == "failed"
        assert "leads out of" in str(result["error"]) or "not a path" in str(result["error"])
    assert outside.read_text() == UGLY


@pytest.mark.parametrize("paths", [[], "a.py"])
async def test_paths_that_would_mean_the_whole_project_are_refused(project: Path, paths: list[str]):
    (project / "a.py").write_text(UGLY)

    result = await format_code_async(project, paths=paths)

    assert str(result["error"]).startswith("paths is a list of one or more, not ")
    assert (project / "a.py").read_text() == UGLY


async def test_code_that_cannot_be_parsed_is_told_in_the_formatters_words(project: Path):
    (project / "a.py").write_text("def\n")

    result = await format_code_async(project, check=True)

    assert (result["status"], result["exit_code"]) == ("failed", 2)
    assert str(result["error"]).startswith("ruff ended with exit code 2")
    assert "a.py" in result["output"] + result["stderr"]


async def test_an_unknown_formatter_is_refused_with_the_choices(project: Path):
    result = await format_code_async(project, "prettier")

    assert outcome(result) == (
        *("failed", None),
        "unknown formatter 'prettier': choose one of ruff, black",
    )


@pytest.mark.parametrize(
    ("formatter", "check", "arguments"),
    [
        ("ruff", False, "format ./."),
        ("ruff", True, "format --check ./."),
        ("black", False, "./."),
        ("black", True, "--check ./."),
    ],
)
async def test_each_formatter_is_called_its_own_way(
    project: Path, formatter: str, check: bool, arguments: str
):
    program = own_program(project, formatter)

    result = await format_code_async(project, formatter, check=check)

    assert result["output"] == f"{program} {arguments}\n"
    assert formatter in FORMATTERS


# Tests


async def test_passing_tests_are_a_success(project: Path):
    (project / "test_a.py").write_text("def test_one(): pass\ndef test_two(): pass\n")

    result = await run_tests_async(project)

    assert outcome(result) == ("success", 0, None)
    assert "2 passed" in result["output"]


async def test_a_failing_test_is_told_and_one_test_can_be_chosen(project: Path):
    (project / "test_a.py").write_text("def test_one(): assert False\ndef test_two(): pass\n")

    everything = await run_tests_async(project, extra_args=["-q"])
    chosen = await run_tests_async(project, "test_a.py::test_two")

    assert outcome(everything) == ("failed", 1, "tests failed; the output says which")
    assert "FAILED test_a.py::test_one" in everything["output"]
    assert outcome(chosen) == ("success", 0, None)
    assert "1 passed" in chosen["output"]


async def test_a_project_without_tests_is_said_to_have_none(project: Path):
    result = await run_tests_async(project)

    assert outcome(result) == (
        *("failed", 5),
        "no tests were collected: check test_path, and that files are named test_*.py",
    )


@pytest.mark.parametrize("code", [*PYTEST_EXITS, 77])
async def test_each_exit_code_of_pytest_has_its_text(project: Path, code: int):
    own_program(project, "pytest", f"echo detail >&2; exit {code}")

    result = await run_tests_async(project)

    text = PYTEST_EXITS.get(code, f"pytest ended with exit code {code}")
    assert outcome(result) == ("failed", code, f"{text}\ndetail")


def test_every_exit_code_that_pytest_has_is_known():
    assert set(PYTEST_EXITS) >= {int(code) for code in pytest.ExitCode} - {0}


async def test_tests_that_hang_are_ended(project: Path):
    own_program(project, "pytest", "echo started; exec sleep 1000")

    result = await run_tests_async(project, timeout=0.3)

    assert outcome(result) == (
        *("failed", None),
        "timed out after 0.3 s; the program and its children were ended",
    )


async def test_options_come_first_and_a_path_is_no_option(project: Path):
    program = own_program(project, "pytest")

    result = await run_tests_async(project, "-x/test_a.py::test[a b]", ["-k", "not slow"])

    assert result["output"] == f"{program} --color=no -k not slow ./-x/test_a.py::test[a b]\n"


async def test_options_in_one_string_are_refused(project: Path):
    result = await run_tests_async(project, extra_args="-x -q")

    assert result["error"] == "extra_args is a list of options, not the string '-x -q'"


async def test_a_package_of_the_project_does_not_pass_for_the_program(project: Path):
    for name in ("pytest.py", "ruff.py", "black.py"):
        (project / name).write_text("raise SystemExit('impostor')\n")
    (project / "test_a.py").write_text("def test_one(): pass\n")

    assert (await format_code_async(project, check=True, paths=["test_a.py"]))["exit_code"] == 1
    result = await run_tests_async(project, "test_a.py")

    assert "impostor" not in result["output"] + result["stderr"]


# Where the programs come from


def test_the_projects_own_program_comes_first_then_ours_then_the_path(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    own = own_program(project, "ruff")
    on_path = own_program(tmp_path / "elsewhere", "made-up")
    monkeypatch.setenv("PATH", str(on_path.parent))

    assert find_program("pro:ject", "ruff") == str(own)
    own.unlink()
    assert find_program("pro:ject", "ruff") == str(Path(sys.executable).parent / "ruff")
    assert find_program("pro:ject", "made-up") == str(on_path)
    with pytest.raises(StartError, match=r"install it \(pip install nowhere\)"):
        find_program("pro:ject", "nowhere")


async def test_a_missing_program_is_told_with_how_to_install_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")

    for name, result in {
        "ruff": await format_code_async(project),
        "black": await format_code_async(project, "black"),
        "pytest": await run_tests_async(project),
    }.items():
        text = f"{name} was found neither in the project's .venv nor on PATH: "
        assert outcome(result) == ("failed", None, f"{text}install it (pip install {name})")


async def test_a_missing_project_is_said_to_be_missing(tmp_path: Path):
    missing = tmp_path / "missing"

    for result in (await format_code_async(missing), await run_tests_async(missing)):
        assert f"the folder '{missing}' does not exist" in str(result["error"])


# Side by side


async def test_the_checks_run_together_and_change_nothing(project: Path):
    (project / "a.py").write_text(UGLY)
    (project / "test_a.py").write_text("def test_one():\n    pass\n")

    results = await run_parallel_checks(project)

    assert {name: result["status"] for name, result in results.items()} == {
        "format_code": "failed",
        "run_tests": "success",
    }
    assert "would be reformatted" in results["format_code"]["output"]
    assert "1 passed" in results["run_tests"]["output"]
    assert (project / "a.py").read_text() == UGLY


async def test_only_the_checks_that_are_asked_for_run(project: Path):
    own_program(project, "ruff")
    own_program(project, "pytest")

    assert set(await run_parallel_checks(project, run_tests=False)) == {"format_code"}
    assert set(await run_parallel_checks(project, run_format=False)) == {"run_tests"}
    assert await run_parallel_checks(project, run_format=False, run_tests=False) == {}


async def test_the_checks_really_run_at_the_same_time(project: Path):
    meet = "test -p meet || mkfifo meet 2>/dev/null; "
    own_program(project, "ruff", f"{meet} echo here > meet")
    own_program(project, "pytest", f"{meet} read word < meet; echo $word")

    results = await run_parallel_checks(project)

    assert results["run_tests"]["output"] == "here\n"
    assert results["format_code"]["status"] == "success"
