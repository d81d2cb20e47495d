"""The README's programs run, and print what stands below them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.approvals.rules_file import load
from agent.claude.script import Call, Text, reply
from tests.server_thread import ServerThread

README = (Path(__file__).parent.parent / "README.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
(RULES,) = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def run(program: str) -> None:
    exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})


def without_times(text: str) -> str:
    """Blank out what depends on the clock: the seconds, and a column more or less of a bar."""
    return re.sub(r"\|.*?\|", "|bar|", re.sub(r"\d\.\d{3} s", "s", text)).strip()


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert True\n")
    (tmp_path / "README.md").write_text("one two three")
    (tmp_path / "CHANGELOG.md").write_text("one")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("ANTHROPIC_MODEL", "claude-sonnet-5-5")
    return tmp_path


@pytest.mark.usefixtures("project")
def test_the_first_program_counts_words_while_the_model_writes(monkeypatch, capsys):
    calls = [
        Call("toolu_1", "word_count", {"path": "README.md"}),
        Call("toolu_2", "word_count", {"path": "CHANGELOG.md"}),
    ]
    said = [reply(Text("Let me see."), *calls), reply(Text("3 and 1.")), reply(Text("README.md."))]
    with ServerThread(*said) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        run(PROGRAMS[0])

    assert server.refused == []
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Let me see."
    assert sorted(lines[1:4]) == ["", "[word_count: 1 words]", "[word_count: 3 words]"]
    assert lines[4:] == ["3 and 1.", "README.md. 1 end_turn"]


def test_the_program_of_sessions_forks_and_exports(project, monkeypatch, capsys):
    with ServerThread(reply(Text("1. Begin.")), reply(Text("Begin."))) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        run(PROGRAMS[1])

    assert server.refused == []
    out = capsys.readouterr().out
    assert "## Person" in out
    assert out.splitlines()[-1].endswith("plan B")
    assert (project / "sessions").is_dir()


def test_the_program_of_jobs_follows_one_to_its_end(project):
    (project / "count.py").write_text(PROGRAMS[2])
    done = subprocess.run(
        [sys.executable, "count.py"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "created {'kind': 'count'}"
    assert lines[1].startswith("started {'attempt': 1, ")
    assert lines[-2:] == ["succeeded {}", "1000"]


def test_the_program_of_workflows_plans_and_then_works(project, monkeypatch, capsys):
    finish = Call("toolu_1", "finish_workflow", {"summary": "It is carried out."})
    said = [reply(Text("1. Write it.")), reply(finish), reply(Text("Done."))]
    with ServerThread(*said) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        run(PROGRAMS[3])
    assert server.refused == []
    assert capsys.readouterr().out == "1. Write it.\nIt is carried out.\n"
    assert (project / "workflows.sqlite").is_file()


def test_the_test_of_a_tool_passes_on_what_was_recorded(project, monkeypatch):
    tool = PROGRAMS[0].split("@tool", 1)[1].split("async def main", 1)[0]
    head = "from tools import ToolClass, ToolContext, tool\n\n\n@tool"
    (project / "words.py").write_text(f"{head}{tool.rstrip()}\n")
    (project / "test_words.py").write_text(PROGRAMS[4])
    recording = (
        "import asyncio\nfrom agent import Agent\nfrom words import word_count\n"
        "async def main():\n"
        "    async with Agent(tools=[word_count], record='words.jsonl') as agent:\n"
        "        await (await agent.session()).ask('How long is README.md?')\n"
        "asyncio.run(main())\n"
    )
    said = [reply(Call("toolu_1", "word_count", {"path": "README.md"})), reply(Text("Three."))]
    with ServerThread(*said) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        subprocess.run([sys.executable, "-c", recording], check=True)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_words.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_rules_of_the_readme_are_rules(tmp_path):
    (tmp_path / "approvals.toml").write_text(RULES)
    assert [str(rule) for rule in load(tmp_path / "approvals.toml")] == [
        "allow shell with command 'pytest *'",
        "deny any tool with path 'secrets/**'",
    ]


def test_the_schedulers_program_prints_what_the_readme_says(capsys):
    run(PROGRAMS[5])
    said = README.split(PROGRAMS[5])[1].split("```\n")[2]
    assert without_times(capsys.readouterr().out) == without_times(said)


@pytest.mark.usefixtures("project")
def test_the_program_of_named_tasks_runs_in_a_project(capsys):
    run(PROGRAMS[6])
    assert capsys.readouterr().out.splitlines() == [
        "[['format', 'status'], ['tests']]",
        "format success ",
        "tests success ",
        "status success ",
    ]


def test_no_program_is_left_out():
    assert len(PROGRAMS) == 7
