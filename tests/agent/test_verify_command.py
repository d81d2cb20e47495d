"""`toolloop verify` on sessions on disk."""

import json
from dataclasses import replace

import pytest

from agent.commands.verify import COMMAND
from agent.session.entries import Answer, Blocks, Message, ReplyEnd, Request, Result, TurnEnd
from agent.session.lock import open_locked
from tests.agent.commands_called import (
    IN_ORDER,
    OVERLAPPING,
    Folder,
    a_second_turn,
    a_turn,
    call,
    called,
    keyed,
    record,
    texts,
)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "data")


def verify(folder, *arguments):
    return called(COMMAND, *arguments, "--data-dir", folder.path)


SCOPE = (
    "Scope: the calls of one session, with true declarations of what they touch, apart from "
    "clocks, timeouts and the network; other processes in the same workspace are outside, and so "
    "is what a call left running, from that call on."
)


def test_a_good_session_holds_and_it_is_said_what_was_checked(folder, capsys):
    folder.store(*a_turn(), *a_second_turn())
    assert verify(folder, "notes") == 0
    assert capsys.readouterr().out.splitlines() == [
        "notes (id-1)",
        "  ok      the journal: checksums and sequence numbers of 19 entries",
        "  ok      the conversation: 3 calls, each answered exactly once",
        "  ok      turn 0 (3 calls): serial-equivalent in request order",
        "  ok      turn 1 (0 calls): serial-equivalent in request order",
        "",
        SCOPE,
    ]


def test_a_turn_that_was_not_serial_fails_and_is_named_with_its_calls(folder, capsys):
    folder.store(*a_turn(OVERLAPPING), *a_second_turn())
    assert verify(folder, "notes") == 1
    assert (
        "  WRONG   turn 0 (3 calls): NOT serial-equivalent: call 4 (0.1 write) of session 'id-1' "
        "and call 3 (0.0 write) of session 'id-1'" in capsys.readouterr().out
    )
    assert verify(folder, "notes", "--turn", "1") == 0
    assert "turn 0" not in capsys.readouterr().out


def test_what_is_outside_is_said_and_from_which_call_on_it_is_unordered(folder, capsys):
    left = record(3, "shell", 50.0, 50.0, 51.0, (1, 2), left_running="a server")
    folder.store(*a_turn(keyed(c0=left, c1=record(4, "write", 50.0, 51.0, 52.0, (3, 4)))))
    assert verify(folder, "notes", "--json") == 0
    (session,) = json.loads(capsys.readouterr().out)["sessions"]
    assert session["turns"] == [
        {
            "turn": 0,
            "calls": 3,
            "serial": True,
            "violation": None,
            "outside": [
                (
                    "call 3 (0.0 shell) left a server running; from there on what it touches is "
                    "unordered"
                ),
                "call 0.2 (look) ran, and has no record",
            ],
            "unordered_from": "0.0",
        }
    ]
    verify(folder, "notes")
    assert "outside: call 3 (0.0 shell) left a server running" in capsys.readouterr().out


def test_a_turn_that_a_crash_cut_off_is_not_known_and_does_not_hold(folder, capsys):
    folder.store(*a_turn(None, end=False))
    assert verify(folder, "notes") == 1
    assert (
        "  unknown turn 0 (3 calls): it did not come to its end, and when its calls were where "
        "was not written down" in capsys.readouterr().out
    )


def test_every_session_of_a_folder_is_checked_with_all(folder, capsys):
    folder.store(*a_turn())
    folder.store(*a_turn(OVERLAPPING), name="other", session="id-2")
    assert verify(folder, "--all") == 1
    out = capsys.readouterr().out
    assert "notes (id-1)" in out
    assert "other (id-2)" in out
    assert out.count("Scope:") == 1
    assert verify(Folder(folder.path / "empty"), "--all") == 0
    assert "there are no sessions in" in capsys.readouterr().out


def problems(folder, capsys):
    """Give what is wrong with the session, apart from its turns."""
    code = verify(folder, "notes", "--json")
    (session,) = json.loads(capsys.readouterr().out)["sessions"]
    assert code == (0 if session["holds"] else 1)
    return session["problems"]


def test_a_file_that_is_damaged_in_its_middle_is_told_and_left_as_it_is(folder, capsys):
    file = folder.store(*a_turn(), *a_second_turn())
    lines = file.read_bytes().splitlines(keepends=True)
    without_a_line = b"".join([*lines[:4], *lines[5:]])
    with_another_id = b"".join(lines).replace(b"toolu_1", b"toolu_9")
    for data in (without_a_line, with_another_id):
        file.write_bytes(data)
        assert verify(folder, "id-1") == 1
        assert "WRONG   the journal" in capsys.readouterr().out
        assert file.read_bytes() == data
    assert verify(folder, "--all") == 1


def test_a_torn_end_is_told_and_the_rest_is_still_checked(folder, capsys):
    file = folder.store(*a_turn())
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert verify(folder, "notes") == 1
    out = capsys.readouterr().out
    assert "bytes that are no whole entry: a crash cut it off" in out
    assert "turn 0 (3 calls): serial-equivalent" in out
    assert file.read_bytes() == whole[:-20]
    file.write_bytes(b"not a journal\n")
    assert verify(folder, "id-1") == 1
    assert "holds no whole entry" in capsys.readouterr().out


def test_two_results_of_one_call_are_told(folder, capsys):
    entries = a_turn()
    again = next(each for each in entries if isinstance(each, Result))
    folder.store(*entries[:8], again, *entries[8:])
    assert problems(folder, capsys) == ["call 0.0 has 2 results"]


def test_a_call_without_an_answer_is_told(folder, capsys):
    entries = [each for each in a_turn() if not (isinstance(each, Result) and each.block == 1)]
    folder.store(*entries)
    assert problems(folder, capsys) == ["call 1 of reply 0 has no answer"]


def test_two_calls_of_one_id_are_no_problem_where_the_wire_form_tells_them_apart(folder, capsys):
    entries = a_turn()
    place = next(number for number, each in enumerate(entries) if isinstance(each, Blocks))
    same = [(number, {**block, "id": "toolu_0"}) for number, block in entries[place].blocks]
    folder.store(*entries[:place], Blocks(0, same), *entries[place + 1 :])
    assert problems(folder, capsys) == []


def test_calls_that_wait_for_the_session_to_go_on_are_counted_and_no_fault(folder, capsys):
    entries = [
        Message(texts("Go."), 1.0),
        Request(0, (0,)),
        Blocks(0, [call(0, "look"), call(1, "look")]),
        Result(0, 0, texts("ok")),
        ReplyEnd(0, 2, "tool_use", "", {}, {"id": "m"}),
        keyed(),
        TurnEnd("interrupted"),
    ]
    folder.store(*entries)
    assert verify(folder, "notes") == 0
    assert (
        "the conversation: 2 calls, each answered exactly once, 1 of them when the session goes on"
        in capsys.readouterr().out
    )


def test_a_message_that_waits_for_the_server_to_go_on_is_no_fault(folder, capsys):
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    folder.store(
        Message(texts("Go."), 1.0),
        Request(0, (0,)),
        Blocks(0, [(0, search)]),
        Message(texts("Well?"), 2.0),
        ReplyEnd(0, 1, "pause_turn", "", {}, {"id": "m"}),
        TurnEnd("interrupted"),
    )
    assert problems(folder, capsys) == []


def test_answers_that_were_made_up_count(folder, capsys):
    folder.store(
        Message(texts("Go."), 1.0),
        Request(0, (0,)),
        Blocks(0, [call(0, "look")]),
        ReplyEnd(0, 1, "tool_use", "", {}, {"id": "m"}),
        TurnEnd("interrupted"),
        Message(texts("Go on."), 2.0),
        Request(1, (1,), [Answer(0, "not executed")]),
        ReplyEnd(1, 0, "end_turn", "", {}, {"id": "m"}),
        TurnEnd("end_turn"),
    )
    assert problems(folder, capsys) == []


def test_a_result_that_answers_no_call_of_the_reply_before_is_told(folder, capsys):
    entries = a_turn()
    stray = {"type": "tool_result", "tool_use_id": "toolu_9", "content": "x"}
    message = Message([stray], 1020.0)
    folder.store(*entries, replace(message), Request(2, (1,)), TurnEnd("error"))
    (problem,) = problems(folder, capsys)
    assert "unexpected `tool_use_id` found in `tool_result` blocks: toolu_9" in problem


def test_entries_that_are_no_sessions_are_told(folder, capsys):
    folder.store(Blocks(3, []))
    assert problems(folder, capsys) == ["the journal speaks of reply 3, which was not asked for"]


def test_a_session_that_is_open_for_writing_can_be_verified(folder, capsys):
    file = folder.store(*a_turn(IN_ORDER))
    with open_locked(file, create=False):
        assert verify(folder, "notes") == 0
    assert "serial-equivalent" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "name one SESSION, or say --all"),
        (["notes", "--all"], 2, "name one SESSION, or say --all"),
        (["--all", "--turn", "0"], 2, "--turn is of one SESSION, not of --all"),
        (["other"], 1, "there is no session named 'other'"),
        (["notes", "--turn", "1"], 1, "there is no turn 1: 'notes' has 1 of them"),
    ],
)
def test_a_wrong_call_is_told(arguments, code, told, folder, capsys):
    folder.store(*a_turn())
    assert verify(folder, *arguments) == code
    assert told in capsys.readouterr().err
