"""The README's programs run, and print what stands below them."""

import re
import subprocess
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def run(program: str) -> None:
    exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})


def without_times(text: str) -> str:
    """Blank out what depends on the clock: the seconds, and a column more or less of a bar."""
    return re.sub(r"\|.*?\|", "|bar|", re.sub(r"\d\.\d{3} s", "s", text)).strip()


def test_the_first_program_prints_what_the_readme_says(capsys):
    run(PROGRAMS[0])
    said = README.split(PROGRAMS[0])[1].split("```\n")[2]
    assert without_times(capsys.readouterr().out) == without_times(said)


@pytest.mark.parametrize("program", PROGRAMS[1:])
def test_every_other_program_runs_in_a_project(program, tmp_path, monkeypatch, capsys):
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert True\n")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.chdir(tmp_path)
    run(program)
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "[['format', 'status'], ['tests']]",
        "format success ",
        "tests success ",
        "status success ",
    ]
