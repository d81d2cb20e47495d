"""`toolloop sessions`, without a key, a model or a server."""

import io
import json
import os
import re
import sys
from datetime import datetime

import pytest

from agent.commands.sessions import ACTIONS, COMMAND
from agent.session.entries import Message
from agent.session.index import SessionIndex
from agent.session.lock import open_locked
from agent.session.looking import find, look_around
from tests.agent.commands_called import Folder, a_second_turn, a_turn, called, texts


@pytest.fixture(autouse=True)
def nothing_is_configured(monkeypatch):
    """Take away all that could name a model, a key or a server."""
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "TOOLLOOP_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "data")


def sessions(folder, *arguments):
    return called(COMMAND, "--data-dir", folder.path, *arguments)


def names(folder):
    return sorted(each.name for each in look_around(folder.path))


# -- looking ------------------------------------------------------------------------------------


def test_sessions_are_listed_the_one_last_used_first(folder, capsys):
    older = folder.store(*a_turn(), name="older", session="id-1")
    newer = folder.store(*a_turn(), *a_second_turn(), name="newer \x1b[2J", session="id-2")
    broken = folder.file("id-3")
    broken.write_bytes(b"x" * 1_500)
    for seconds, file in ((3, newer), (2, older), (1, broken)):
        os.utime(file, (1_700_000_000 + 60 * seconds,) * 2)
    assert sessions(folder) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "NAME"
    assert [row.split() for row in rows] == [
        ["newer", "\N{SYMBOL FOR ESCAPE}[2J", "id-2", *used(newer), "2", *size(newer)],
        ["older", "id-1", *used(older), "1", *size(older)],
        ["id-3", "id-3", *used(broken), "damaged", "1.5", "kB"],
    ]
    assert sessions(folder, "list") == 0
    assert capsys.readouterr().out.splitlines() == [head, *rows]


def used(file):
    return (
        datetime.fromtimestamp(file.stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M").split()
    )


def size(file):
    return f"{file.stat().st_size / 1000:.1f} kB".split()


def test_what_the_runtime_wrote_is_no_message_of_a_person(folder, capsys):
    folder.store(*a_turn(), Message(texts("Go on."), 1.0, by="runtime"))
    sessions(folder)
    assert capsys.readouterr().out.splitlines()[1].split()[-3] == "1"


def test_a_folder_without_sessions_is_told_and_not_made(folder, capsys):
    assert sessions(folder) == 0
    assert capsys.readouterr().out == f"there are no sessions in {folder.path}\n"
    assert not folder.path.exists()


def test_a_folder_that_may_only_be_read_can_be_looked_at(folder, capsys):
    folder.store(*a_turn())
    (folder.path / "sessions" / "index.sqlite").write_bytes(b"no database")
    assert sessions(folder, "show", "notes") == 0
    assert sorted(each.name for each in (folder.path / "sessions").iterdir()) == [
        "id-1.jsonl",
        "index.sqlite",
    ]
    assert capsys.readouterr().out.startswith("# notes\n")


def test_an_index_that_does_not_fit_the_files_misleads_nobody(folder, capsys):
    folder.store(*a_turn())
    index = SessionIndex(folder.path / "sessions" / "index.sqlite")
    index.add("id-1", "of before", 1.0)
    index.add("gone", "notes", 1.0)
    assert sessions(folder, "show", "of before") == 1
    assert "there is no session named 'of before'" in capsys.readouterr().err
    assert sessions(folder, "show", "notes") == 0


def test_a_damaged_session_is_found_by_the_name_that_the_index_knows(folder, capsys):
    file = folder.store(*a_turn())
    SessionIndex(folder.path / "sessions" / "index.sqlite").add("id-1", "notes", 1.0)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([b"rubbish\n", *lines[1:]]))
    assert sessions(folder, "show", "notes") == 1
    assert "is damaged at line 1" in capsys.readouterr().err


def test_a_conversation_is_shown_as_markdown(folder, capsys):
    folder.store(*a_turn(), Message(texts("\x1b[31mred\ud800"), 1.0), *a_second_turn()[1:])
    assert sessions(folder, "show", "id-1") == 0
    out = capsys.readouterr().out
    assert out.startswith("# notes\n\n## Person\n\nWrite it twice.\n\n**write**\n")
    assert "Written." in out
    assert "\N{SYMBOL FOR ESCAPE}[31mred\N{REPLACEMENT CHARACTER}" in out


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_an_export_goes_to_a_file_or_to_standard_output(form, folder, capsys, tmp_path):
    folder.store(*a_turn())
    assert sessions(folder, "export", "notes", "--format", form) == 0
    printed = capsys.readouterr().out
    file = tmp_path / "exported"
    assert sessions(folder, "export", "notes", "--format", form, "--output", file) == 0
    assert capsys.readouterr().out == ""
    assert file.read_text() == printed
    if form == "json":
        exported = json.loads(printed)
        assert exported["entries"] == find(folder.path, "notes").entries
    else:
        assert printed.startswith("# notes\n")


def test_half_a_character_does_not_keep_a_session_from_being_exported(folder, capsys):
    folder.store(Message(texts("a\ud800b"), 1.0), *a_turn()[1:])
    assert sessions(folder, "export", "notes", "--format", "markdown") == 0
    assert "a?b" in capsys.readouterr().out


def test_the_data_folder_may_stand_before_or_behind_the_action(folder, capsys):
    folder.store(*a_turn())
    assert called(COMMAND, "--data-dir", folder.path, "list") == 0
    before = capsys.readouterr().out
    assert called(COMMAND, "list", "--data-dir", folder.path) == 0
    assert capsys.readouterr().out == before
    assert (
        called(COMMAND, "--data-dir", "/nowhere", "show", "notes", "--data-dir", folder.path) == 0
    )


# -- moving about -------------------------------------------------------------------------------


def test_a_session_is_renamed_and_found_by_its_new_name(folder, capsys):
    folder.store(*a_turn())
    assert sessions(folder, "rename", "notes", "minutes") == 0
    assert capsys.readouterr().out == "notes is now named minutes\n"
    assert find(folder.path, "minutes").id == "id-1"
    assert names(folder) == ["minutes"]
    assert sessions(folder, "show", "notes") == 1
    assert "there is no session named 'notes'" in capsys.readouterr().err


def test_a_fork_begins_as_the_other_did_with_its_tools_and_prompt(folder, capsys):
    folder.store(*a_turn(), *a_second_turn())
    assert sessions(folder, "fork", "notes", "again") == 0
    assert capsys.readouterr().out == "again begins as notes did\n"
    was, now = (find(folder.path, name).entries for name in ("notes", "again"))
    assert now[1:] == was[1:]
    header = {**was[0], "name": "again", "session": now[0]["session"], "created": now[0]["created"]}
    origin = {"session": "id-1", "entries": len(was)}
    assert {**now[0], "workspace": ""} == {**header, "origin": origin}


def test_a_fork_can_leave_out_a_message_and_what_follows(folder):
    folder.store(*a_turn(), *a_second_turn())
    assert sessions(folder, "fork", "notes", "again", "--before-message", "1") == 0
    was, now = (find(folder.path, name).entries for name in ("notes", "again"))
    assert now[1:] == was[1 : len(a_turn()) + 1]


def test_a_fork_keeps_the_workspace_that_is_there(folder, tmp_path):
    exported = tmp_path / "exported"
    folder.store(*a_turn())
    sessions(folder, "export", "notes", "--output", exported)
    document = json.loads(exported.read_text())
    document["entries"][0]["workspace"] = str(tmp_path)
    exported.write_text(json.dumps(document))
    assert sessions(folder, "import", exported, "--name", "there") == 0
    assert sessions(folder, "fork", "there", "again") == 0
    assert find(folder.path, "again").entries[0]["workspace"] == str(tmp_path)


def test_an_export_comes_back_as_another_session(folder, tmp_path, capsys):
    folder.store(*a_turn())
    exported = tmp_path / "exported.json"
    sessions(folder, "export", "notes", "--output", exported)
    elsewhere = Folder(tmp_path / "elsewhere")
    assert sessions(elsewhere, "import", exported) == 0
    assert sessions(folder, "import", exported, "--name", "copy") == 0
    assert capsys.readouterr().out == "imported as notes\nimported as copy\n"
    for where, name in ((elsewhere, "notes"), (folder, "copy")):
        assert find(where.path, name).entries[1:] == find(folder.path, "notes").entries[1:]


def test_a_session_is_deleted_with_all_its_files(folder, capsys):
    folder.store(*a_turn())
    folder.store(*a_turn(), name="other", session="id-2")
    assert sessions(folder, "delete", "notes", "--yes") == 0
    assert capsys.readouterr().out == "notes is deleted\n"
    assert names(folder) == ["other"]
    assert not folder.file("id-1").exists()


def test_a_damaged_session_can_be_deleted(folder):
    folder.store()
    folder.file("id-1").write_bytes(b"x")
    assert sessions(folder, "delete", "id-1", "--yes") == 0
    assert not folder.file("id-1").exists()


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "is_gone"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)],
)
def test_on_a_terminal_a_deletion_is_asked_about(typed, is_gone, folder, capsys, monkeypatch):
    folder.store(*a_turn())
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert sessions(folder, "delete", "notes") == (0 if is_gone else 1)
    assert capsys.readouterr().out.startswith("Delete the session 'notes' for good? [y/N] ")
    assert folder.file().exists() is not is_gone


def test_where_nobody_can_be_asked_nothing_is_deleted(folder, capsys, monkeypatch):
    folder.store(*a_turn())
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert sessions(folder, "delete", "notes") == 1
    assert "nobody can be asked here; say --yes" in capsys.readouterr().err
    assert folder.file().exists()


# -- open elsewhere -----------------------------------------------------------------------------


LOOKS = [["list"], ["show", "notes"], ["export", "notes"]]
WRITES = [["rename", "notes", "new"], ["delete", "notes", "--yes"]]


@pytest.mark.parametrize("arguments", LOOKS, ids=" ".join)
def test_a_session_that_is_open_elsewhere_can_be_looked_at(arguments, folder):
    file = folder.store(*a_turn())
    before = file.read_bytes()
    with open_locked(file, create=False):
        assert sessions(folder, *arguments) == 0
    assert file.read_bytes() == before


@pytest.mark.parametrize("arguments", WRITES, ids=" ".join)
def test_a_session_that_is_open_elsewhere_is_not_written_and_it_is_said_why(
    arguments, folder, capsys
):
    file = folder.store(*a_turn())
    with open_locked(file, create=False):
        assert sessions(folder, *arguments) == 1
        assert "is open for writing already, in another process" in capsys.readouterr().err
    assert names(folder) == ["notes"]


def test_a_session_that_is_open_elsewhere_can_be_forked(folder):
    file = folder.store(*a_turn())
    with open_locked(file, create=False):
        assert sessions(folder, "fork", "notes", "again") == 0
    assert names(folder) == ["again", "notes"]


def test_every_action_is_tried_open_elsewhere_or_makes_a_session_of_its_own():
    tried = {arguments[0] for arguments in (*LOOKS, *WRITES)}
    assert set(ACTIONS) - tried == {"fork", "import"}


# -- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "other"], "there is no session named 'other' in"),
        (["export", "other"], "there is no session named 'other' in"),
        (["delete", "other", "--yes"], "there is no session named 'other' in"),
        (["rename", "other", "x"], "there is no session named 'other'"),
        (["fork", "other", "x"], "there is no session named 'other' in"),
        (["rename", "notes", "taken"], "there is a session named 'taken' already"),
        (["fork", "notes", "taken"], "there is a session named 'taken' already"),
        (["rename", "notes", " "], "a session's name is not blank"),
        (
            ["fork", "notes", "x", "--before-message", "1"],
            "there is no message 1: the session has 1",
        ),
        (["export", "notes", "--output", "/no/such/file"], "'/no/such/file' cannot be written: No"),
        (["import", "/no/such/file"], "'/no/such/file' cannot be read: No such file"),
        (["show", "broken"], "may not be a journal at all|holds no whole entry"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line_and_changes_nothing(arguments, told, folder, capsys):
    folder.store(*a_turn())
    folder.store(*a_turn(), name="taken", session="id-2")
    folder.file("broken").write_bytes(b"x")
    assert sessions(folder, *arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("toolloop: ")
    assert re.search(told, shown.err)
    assert shown.err.count("\n") == 1
    assert names(folder) == ["broken", "notes", "taken"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\xff", "it is not UTF-8"),
        (b"hello", "not an exported session"),
        (b"{}", "not an exported session"),
        (b'{"entries": [{"type": "message"}]}', "its first entry is no header"),
    ],
)
def test_a_file_that_is_no_export_is_told(data, told, folder, capsys, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(data)
    assert sessions(folder, "import", file) == 1
    assert told in capsys.readouterr().err


def test_a_name_that_is_taken_refuses_an_import(folder, capsys, tmp_path):
    folder.store(*a_turn())
    file = tmp_path / "file"
    sessions(folder, "export", "notes", "--output", file)
    assert sessions(folder, "import", file) == 1
    assert "there is a session named 'notes' already" in capsys.readouterr().err
    assert names(folder) == ["notes"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fly"], "invalid choice: 'fly'"),
        (["show"], "required: NAME"),
        (["rename", "a"], "required: NEW"),
        (["fork", "a", "b", "--before-message", "x"], "a message's number, from 0, not 'x'"),
        (["export", "a", "--format", "pdf"], "invalid choice: 'pdf'"),
    ],
)
def test_a_wrong_call_is_a_usage_error(arguments, told, folder, capsys):
    with pytest.raises(SystemExit) as caught:
        sessions(folder, *arguments)
    assert caught.value.code == 2
    assert told in capsys.readouterr().err
