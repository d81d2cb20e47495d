"""Recordings: what their files hold, and how they are read when they are damaged."""

import json

import pytest

from agent.claude import recording_writing as writing
from agent.claude.recorded_failure import KINDS, MEMBERS, Failure, failure_of
from agent.claude.recording import Batch, End, RecordedReply, Recording, RecordingError
from agent.claude.recording_reading import parse, read
from agent.errors import (
    ApiError,
    ConfigurationError,
    ConnectionFailedError,
    ModelError,
    StreamBrokenError,
)

HEADER = {
    "type": "recording",
    "version": 1,
    "title": "A talk",
    "source": "recorded",
    "model": "claude-sonnet-5-5",
    "made": "2026-11-21",
}
HELLO = {"role": "user", "content": "Hello."}
HI = {"role": "assistant", "content": [{"type": "text", "text": "Hi."}]}
BYE = {"role": "user", "content": [{"type": "text", "text": "Bye."}]}
REQUEST = {"type": "request", "at": 0, "body": {"model": "m", "messages": [HELLO]}}
PING = {"type": "ping"}


def lines(*records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def parsed(*records):
    return parse(lines(*records), "talk.jsonl")


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def text(said):
    return {"type": "text", "text": said}


def result(call_id):
    return {"type": "tool_result", "tool_use_id": call_id}


def recorded(*replies, **more):
    return Recording("talk.jsonl", "A talk", "recorded", "m", "2026-11-21", replies, **more)


def asked(*messages, ending=End.WHOLE):
    return RecordedReply(0.0, {"messages": list(messages)}, (), ending, 0.0)


# -- reading -----------------------------------------------------------------------------------


def test_a_recording_is_read_with_times_that_count_from_each_request():
    found = parsed(
        {**HEADER, "files": {"src/a.py": "1\n"}, "pages": "shop"},
        REQUEST,
        {"type": "events", "at": 0.5, "events": [PING]},
        {"type": "end", "at": 1.25},
        {"type": "request", "at": 2, "keeps": 1, "body": {"messages": [HI, BYE], "max_tokens": 5}},
        {"type": "events", "at": 2.5, "events": [PING, PING]},
        {"type": "events", "at": 3, "events": []},
        {"type": "cut", "at": 3.5},
    )
    assert found == Recording(
        name="talk.jsonl",
        title="A talk",
        source="recorded",
        model="claude-sonnet-5-5",
        made="2026-11-21",
        replies=(
            RecordedReply(0.0, REQUEST["body"], (Batch(0.5, (PING,)),), End.WHOLE, 1.25),
            RecordedReply(
                2.0,
                {"model": "m", "max_tokens": 5, "messages": [HELLO, HI, BYE]},
                (Batch(0.5, (PING, PING)), Batch(1.0, ())),
                End.CUT,
                1.5,
            ),
        ),
        files={"src/a.py": "1\n"},
        pages="shop",
    )


def test_a_request_may_leave_members_and_messages_of_the_one_before_out():
    found = parsed(
        HEADER,
        {**REQUEST, "body": {"model": "m", "system": "Be kind.", "messages": [HELLO, HI, BYE]}},
        {"type": "end", "at": 1},
        {"type": "request", "at": 2, "keeps": 1, "without": ["system"], "body": {}},
        {"type": "end", "at": 3},
    )
    assert found.replies[1].body == {"model": "m", "messages": [HELLO]}


def test_a_reply_without_an_end_was_cut():
    events = {"type": "events", "at": 0.5, "events": [PING]}
    (reply,) = parsed(HEADER, REQUEST, events).replies
    assert (reply.ending, reply.seconds) == (End.CUT, 0.5)


@pytest.mark.parametrize("torn", [b'{"type":"ev', b'{"type":"end","at":0.7', b"\x00\x00", b"\xff"])
def test_a_torn_last_line_is_left_out_and_told(torn):
    found = parse(lines(HEADER, REQUEST) + torn, "talk.jsonl")
    assert found.notice == "talk.jsonl: line 3, the last, is torn and was left out"
    assert [reply.ending for reply in found.replies] == [End.CUT]


def test_a_last_line_that_lacks_only_its_newline_is_read():
    found = parse(lines(HEADER, REQUEST, {"type": "end", "at": 1}).rstrip(b"\n"), "talk.jsonl")
    assert (found.notice, found.replies[0].ending) == ("", End.WHOLE)


END = {"type": "end", "at": 1}
INSIDE = "it holds texts by their paths inside of a workspace"
LATER = {"type": "request", "at": 2, "keeps": 1, "body": {}}


@pytest.mark.parametrize(
    ("records", "line", "told"),
    [
        ([], 1, "it has no header; a recording begins with one"),
        ([REQUEST], 1, "'type' is 'request'; the first line's is 'recording'"),
        ([{**HEADER, "version": 2}], 1, "'version' is 2; what can be read here is 1"),
        ([{**HEADER, "title": None}], 1, "'title' is missing; it has to be a text"),
        ([{**HEADER, "source": "x"}], 1, "'source' is 'x'; it is 'recorded' or 'scripted'"),
        ([{**HEADER, "model": 5}], 1, "'model' is 5; it has to be a text"),
        ([{**HEADER, "made": 5}], 1, "'made' is 5; it has to be a text"),
        ([{**HEADER, "pages": {}}], 1, "'pages' is {}; it has to be a text"),
        ([{**HEADER, "files": []}], 1, "'files' is []; it has to be an object"),
        *(
            (
                [{**HEADER, "files": files}],
                1,
                f"'files' holds {next(iter(files))!r}; {INSIDE}",
            )
            for files in (
                {"../a": ""},
                {"/a": ""},
                {"a\0": ""},
                {".": ""},
                {"a/../../b": ""},
                {"": ""},
                {"a": 5},
            )
        ),
        (
            [HEADER, {"type": "reply", "at": 0}],
            2,
            "'type' is 'reply'; it is one of request, events, end, cut and error",
        ),
        (
            [HEADER, {**REQUEST, "at": None}],
            2,
            "'at' is missing; it has to be a whole number or a number",
        ),
        (
            [HEADER, {**REQUEST, "at": True}],
            2,
            "'at' is True; it has to be a whole number or a number",
        ),
        (
            [HEADER, {**REQUEST, "at": -1}],
            2,
            "'at' is -1; it is in seconds, and 0 has been reached",
        ),
        (
            [HEADER, {**REQUEST, "at": float("inf")}],
            2,
            "'at' is inf; it is in seconds, and 0 has been reached",
        ),
        (
            [HEADER, {**REQUEST, "at": float("nan")}],
            2,
            "'at' is nan; it is in seconds, and 0 has been reached",
        ),
        (
            [HEADER, {**REQUEST, "at": 2}, END],
            3,
            "'at' is 1; it is in seconds, and 2 has been reached",
        ),
        ([HEADER, {**REQUEST, "body": []}], 2, "'body' is []; it has to be an object"),
        (
            [HEADER, {**REQUEST, "body": {"messages": "x"}}],
            2,
            "'messages' is 'x'; it has to be a list",
        ),
        (
            [HEADER, {**REQUEST, "body": {"messages": ["x"]}}],
            2,
            "'messages' holds what is no message with a role",
        ),
        ([HEADER, REQUEST, REQUEST], 3, "a request, while the reply before it has no end"),
        (
            [HEADER, REQUEST, END, {**LATER, "keeps": 2}],
            4,
            "'keeps' is 2; the request before has 1 messages",
        ),
        (
            [HEADER, REQUEST, END, {**LATER, "keeps": "1"}],
            4,
            "'keeps' is '1'; it has to be a whole number",
        ),
        ([HEADER, {**LATER, "keeps": 1}], 2, "'keeps' is 1; the request before has 0 messages"),
        (
            [HEADER, REQUEST, END, {**LATER, "without": "x"}],
            4,
            "'without' is 'x'; it has to be a list",
        ),
        ([HEADER, END], 2, "'end' without a request before it"),
        (
            [HEADER, REQUEST, {"type": "events", "at": 0, "events": {}}],
            3,
            "'events' is {}; it has to be a list",
        ),
        (
            [HEADER, REQUEST, {"type": "events", "at": 0, "events": [1]}],
            3,
            "'events' holds what is no JSON object",
        ),
        (
            [HEADER, REQUEST, {"type": "error", "at": 0}],
            3,
            "an error's 'kind' is None; it is one of api, connection, stream, configuration, model",
        ),
        (
            [HEADER, REQUEST, {"type": "error", "at": 0, "kind": "api", "status": "x"}],
            3,
            "'status' of an error cannot be 'x'",
        ),
        (
            [HEADER, REQUEST, {"type": "error", "at": 0, "kind": "api", "status": True}],
            3,
            "'status' of an error cannot be True",
        ),
        (
            [HEADER, REQUEST, {"type": "error", "at": 0, "kind": "api", "should_retry": 1}],
            3,
            "'should_retry' of an error cannot be 1",
        ),
        (
            [HEADER, REQUEST, {"type": "error", "at": 0, "kind": "api", "x": 1}],
            3,
            f"an error has no 'x'; it has {', '.join(MEMBERS)}",
        ),
    ],
)
def test_damage_is_told_with_its_file_and_line(records, line, told):
    with pytest.raises(RecordingError) as caught:
        parsed(*records)
    assert str(caught.value) == f"the recording talk.jsonl is damaged in line {line}: {told}"
    assert (caught.value.file, caught.value.line) == ("talk.jsonl", line)


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"type":', b"\xff\xfe"])
def test_a_damaged_line_before_the_last_is_an_error(damage):
    data = lines(HEADER, REQUEST) + damage + b"\n" + lines(END)
    with pytest.raises(RecordingError, match="damaged in line 3: not a JSON object") as caught:
        parse(data, "talk.jsonl")
    assert caught.value.line == 3


def test_a_file_that_is_not_there_is_named(tmp_path):
    missing = tmp_path / "none.jsonl"
    with pytest.raises(RecordingError) as caught:
        read(missing)
    told = f"the recording {str(missing)!r} cannot be read: No such file or directory"
    assert (str(caught.value), caught.value.file, caught.value.line) == (told, str(missing), 0)


# -- writing -----------------------------------------------------------------------------------


def test_what_is_written_is_read_as_it_was():
    failure = Failure("api", "Slow down", 429, "rate_limit_error", "c", 1.5, should_retry=False)
    body = {"model": "m", "system": "Be kind. ☃", "messages": [HELLO]}
    known = recorded(
        RecordedReply(0.0, body, (), failure, 0.25),
        RecordedReply(1.0, body, (Batch(0.5, (PING,)),), End.WHOLE, 0.5),
        RecordedReply(2.0, {"model": "n", "messages": [HELLO, HI, BYE]}, (), End.CUT, 0.0),
        RecordedReply(3.0, {"model": "n", "messages": [BYE]}, (), End.WHOLE, 0.0),
        files={"a.txt": "a\u2028b\n"},
        pages="shop",
    )
    assert parse(writing.whole(known), "talk.jsonl") == known


def test_a_long_session_is_not_written_again_with_each_request():
    talk = [HELLO]
    sizes, before = [], None
    for _ in range(30):
        body = {"system": "s" * 1000, "messages": list(talk)}
        sizes.append(len(writing.request(0.0, body, before)))
        before = body
        talk += [HI, BYE]
    assert sizes[0] > 1000
    assert max(sizes[1:]) < 250


def test_markers_and_credentials_are_no_part_of_what_is_kept():
    marker = {"cache_control": {"type": "ephemeral"}}
    server = {"type": "url", "url": "https://mcp.test", "name": "x"}
    body = {
        "mcp_servers": [{**server, "authorization_token": "sesame"}],
        "messages": [
            HELLO,
            user({**text("a"), **marker}, {**result("t"), "content": [{**text("b"), **marker}]}),
        ],
    }
    assert writing.cleaned(body) == {
        "mcp_servers": [server],
        "messages": [HELLO, user(text("a"), {**result("t"), "content": [text("b")]})],
    }


@pytest.mark.parametrize(
    ("error", "members"),
    [
        (
            ApiError(
                "No.", status=400, type="t", code="c", retry_after=0.0, should_retry=False
            ),
            {
                "kind": "api",
                "message": "No.",
                "status": 400,
                "error_type": "t",
                "code": "c",
                "retry_after": 0.0,
                "should_retry": False,
            },
        ),
        (ConnectionFailedError("Gone."), {"kind": "connection", "message": "Gone."}),
        (
            StreamBrokenError("Broke.", type="overloaded_error"),
            {"kind": "stream", "message": "Broke.", "error_type": "overloaded_error"},
        ),
        (ConfigurationError("No key."), {"kind": "configuration", "message": "No key."}),
        (ModelError("Odd."), {"kind": "model", "message": "Odd."}),
    ],
)  # fmt: skip
def test_an_error_comes_back_as_what_it_was(error, members):
    failure = failure_of(error)
    assert failure.members() == members
    assert Failure.from_members(members) == failure
    back = failure.error()
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))


def test_every_kind_of_error_is_tried():
    tried = {failure_of(kind("x", status=400) if kind is ApiError else kind("x")).kind
             for kind in KINDS.values()}  # fmt: skip
    assert tried == set(KINDS)


def test_an_error_of_the_program_comes_back_as_one_of_the_model():
    back = failure_of(ValueError("not that")).error()
    assert type(back) is ModelError
    assert str(back) == "an error of the program: ValueError: not that"


# -- turns -------------------------------------------------------------------------------------

CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]}
GO_ON = user(text("Go on from where it ends."))
BROKE = Failure("stream", "it broke")


@pytest.mark.parametrize(
    ("replies", "turns"),
    [
        ([asked(HELLO)], [[text("Hello.")]]),
        ([asked(HELLO), asked(HELLO, HI, BYE)], [[text("Hello.")], [text("Bye.")]]),
        ([asked(HELLO), asked(HELLO, CALL, user(result("t")))], [[text("Hello.")]]),
        ([asked(HELLO), asked(HELLO, CALL, user(result("t"), text("Quick!")))], [[text("Hello.")]]),
        ([asked(HELLO, ending=BROKE), asked(HELLO)], [[text("Hello.")]]),
        ([asked(HELLO, ending=BROKE), asked(HELLO, HI, GO_ON)], [[text("Hello.")]]),
        ([asked(HELLO, ending=BROKE), asked(HELLO, BYE)], [[text("Hello.")], [text("Bye.")]]),
        (
            [asked(HELLO, ending=End.CUT), asked(HELLO, CALL, user(result("t"), text("Stop.")))],
            [[text("Hello.")], [text("Stop.")]],
        ),
        ([asked(HELLO), asked(HELLO, HI)], [[text("Hello.")]]),
        ([], []),
    ],
    ids=[
        "one",
        "two",
        "a result begins none",
        "what is said beside a result begins none",
        "a request that is sent again begins none",
        "what the runtime says after a broken reply begins none",
        "a message after a failed turn begins one",
        "a message after an interruption begins one",
        "a reply that is gone on with begins none",
        "none",
    ],
)
def test_a_turn_begins_with_what_a_person_said(replies, turns):
    assert recorded(*replies).turns() == turns
