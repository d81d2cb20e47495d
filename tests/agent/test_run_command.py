"""`toolloop run`, called as the console script calls it, against a server on this machine."""

import io
import json

import pytest

from agent.claude.script import Call, HttpError, Text, reply
from agent.cli import main
from tests.server_thread import ServerThread

READ = Call("toolu_1", "file_read", {"path": "notes.txt"})
WRITE = Call("toolu_2", "file_write", {"path": "new.txt", "content": "new\n"})


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "notes.txt").write_text("milk\n")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("ANTHROPIC_MODEL", "claude-loopback")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x")
    monkeypatch.chdir(folder)
    return folder


def run(monkeypatch, *arguments, replies=()):
    with ServerThread(*replies) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        code = main(["run", *arguments])
    assert server.refused == []
    return code


@pytest.mark.usefixtures("workspace")
def test_the_answer_goes_to_stdout_and_what_the_tools_do_to_stderr(monkeypatch, capsys):
    replies = [reply(Text("Let me look."), READ), reply(Text("You need milk."))]
    code = run(monkeypatch, "What do I need?", replies=replies)
    out, err = capsys.readouterr()
    assert (code, out) == (0, "Let me look.\nYou need milk.\n")
    assert "+ file_read notes.txt" in err
    assert "2 requests" in err


@pytest.mark.usefixtures("workspace")
def test_quiet_prints_the_answer_only(monkeypatch, capsys):
    replies = [reply(READ), reply(Text("Milk."))]
    assert run(monkeypatch, "--quiet", "What do I need?", replies=replies) == 0
    assert capsys.readouterr() == ("Milk.\n", "")


@pytest.mark.usefixtures("workspace")
def test_json_prints_every_event_as_a_line(monkeypatch, capsys):
    replies = [reply(READ), reply(Text("Milk."))]
    assert run(monkeypatch, "--json", "What do I need?", replies=replies) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # The call starts before or after its reply's end, as it comes.
    assert sorted(line["type"] for line in lines[1:5]) == [
        "reply_finished",
        "tool_called",
        "tool_finished",
        "tool_started",
    ]
    others = [line["type"] for line in (lines[0], *lines[5:])]
    assert others == ["turn_started", "text_delta", "reply_finished", "turn_finished"]
    assert lines[1]["input"] == {"path": "notes.txt"}
    assert lines[-1]["text"] == "Milk."


def test_without_anybody_to_ask_what_changes_something_is_denied(workspace, monkeypatch, capsys):
    replies = [reply(WRITE), reply(Text("I may not."))]
    assert run(monkeypatch, "Write it.", replies=replies) == 0
    assert not (workspace / "new.txt").exists()
    assert "nobody is there to be asked" in capsys.readouterr().err


def test_with_everything_allowed_it_is_done(workspace, monkeypatch, capsys):
    replies = [reply(WRITE), reply(Text("Done."))]
    assert run(monkeypatch, "Write it.", "--approvals", "allow", replies=replies) == 0
    assert (workspace / "new.txt").read_text() == "new\n"
    assert "+ file_write" in capsys.readouterr().err


@pytest.mark.usefixtures("workspace")
def test_a_message_of_the_standard_input_is_taken_whole(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("two\nlines\n"))
    with ServerThread(reply(Text("Yes."))) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        assert main(["run", "-"]) == 0
    assert server.requests[0].body["messages"][0]["content"][-1]["text"] == "two\nlines\n"
    assert capsys.readouterr().out == "Yes.\n"


@pytest.mark.usefixtures("workspace")
def test_a_session_goes_on_where_it_ended(monkeypatch, capsys):
    replies = [reply(Text("One.")), reply(Text("Two."))]
    with ServerThread(*replies) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        assert main(["run", "--session", "s", "first"]) == 0
        assert main(["run", "--session", "s", "second"]) == 0
    assert [each["role"] for each in server.requests[1].body["messages"]] == [
        "user",
        "assistant",
        "user",
    ]
    assert capsys.readouterr().out == "One.\nTwo.\n"


@pytest.mark.usefixtures("workspace")
def test_what_the_server_refuses_is_told_and_is_exit_code_1(monkeypatch, capsys):
    refusal = HttpError(400, "invalid_request_error", "Your credit balance is too low.")
    assert run(monkeypatch, "Hello", replies=[refusal]) == 1
    assert "! Your credit balance is too low." in capsys.readouterr().err


@pytest.mark.usefixtures("workspace")
def test_the_text_of_a_model_does_not_act_on_the_terminal(monkeypatch, capsys):
    assert run(monkeypatch, "Hello", replies=[reply(Text("\x1b[2Jgone\x07"))]) == 0
    assert capsys.readouterr().out == "\u241b[2Jgone\u2407\n"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"ANTHROPIC_MODEL": "m"}, "there is no key for the Claude API"),
        ({"ANTHROPIC_API_KEY": "k"}, "no model is named"),
    ],
)
@pytest.mark.usefixtures("workspace")
def test_what_is_not_configured_is_told_with_what_to_do(variables, told, monkeypatch, capsys):
    for name in ("ANTHROPIC_MODEL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nowhere")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(["run", "Hello"]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "toolloop replay first-look" in err


@pytest.mark.usefixtures("workspace")
def test_an_empty_message_is_refused_before_anything_is_asked(capsys):
    assert main(["run", "  "]) == 2
    assert capsys.readouterr().err == "toolloop run: the message is empty\n"
