"""Commands called as the command line does, and sessions on disk for them to work on."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from agent.session.entries import (
    Blocks,
    Calls,
    Header,
    Intent,
    Message,
    ReplyEnd,
    Request,
    Result,
    TurnEnd,
)
from agent.session.entries import to_json as entry_json
from agent.session.lines import encode
from scheduler import Access, CallRecord, Outcome, Wait, WaitKind
from scheduler.record_json import to_json

HEADER = Header("id-1", "notes", 1000.0, "Be brief.", [{"name": "write", "input_schema": {}}], "")
FILE = Access(writes=frozenset({("file", "/", "a")}))


def called(command, *arguments):
    """Run a command with arguments as of a shell; give its exit code."""
    parser = argparse.ArgumentParser(prog="toolloop")
    commands = parser.add_subparsers(dest="command")
    command.arguments(commands.add_parser(command.name))
    return command.run(parser.parse_args([command.name, *map(str, arguments)]))


@dataclass
class Folder:
    """A data folder."""

    path: Path

    def file(self, session="id-1"):
        return self.path / "sessions" / f"{session}.jsonl"

    def store(self, *entries, name="notes", session="id-1"):
        """Write a session's journal; give its file."""
        file = self.file(session)
        file.parent.mkdir(parents=True, exist_ok=True)
        header = replace(HEADER, session=session, name=name)
        members = [entry_json(each) for each in (header, *entries)]
        lines = [encode(number, number, each) for number, each in enumerate(members)]
        file.write_bytes(b"".join(lines))
        return file


def texts(words):
    return [{"type": "text", "text": words}]


def call(place, name, **given):
    return (place, {"type": "tool_use", "id": f"toolu_{place}", "name": name, "input": given})


def record(number, name, submitted, started, stopped, ticks, **more):  # noqa: PLR0917  (a row)
    made = CallRecord(number, name, "id-1", "local_write", 0, None, FILE, submitted)
    made.started = started
    made.finished = made.stopped = stopped
    made.start_tick, made.stop_tick = ticks
    made.outcome = Outcome.FINISHED
    for member, value in more.items():
        setattr(made, member, value)
    return made


def keyed(**records):
    return Calls([{"key": f"0.{key[1:]}", **to_json(each)} for key, each in records.items()])


IN_ORDER = keyed(
    c0=record(3, "write", 50.0, 50.0, 51.0, (1, 2)),
    c1=record(4, "write", 50.0, 51.0, 52.0, (4, 6), waits=[Wait(WaitKind.ORDER, 50.0, 51.0, 3)]),
    c2=record(5, "look", 50.0, 50.0, 52.0, (3, 5), access=Access()),
)
"""Two writes of one file, one after the other, and something beside them."""

OVERLAPPING = keyed(
    c0=record(3, "write", 50.0, 50.0, 52.0, (1, 4)),
    c1=record(4, "write", 50.0, 51.0, 53.0, (2, 5)),
    c2=record(5, "look", 50.0, 50.0, 52.0, (3, 6), access=Access()),
)


def a_turn(calls=IN_ORDER, *, end=True):
    """Give the entries of a turn with three calls, the first of its session."""
    blocks = [call(0, "write", path="a"), call(1, "write", path="a"), call(2, "look", at="b")]
    results = [Result(0, place, texts("ok"), started=1011.0, ended=1012.0) for place in range(3)]
    return [
        Message(texts("Write it twice."), 1010.0),
        Request(0, (0,), (), "m", 1010.0),
        Blocks(0, blocks),
        ReplyEnd(0, 3, "tool_use", "", {}, {"id": "msg_0", "model": "m"}),
        Intent(0, 0, "effectful"),
        *results,
        Request(1, (), (), "m", 1013.0),
        Blocks(1, [(0, texts("Written.")[0])]),
        ReplyEnd(1, 1, "end_turn", "", {}, {"id": "msg_1", "model": "m"}),
        *([calls] if calls is not None else []),
        *([TurnEnd("end_turn", "", 1014.0)] if end else []),
    ]


def a_second_turn():
    """Give the entries of a turn without calls, behind `a_turn`."""
    return [
        Message(texts("Thanks."), 1020.0),
        Request(2, (1,), (), "m", 1020.0),
        Blocks(2, [(0, texts("Gladly.")[0])]),
        ReplyEnd(2, 1, "end_turn", "", {}, {"id": "msg_2", "model": "m"}),
        TurnEnd("end_turn", "", 1021.0),
    ]
