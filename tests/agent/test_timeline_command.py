"""`toolloop timeline` on sessions on disk."""

import json

import pytest

from agent.commands.timeline import COMMAND, last_turn
from agent.session.entries import Message
from agent.session.lock import open_locked
from tests.agent.commands_called import (
    OVERLAPPING,
    Folder,
    a_second_turn,
    a_turn,
    called,
    keyed,
    record,
    texts,
)
from tests.scheduler.test_trace import arrows, lanes_of


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "data")


def timeline(folder, *arguments):
    return called(COMMAND, *arguments, "--data-dir", folder.path)


def test_a_turn_is_drawn_with_its_waits_and_what_it_gained(folder, capsys):
    folder.store(*a_turn())
    assert timeline(folder, "notes", "--width", "20") == 0
    assert capsys.readouterr().out.splitlines() == [
        "turn 0 of notes: Write it twice.",
        "2 replies, 3 calls, 4.00 s, ended by end_turn",
        "calls: 2.000 s for 4.000 s of work (2.0 times faster than one by one)",
        "serial-equivalent in request order",
        "",
        "0.0 write |==========          | 1.000 s",
        "0.1 write |..........==========| 1.000 s, after order 0.0 write",
        "0.2 look  |====================| 2.000 s",
        "",
        '0.0 write {"path": "a"}: finished, 1.000 s',
        '0.1 write {"path": "a"}: finished, 1.000 s',
        '0.2 look {"at": "b"}: finished, 1.000 s',
    ]


def test_the_last_turn_is_shown_unless_another_is_named(folder, capsys):
    folder.store(*a_turn(), *a_second_turn())
    assert timeline(folder, "notes") == 0
    assert capsys.readouterr().out.splitlines() == [
        "turn 1 of notes: Thanks.",
        "1 reply, 0 calls, 1.00 s, ended by end_turn",
        "serial-equivalent in request order",
    ]
    assert timeline(folder, "id-1", "--turn", "0") == 0
    assert capsys.readouterr().out.startswith("turn 0 of notes: Write it twice.\n")


def test_a_run_that_was_not_serial_is_called_so(folder, capsys):
    folder.store(*a_turn(OVERLAPPING))
    assert timeline(folder, "notes") == 0
    assert (
        "NOT serial-equivalent: call 4 (0.1 write) of session 'id-1' and call 3 (0.0 write)"
        in capsys.readouterr().out
    )


def test_calls_one_after_the_other_are_no_faster(folder, capsys):
    folder.store(*a_turn(keyed(c0=record(1, "write", 5.0, 6.0, 7.0, (1, 2)))))
    timeline(folder, "notes")
    assert (
        "calls: 2.000 s for 1.000 s of work (no faster than one by one)" in capsys.readouterr().out
    )


def test_a_turn_that_a_crash_cut_off_is_not_known_and_its_calls_are_still_listed(folder, capsys):
    folder.store(*a_turn(None, end=False))
    assert timeline(folder, "notes") == 0
    out = capsys.readouterr().out
    assert "2 replies, 3 calls, not ended\nnot known: it did not come to its end" in out
    assert '0.2 look {"at": "b"}: finished, 1.000 s' in out


def test_a_trace_is_written_that_viewers_open(folder, tmp_path):
    folder.store(*a_turn())
    file = tmp_path / "trace.json"
    assert timeline(folder, "notes", "--trace", file) == 0
    trace = json.loads(file.read_text())
    assert lanes_of(trace) == {
        "slot 1": [("0.0 write", 0, 1_000_000), ("0.1 write", 1_000_000, 1_000_000)],
        "slot 2": [("0.2 look", 0, 2_000_000)],
        "waiting 1": [("0.1 write waits: order 0.0 write", 0, 1_000_000)],
    }
    assert arrows(trace) == [("0.0 write", "0.1 write")]
    names = {each["name"]: each.get("args") for each in trace["traceEvents"]}
    assert names["process_name"] == {"name": "notes"}
    assert names["0.2 look"]["input"] == '{"at": "b"}'


def test_a_turn_can_be_read_by_a_program(folder, capsys):
    folder.store(*a_turn(OVERLAPPING))
    assert timeline(folder, "notes", "--json") == 0
    turn = json.loads(capsys.readouterr().out)
    assert [each["key"] for each in turn["records"]] == ["0.0", "0.1", "0.2"]
    assert turn["records"][0]["start_tick"] == 1
    assert turn.pop("records")[1]["name"] == "write"
    assert turn.pop("calls")[2] == {
        "key": "0.2",
        "name": "look",
        "input": {"at": "b"},
        "status": "finished",
        "seconds": 1.0,
    }
    certificate = turn.pop("certificate")
    assert certificate["violation"].pop("rule").startswith("they conflict")
    assert certificate == {
        "serial": False,
        "violation": {"calls": ["0.0", "0.1"]},
        "outside": [],
        "unordered_from": None,
    }
    assert turn == {
        "turn": 0,
        "message": "Write it twice.",
        "seconds": 4.0,
        "ended_by": "end_turn",
        "replies": [
            {"reply": 0, "text": "", "stop_reason": "tool_use"},
            {"reply": 1, "text": "Written.", "stop_reason": "end_turn"},
        ],
        "under_way": 3.0,
        "one_by_one": 6.0,
        "speedup": 2.0,
    }


def test_a_session_that_is_open_for_writing_can_be_looked_at(folder, capsys):
    file = folder.store(*a_turn())
    before = file.read_bytes()
    with open_locked(file, create=False):
        assert timeline(folder, "notes") == 0
    assert "turn 0 of notes" in capsys.readouterr().out
    assert file.read_bytes() == before


def test_what_could_act_on_a_terminal_is_shown_as_a_symbol(folder, capsys):
    folder.store(Message(texts("\x1b[2J" + "x" * 200 + "\ud800"), 1.0))
    assert timeline(folder, "notes") == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == f"turn 0 of notes: \N{SYMBOL FOR ESCAPE}[2J{'x' * 93}..."


def test_the_last_turn_can_be_had_as_a_text(folder, capsys):
    assert "there is no session named 'notes'" in last_turn(folder.path, "notes")
    folder.store()
    assert last_turn(folder.path, "notes") == "the session 'notes' has no turns yet"
    folder.store(*a_turn())
    timeline(folder, "notes")
    assert capsys.readouterr().out == f"{last_turn(folder.path, 'notes')}\n"


def refuse(folder, capsys, *arguments):
    """Give the line that tells why nothing is shown."""
    assert timeline(folder, *arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


def test_what_cannot_be_shown_is_told_in_a_line(folder, capsys, tmp_path):
    assert refuse(folder, capsys, "notes") == (
        f"toolloop: there is no session named 'notes' in {folder.path}: there are none; "
        "--data-dir or TOOLLOOP_DATA_DIR names another folder\n"
    )
    assert not folder.path.exists()
    folder.store()
    assert refuse(folder, capsys, "notes") == "toolloop: the session 'notes' has no turns yet\n"
    assert "there are 'notes'" in refuse(folder, capsys, "\udcff")
    folder.store(*a_turn(None), *a_second_turn())
    assert refuse(folder, capsys, "notes", "--turn", "2") == (
        "toolloop: there is no turn 2: the session 'notes' has 2 turns, from 0 to 1\n"
    )
    trace = tmp_path / "trace.json"
    assert "no trace of turn 0: when its calls were where was not written down" in refuse(
        folder, capsys, "notes", "--turn", "0", "--trace", trace
    )
    assert "no trace of turn 1: it has no calls" in refuse(
        folder, capsys, "notes", "--trace", trace
    )
    assert not trace.exists()


def test_a_trace_that_cannot_be_written_is_told(folder, capsys, tmp_path):
    folder.store(*a_turn())
    told = refuse(folder, capsys, "notes", "--trace", tmp_path / "no" / "trace.json")
    assert told.endswith("trace.json' cannot be written: No such file or directory\n")


def test_a_damaged_file_is_told_with_its_line(folder, capsys):
    file = folder.store(*a_turn())
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], b"rubbish\n", *lines[2:]]))
    assert "is damaged at line 2" in refuse(folder, capsys, "id-1")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "required: SESSION"),
        (["notes", "--turn", "-1"], "a turn's number, from 0, not '-1'"),
        (["notes", "--width", "0"], "a whole number of at least 1, not '0'"),
    ],
)
def test_a_wrong_call_is_a_usage_error(arguments, told, folder, capsys):
    with pytest.raises(SystemExit) as caught:
        timeline(folder, *arguments)
    assert caught.value.code == 2
    assert told in capsys.readouterr().err
