"""A session's entries read as turns."""

import pytest

from agent import Agent
from agent.claude.script import Call, Text, reply
from agent.errors import SessionError
from agent.session.entries import (
    Answer,
    Blocks,
    Calls,
    Header,
    Intent,
    Message,
    Renamed,
    ReplyEnd,
    Request,
    Result,
    SetAside,
    TurnEnd,
)
from agent.session.entries import to_json as entry_json
from agent.session.past import PastCall, PastReply
from agent.session.stored import look
from agent.session.turns import CUT, LOST, UNRECORDED, turns
from scheduler import Access, CallRecord, Outcome
from scheduler.record_json import to_json
from tests.agent.crash_child import PlayedModel
from tools import ToolClass, tool

HEADER = Header("id", "notes", 1.0, "", [])
WROTE = {"id": "msg_1", "model": "m"}
WRITES = Access(writes=frozenset({("file", "a")}))


def read(*entries):
    return turns([entry_json(each) for each in (HEADER, *entries)])


def said(text, at=10.0, by="person"):
    return Message([{"type": "text", "text": text}], at, by)


def ended(number, kept, stop_reason="end_turn", why=""):
    return ReplyEnd(number, kept, stop_reason, why, {}, WROTE)


def call(name, **given):
    return {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": given}


def text(words):
    return {"type": "text", "text": words}


def result(number, block, status="finished", started=11.0, ended=11.5):
    is_error = status != "finished"
    return Result(number, block, [text("ok")], is_error, status, started, ended)


def record(number, start=1, stop=2, **more):
    made = CallRecord(number, f"c{number}", "s", "l", 0, None, WRITES, 0.0)
    made.started, made.finished, made.stopped = float(start), float(stop), float(stop)
    made.start_tick, made.stop_tick, made.outcome = start, stop, Outcome.FINISHED
    for name, value in more.items():
        setattr(made, name, value)
    return made


def calls(**records):
    return Calls([{"key": key[1:].replace("_", "."), **to_json(r)} for key, r in records.items()])


ONE_TURN = (
    said("Do it."),
    Request(0, (0,), (), "m", 10.5),
    Blocks(0, [(0, text("Let me.")), (1, call("write", path="a"))]),
    ended(0, 2, "tool_use"),
    Intent(0, 1, "effectful"),
    result(0, 1),
    Request(1, (), (), "m", 12.0),
    Blocks(1, [(0, text("Done."))]),
    ended(1, 1),
    calls(_0_1=record(7)),
    TurnEnd("end_turn", "", 13.0),
)


def test_a_turn_has_its_message_replies_calls_records_and_certificate():
    (turn,) = read(*ONE_TURN)
    assert (turn.number, turn.message, turn.seconds) == (0, "Do it.", 3.0)
    assert turn.replies == (
        PastReply(0, "Let me.", "tool_use", ""),
        PastReply(1, "Done.", "end_turn", ""),
    )
    assert turn.calls == (PastCall("0.1", "write", {"path": "a"}, "finished", 0.5),)
    assert (turn.records, turn.keys) == ((record(7),), {7: "0.1"})
    assert str(turn.certificate) == "serial-equivalent in request order"
    assert (turn.unknown, turn.end) == ("", TurnEnd("end_turn", "", 13.0))


def test_turns_are_counted_from_0_and_a_turn_without_calls_is_serial():
    again = (said("And?"), Request(2, (1,)), Blocks(2, [(0, text("No."))]), ended(2, 1))
    first, second = read(*ONE_TURN, Renamed("b"), *again, TurnEnd("end_turn"))
    assert (first.number, second.number, second.message) == (0, 1, "And?")
    assert second.calls == second.records == ()
    assert second.certificate.is_serial
    assert second.seconds is None  # an older version wrote no time


def test_a_run_that_was_not_serial_is_told_with_its_calls():
    overlapping = calls(_0_1=record(1, 1, 3), _0_2=record(2, 2, 4))
    blocks = Blocks(0, [(1, call("one")), (2, call("two"))])
    (turn,) = read(
        said("Go."), Request(0, (0,)), blocks, ended(0, 3), overlapping, TurnEnd("end_turn")
    )
    assert str(turn.certificate).startswith(
        "NOT serial-equivalent: call 2 (0.2 c2) of session 's' and call 1 (0.1 c1) of session 's'"
    )
    assert [turn.keys[each.id] for each in turn.records] == ["0.1", "0.2"]


def test_a_message_belongs_to_the_turn_that_carried_it_and_what_the_runtime_wrote_is_left_out():
    entries = (
        said("One."),
        Request(0, (0,)),
        said("Two."),
        said("(A hint.)", by="runtime"),
        ended(0, 0, None, "cut"),
        Request(1, (1, 2)),
        said("Three."),
        ended(1, 0, "refusal"),
        TurnEnd("interrupted"),
        said("Four."),
        Request(2, (3, 4)),
        ended(2, 0),
        TurnEnd("end_turn"),
    )
    assert [turn.message for turn in read(*entries)] == ["One.\n\nTwo.", "Three.\n\nFour."]


def test_the_date_before_a_message_is_no_part_of_what_the_person_wrote():
    date = text("(Today is 2026-11-21.)")
    image = {"type": "image", "source": {}}
    (turn,) = read(Message([date, text("Look."), image]), Request(0, (0,)))
    assert turn.message == "Look.\n(image)"


def test_what_of_a_reply_was_cut_away_is_left_out_and_an_open_reply_has_no_end():
    cut = Blocks(0, [(0, call("kept")), (1, call("gone"))])
    still = Blocks(1, [(0, text("So far")), (1, call("look"))])
    (turn,) = read(said("Go."), Request(0, (0,)), cut, ended(0, 1, None, "cut"), Request(1), still)
    assert [each.name for each in turn.calls] == ["kept", "look"]
    assert turn.replies == (PastReply(0, "", None, "cut"), PastReply(1, "So far", None, ""))
    assert [(each.status, each.seconds) for each in turn.calls] == [(None, None)] * 2


CRASHED = (
    said("Do it."),
    Request(0, (0,)),
    Blocks(0, [(0, call("write", path="a"))]),
    Intent(0, 0, "effectful"),
)
NEXT = (ended(1, 0), TurnEnd("end_turn"))


@pytest.mark.parametrize(
    "goes_on",
    [
        # closed when the session went on, which its empty message tells
        (said("Again."), ReplyEnd(0, 0, why="crash"), Request(1, (1,)), *NEXT),
        # a call that had no result was answered
        (ended(0, 1), said("Again."), Request(1, (1,), (Answer(0, "unknown"),)), *NEXT),
        # the end of the file was torn, within a reply or after one
        (ended(0, 0), SetAside("tail", 9), said("Again."), Request(1, (1,)), *NEXT),
        (SetAside("tail", 9), said("Again."), ReplyEnd(0, 0), Request(1, (1,)), *NEXT),
    ],
    ids=["closed", "answered", "torn after", "torn within"],
)
def test_a_crash_ends_a_turn_of_which_it_is_said_that_it_is_not_known(goes_on):
    first, second = read(*CRASHED, *goes_on)
    assert (first.message, first.end, first.certificate) == ("Do it.", None, None)
    assert first.unknown == CUT
    assert (second.message, second.unknown) == ("Again.", "")
    assert second.certificate.is_serial


def test_a_message_that_a_crash_kept_from_being_sent_is_a_turn_without_replies():
    first, second = read(*ONE_TURN, said("Hello?"))
    assert first.message == "Do it."
    assert (second.message, second.replies, second.unknown) == ("Hello?", (), CUT)


def test_calls_are_known_where_only_the_end_of_the_turn_was_lost():
    again = (said("And?"), Request(2, (1,)), ended(2, 0), TurnEnd("end_turn"))
    first, second = read(*ONE_TURN[:-1], *again)
    assert (first.end, first.unknown, len(first.records)) == (None, "", 1)
    assert first.certificate.is_serial
    assert (second.message, second.records) == ("And?", ())


def test_calls_that_ran_and_were_not_recorded_make_a_turn_not_known():
    (turn,) = read(*(each for each in ONE_TURN if not isinstance(each, Calls)))
    assert (turn.certificate, turn.unknown) == (None, UNRECORDED)


def test_a_call_that_ran_beside_recorded_ones_without_a_record_is_outside():
    (turn,) = read(
        said("Go."),
        Request(0, (0,)),
        Blocks(0, [(0, call("first")), (1, call("second")), (2, call("denied"))]),
        ended(0, 3),
        result(0, 0),
        result(0, 1),
        result(0, 2, "denied", None, None),
        calls(_0_1=record(1)),
        TurnEnd("end_turn"),
    )
    assert turn.certificate.outside == ("call 0.0 (first) ran, and has no record",)


def test_entries_that_were_lost_in_a_recorded_turn_are_outside():
    entries = (said("Go."), Request(0, (0,)), calls(_0_1=record(1)), SetAside("tail", 9))
    (turn,) = read(*entries)
    assert turn.certificate.outside == (LOST,)


def test_a_call_that_ran_again_in_a_later_turn_is_known_there():
    again = (result(0, 0), Request(1, ()), ended(1, 0), calls(_0_0=record(3)), TurnEnd("end_turn"))
    first, second = read(*CRASHED, ReplyEnd(0, 1, why="crash"), *again)
    assert (first.unknown, second.unknown) == (CUT, "")
    assert second.keys == {3: "0.0"}


def test_records_that_cannot_be_read_are_told():
    broken = Calls([to_json(record(1)), {"id": "x"}])
    (turn,) = read(said("Go."), Request(0, (0,)), ended(0, 0), broken, TurnEnd("end_turn"))
    assert turn.certificate is None
    assert turn.unknown.startswith("record 1 of its calls cannot be read: id is 'x'; it should be")


def test_entries_of_a_newer_version_are_passed_over():
    entries = [entry_json(each) for each in (HEADER, *ONE_TURN)]
    entries.insert(5, {"type": "of the future"})
    assert len(turns(entries)) == 1


def test_no_entries_are_no_turns():
    assert turns([]) == []
    assert read() == []


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "blocks", "reply": 4, "blocks": []},
        {"type": "message"},
        {"type": "calls", "records": [3]},
        {"type": "request", "reply": 0, "messages": [9]},
    ],
)
def test_what_is_no_session_is_an_error_that_says_so(entry):
    with pytest.raises(SessionError, match="these entries are no session's"):
        turns([entry_json(HEADER), entry])


@tool(ToolClass.NETWORK)
async def see(place: str) -> str:
    """Look at a place."""
    return f"saw {place}"


async def test_the_turns_of_a_real_session_are_read_with_their_records(tmp_path):
    two = reply(Call("toolu_1", "see", {"place": "x"}), Call("toolu_2", "see", {"place": "y"}))
    model = PlayedModel(two, reply(Text("Seen.")), reply(Text("Bye.")))
    async with Agent(
        model=model,
        workspace=tmp_path,
        data_dir=tmp_path / "data",
        tools=[see],
        builtin_tools=False,
    ) as agent:
        session = await agent.session("notes")
        await session.ask("Look.")
        await session.ask("Bye.")
        file = next((tmp_path / "data" / "sessions").glob("*.jsonl"))
    first, second = turns(look(file).entries)
    assert [(each.key, each.name, each.input, each.status) for each in first.calls] == [
        ("0.0", "see", {"place": "x"}, "finished"),
        ("0.1", "see", {"place": "y"}, "finished"),
    ]
    assert [first.keys[each.id] for each in first.records] == ["0.0", "0.1"]
    assert all(each.ran for each in first.records)
    assert first.certificate.is_serial
    assert first.message == "Look."
    assert (second.message, second.calls, second.unknown) == ("Bye.", (), "")
