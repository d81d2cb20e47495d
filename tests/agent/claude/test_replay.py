"""Replay: a recording answers as the model did, when it did, and only its own conversation."""

import asyncio
import json
import math

import pytest

from agent import Agent, Limits, RetryLimits
from agent.claude.client import ClientSettings, shared
from agent.claude.loopback import LoopbackModel
from agent.claude.recorded_failure import Failure
from agent.claude.recorder import RecordingModel
from agent.claude.recording import Batch, End, RecordedReply, Recording, RecordingError
from agent.claude.recording_reading import read
from agent.claude.recording_writing import whole
from agent.claude.replay import CAUSES, ReplayMismatchError, ReplayModel
from agent.claude.retry import may_pass
from agent.claude.script import Call, HttpError, Text, reply
from agent.errors import ApiError, ConfigurationError, StreamBrokenError
from agent.events import Retrying, ToolFinished
from tests import clock
from tests.agent.claude import streams
from tools import ToolClass, tool

START = streams.start()
SAID = [
    streams.block(0, "text", text=""),
    streams.delta(0, "text_delta", text="Hi."),
    streams.stop(0),
]
STOP = [streams.end("end_turn"), {"type": "message_stop"}]


def user(*blocks):
    return {"role": "user", "content": [as_block(each) for each in blocks]}


def model_said(*blocks):
    return {"role": "assistant", "content": [as_block(each) for each in blocks]}


def as_block(given):
    return {"type": "text", "text": given} if isinstance(given, str) else given


def call(call_id):
    return {"type": "tool_use", "id": call_id, "name": "look", "input": {}}


def result(call_id, said="seen", **more):
    return {"type": "tool_result", "tool_use_id": call_id, "content": said, **more}


def recorded(*messages, at=0.0, events=((0.0, START),), ending=End.WHOLE, seconds=None):
    batches = tuple(Batch(at, (event,)) for at, event in events)
    last = batches[-1].at if batches else 0.0
    body = {"messages": list(messages)}
    return RecordedReply(at, body, batches, ending, last if seconds is None else seconds)


def recording(*replies, **more):
    return Recording("talk.jsonl", "A talk", "recorded", "m", "", replies, **more)


HELLO = user("Hello.")


async def ask(model, *messages):
    """Send messages; give the batches of the reply."""
    return [batch for _, batch in await timed(model, *messages)]


async def timed(model, *messages):
    """Send messages; give the batches of the reply, each with the time at which it came."""
    now = asyncio.get_running_loop().time
    began = now()
    async with model.stream(json.dumps({"messages": messages}).encode()) as incoming:
        return [(round(now() - began, 6), batch) async for batch in incoming.events]


# -- timing ------------------------------------------------------------------------------------

TIMED = recorded(HELLO, events=((0.5, START), (2.0, SAID[0]), (2.5, STOP[0])), seconds=9.0)


@pytest.mark.parametrize(
    ("speed", "times"),
    [
        (1.0, [0.5, 2.0, 2.5]),
        (10, [0.05, 0.2, 0.25]),
        (0.5, [1.0, 4.0, 5.0]),
        (math.inf, [0.0, 0.0, 0.0]),
        (None, [0.0, 0.0, 0.0]),
    ],
)
def test_events_come_when_they_came(speed, times):
    found = clock.run(timed(ReplayModel(recording(TIMED), speed), HELLO))
    assert found == [
        (at, [event]) for at, event in zip(times, (START, SAID[0], STOP[0]), strict=True)
    ]


def test_each_reply_has_its_own_times():
    model = ReplayModel(recording(TIMED, recorded(HELLO, model_said("H"), user("Bye."),
                                                  events=((0.25, START),))))  # fmt: skip

    async def talk():
        await ask(model, HELLO)
        await asyncio.sleep(100.0)
        return await timed(model, HELLO, model_said("H"), user("Bye."))

    assert clock.run(talk()) == [(0.25, [START])]


def test_a_reader_that_is_slow_is_not_made_slower():
    async def read_slowly():
        now = asyncio.get_running_loop().time
        body = json.dumps({"messages": [HELLO]}).encode()
        async with ReplayModel(recording(TIMED)).stream(body) as incoming:
            times = []
            async for _ in incoming.events:
                times.append(now())
                await asyncio.sleep(1.75)
            return times

    assert clock.run(read_slowly()) == [0.5, 2.25, 4.0]


def test_an_error_comes_when_it_came():
    failed = recorded(HELLO, events=(), ending=Failure("api", "Busy", 529), seconds=3.0)

    async def talk():
        with pytest.raises(ApiError):
            await ask(ReplayModel(recording(failed)), HELLO)
        return asyncio.get_running_loop().time()

    assert clock.run(talk()) == 3.0


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ConfigurationError) as caught:
        ReplayModel(recording(TIMED), speed)
    assert str(caught.value) == (
        f"speed: {speed!r}; it is a number above 0: 1 for the recorded timing, 10 for ten times as "
        "fast, None for at once"
    )


# -- replies -----------------------------------------------------------------------------------


async def test_a_request_that_is_sent_again_after_an_error_gets_what_came_then():
    overloaded = Failure("api", "Overloaded", 529, "overloaded_error", retry_after=2.0)
    broken = Failure("stream", "silence")
    model = ReplayModel(
        recording(
            recorded(HELLO, events=(), ending=overloaded),
            recorded(HELLO, ending=broken),
            recorded(HELLO),
        ),
        None,
    )
    with pytest.raises(ApiError) as caught:
        await ask(model, HELLO)
    assert (caught.value.status, caught.value.type, caught.value.retry_after) == (
        529,
        "overloaded_error",
        2.0,
    )
    with pytest.raises(StreamBrokenError, match="silence"):
        await ask(model, HELLO)
    assert await ask(model, HELLO) == [[START]]
    assert (model.used, model.left, model.mismatches) == (3, 0, [])


async def test_an_error_instead_of_a_reply_comes_before_there_is_one():
    failed = recorded(HELLO, events=(), ending=Failure("api", "Busy", 529))
    entered = False
    with pytest.raises(ApiError):
        async with ReplayModel(recording(failed), None).stream(
            json.dumps({"messages": [HELLO]}).encode()
        ):
            entered = True
    assert not entered


async def test_a_recording_that_has_ended_says_so():
    model = ReplayModel(recording(recorded(HELLO)), None)
    await ask(model, HELLO)
    with pytest.raises(ReplayMismatchError) as caught:
        await ask(model, HELLO)
    assert str(caught.value) == (
        "The recording talk.jsonl has come to its end: all of its 1 replies were used, and another "
        f"request came. {CAUSES}"
    )
    assert (caught.value.request, model.mismatches) == (2, [caught.value])


async def test_a_reply_that_was_interrupted_asks_to_be():
    model = ReplayModel(recording(recorded(HELLO, ending=End.CUT)), None)
    with pytest.raises(ReplayMismatchError) as caught:
        await ask(model, HELLO)
    assert str(caught.value) == (
        "The reply to request 1 was interrupted here when it was recorded: interrupt it here too "
        '(hold(before="end") stops at this point).'
    )


# -- the same conversation ---------------------------------------------------------------------

CALLED = model_said("Let me see.", call("t1"), call("t2"))
BOTH = (HELLO, CALLED, user(result("t1"), result("t2")))


@pytest.mark.parametrize(
    "messages",
    [
        BOTH,
        (user("Other words."), *BOTH[1:]),
        (HELLO, CALLED, user(result("t1", "other"), result("t2", is_error=True))),
        (HELLO, CALLED, user(result("t1")), user(result("t2"), "And hurry.")),
        ({"role": "user", "content": "Hello."}, *BOTH[1:]),
        (
            HELLO,
            CALLED,
            user({**result("t1"), "cache_control": {"type": "ephemeral"}}, result("t2")),
        ),
    ],
    ids=["same", "words", "results", "cut otherwise", "as a string", "marked"],
)
async def test_the_same_calls_answered_in_the_same_order_are_the_same_conversation(messages):
    model = ReplayModel(recording(recorded(*BOTH)), None)
    assert await ask(model, *messages) == [[START]]


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        (
            (HELLO, CALLED, user(result("t1"))),
            "message 3 (user): it answered t1, t2 when recorded; now it answered t1",
        ),
        (
            (HELLO, CALLED, user(result("t2"), result("t1"))),
            "message 3 (user): it answered t1, t2 when recorded; now it answered t2, t1",
        ),
        (
            (HELLO, CALLED, user("No.")),
            "message 3 (user): it answered t1, t2 when recorded; now it answered nothing",
        ),
        (
            (HELLO, model_said(call("t1")), *BOTH[2:]),
            "message 2 (assistant): it called t1, t2 when recorded; now it called t1",
        ),
        ((HELLO,), "3 messages were recorded (those of one role joined); 1 came"),
        ((), "3 messages were recorded (those of one role joined); 0 came"),
        (
            (*BOTH, model_said("Done."), user("More.")),
            "3 messages were recorded (those of one role joined); 5 came",
        ),
        (
            (CALLED, *BOTH),
            "message 1 was the user's when recorded; now it is the assistant's",
        ),
    ],
)
@pytest.mark.parametrize("strict", ["ids", "outcomes", "all"])
async def test_another_conversation_is_refused_and_uses_no_reply_up(messages, told, strict):
    model = ReplayModel(recording(recorded(*BOTH)), None, strict=strict)
    with pytest.raises(ReplayMismatchError) as caught:
        await ask(model, *messages)
    text = f"Request 1 is not the one that talk.jsonl has: {told}. {CAUSES}"
    assert str(caught.value) == text
    assert not may_pass(caught.value)
    assert (model.used, model.mismatches) == (0, [caught.value])
    assert await ask(model, *BOTH) == [[START]]


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        (
            (user("Bye."), *BOTH[1:]),
            "message 1 (user): a block of type text was 'Hello.' when recorded; now it is 'Bye.'",
        ),
        (
            (HELLO, CALLED, user(result("t1"), result("t2", "no", is_error=True))),
            "message 3 (user): the result of t2 was 'seen' when recorded; now it is an error 'no'",
        ),
        (
            (HELLO, CALLED, user(result("t1"), result("t2"), "Hurry.")),
            "message 3 (user): it had 2 blocks when recorded; now it has 3",
        ),
    ],
)
async def test_all_asks_for_the_same_words_and_results(messages, told):
    model = ReplayModel(recording(recorded(*BOTH)), None, strict="all")
    with pytest.raises(ReplayMismatchError) as caught:
        await ask(model, *messages)
    text = f"Request 1 is not the one that talk.jsonl has: {told}. {CAUSES}"
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "messages",
    [
        BOTH,
        (user("(Today is 2026-11-21.)", "Hello."), *BOTH[1:]),
        (HELLO, CALLED, user(result("t1", [as_block("seen")], is_error=False), result("t2"))),
    ],
    ids=["same", "the date", "results in blocks"],
)
async def test_all_minds_neither_the_date_nor_how_a_result_is_written(messages):
    model = ReplayModel(recording(recorded(*BOTH)), None, strict="all")
    assert await ask(model, *messages) == [[START]]


@pytest.mark.parametrize("known", [{}, {"is_error": True}], ids=["went well", "failed"])
async def test_outcomes_asks_that_what_went_well_goes_well(known):
    was, now = result("t2", "seen", **known), result("t2", "no", is_error=True)
    model = ReplayModel(
        recording(recorded(HELLO, CALLED, user(result("t1"), was))), None, strict="outcomes"
    )
    messages = (HELLO, CALLED, user(result("t1", "else"), now, "Hurry."))
    if known:
        assert await ask(model, *messages) == [[START]]
        return
    with pytest.raises(ReplayMismatchError) as caught:
        await ask(model, *messages)
    told = "the result of t2 is an error 'no', and was no error when recorded"
    text = f"Request 1 is not the one that talk.jsonl has: message 3 (user): {told}. {CAUSES}"
    assert str(caught.value) == text


async def test_outcomes_lets_what_failed_go_well():
    was = user(result("t1", is_error=True), result("t2"))
    model = ReplayModel(recording(recorded(HELLO, CALLED, was)), None, strict="outcomes")
    assert await ask(model, *BOTH) == [[START]]


def test_a_strictness_that_is_none_is_refused():
    told = "strict: 'full'; it is one of 'ids', 'outcomes', 'all'"
    with pytest.raises(ConfigurationError, match=told):
        ReplayModel(recording(), strict="full")


# -- files -------------------------------------------------------------------------------------


async def test_a_file_is_read_at_the_first_request(tmp_path):
    path = tmp_path / "talk.jsonl"
    model = ReplayModel(path, None)
    assert (repr(model), model.left) == (f"<ReplayModel {str(path)!r}, not read>", 0)
    with pytest.raises(RecordingError, match=r"was not read yet: await load\(\)"):
        _ = model.recording
    await asyncio.to_thread(path.write_bytes, whole(recording(recorded(HELLO), recorded(HELLO))))
    assert await ask(model, HELLO) == [[START]]
    assert repr(model) == f"<ReplayModel {str(path)!r}, 1 of 2 replies used>"
    assert model.left == 1


async def test_a_file_that_is_not_there_is_told_with_the_first_request(tmp_path):
    model = ReplayModel(tmp_path / "none.jsonl")
    with pytest.raises(RecordingError, match=r"none\.jsonl' cannot be read: No such file"):
        await ask(model, HELLO)


# -- holds -------------------------------------------------------------------------------------

LOOKS = [START, *SAID, streams.call(1, "look", id="t1"), streams.stop(1), *STOP]
HELD = recording(
    recorded(HELLO, events=tuple((float(at), event) for at, event in enumerate(LOOKS))),
    recorded(HELLO, CALLED, at=9.0, events=((0.0, START), (1.0, STOP[0]))),
)


@pytest.mark.parametrize(
    ("before", "reply_number", "passed"),
    [
        (0, None, []),
        (2, None, LOOKS[:2]),
        (-1, None, LOOKS[:-1]),
        ("content_block_stop", None, LOOKS[:3]),
        ("t1", None, LOOKS[:4]),
        ("look", None, LOOKS[:4]),
        ("message_stop", 0, LOOKS[:-1]),
        ("end", None, LOOKS),
    ],
)
async def test_a_replay_stops_where_it_is_held_until_it_is_released(before, reply_number, passed):
    model = ReplayModel(HELD, None)
    hold = model.hold(before, reply=reply_number)
    came = []

    async def read_on():
        body = json.dumps({"messages": [HELLO]}).encode()
        async with model.stream(body) as incoming:
            async for batch in incoming.events:
                came.extend(batch)

    async with asyncio.TaskGroup() as group:
        group.create_task(read_on())
        await hold.reached()
        assert came == passed
        assert model.is_streaming
        hold.release()
    assert came == LOOKS
    assert not model.is_streaming


async def test_a_hold_of_a_later_reply_lets_the_first_pass():
    model = ReplayModel(HELD, None)
    hold = model.hold("message_delta", reply=1)
    assert repr(hold) == "<Hold before 'message_delta' set>"
    assert len(await ask(model, HELLO)) == len(LOOKS)
    assert not hold.is_reached
    async with asyncio.TaskGroup() as group:
        group.create_task(ask(model, HELLO, CALLED))
        await hold.reached()
        assert repr(hold) == "<Hold before 'message_delta' reached>"
        hold.release()
    assert repr(hold) == "<Hold before 'message_delta' released>"


async def test_a_hold_that_is_released_before_it_is_reached_holds_nothing():
    model = ReplayModel(HELD, None)
    model.hold(1).release()
    assert len(await ask(model, HELLO)) == len(LOOKS)


async def test_a_point_that_the_reader_does_not_come_to_is_told():
    model = ReplayModel(HELD, None)
    hold = model.hold("message_stop")
    body = json.dumps({"messages": [HELLO]}).encode()
    async with model.stream(body) as incoming:
        await anext(incoming.events)
    with pytest.raises(RecordingError) as caught:
        await hold.reached()
    assert str(caught.value) == (
        "hold: the reply was left before 'message_stop': whoever reads a reply leaves at its stop "
        "reason, when it is interrupted, or at an error"
    )


def test_what_follows_a_hold_comes_later_by_as_much():
    model = ReplayModel(HELD)
    hold = model.hold(2)

    async def talk():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(timed(model, HELLO))
            await hold.reached()
            await asyncio.sleep(10.0)
            hold.release()
        return [at for at, _ in task.result()]

    assert clock.run(talk()) == [0.0, 1.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0]


@pytest.mark.parametrize(
    ("before", "reply_number", "told"),
    [
        (8, None, "there is no 8 in reply 0"),
        (-9, None, "there is no -9 in reply 0"),
        (0, 2, "there is no 0 in reply 2"),
        (0, -1, "there is no 0 in reply -1"),
        ("end", 2, "there is no 'end' in reply 2"),
        ("t9", None, "there is no 't9' in any reply"),
        ("t1", 1, "there is no 't1' in reply 1"),
    ],
)
async def test_a_point_that_is_not_there_is_told_at_once(before, reply_number, told):
    with pytest.raises(RecordingError) as caught:
        ReplayModel(HELD).hold(before, reply=reply_number)
    assert str(caught.value) == (
        f"hold: {told} of the recording talk.jsonl; its 2 replies have 8, 2 batches of events"
    )


async def test_a_point_that_is_not_in_a_file_is_told_when_it_is_read(tmp_path):
    path = tmp_path / "talk.jsonl"
    await asyncio.to_thread(path.write_bytes, whole(HELD))
    model = ReplayModel(path, None)
    hold = model.hold("t9")
    with pytest.raises(RecordingError, match="hold: there is no 't9'"):
        await ask(model, HELLO)
    with pytest.raises(RecordingError, match="hold: there is no 't9'"):
        await hold.reached()
    with pytest.raises(RecordingError, match="hold: there is no 't9'"):
        await ask(model, HELLO)


# -- with an agent -----------------------------------------------------------------------------

QUICK = Limits(retry=RetryLimits(first=0.0))


@tool(ToolClass.LOCAL_READ)
async def look(n: int) -> str:
    """Look at something."""
    return f"{n} is there"


@tool(ToolClass.LOCAL_READ, name="look")
async def look_otherwise(n: int) -> str:
    """Look at something."""
    return f"{n} is gone"


def agent_on(model, tmp_path, *tools):
    return Agent(
        model=model,
        workspace=tmp_path,
        data_dir=tmp_path / "data",
        tools=tools,
        builtin_tools=False,
        profile="claude",
        limits=QUICK,
    )


async def test_what_a_live_session_received_plays_back_with_the_same_tools(tmp_path):
    scripts = [
        HttpError(529, "overloaded_error", "Overloaded"),
        reply(Text("Two looks."), Call("t1", "look", {"n": 1}), Call("t2", "look", {"n": 2})),
        reply(Text("Both are there.")),
        reply(Text("Bye.")),
    ]
    path = tmp_path / "talk.jsonl"
    async with LoopbackModel(scripts) as server:
        settings = ClientSettings(base_url=server.url, api_key="x")
        async with shared(settings) as client, RecordingModel(client, path) as model:
            live = await _talk(agent_on(model, tmp_path / "", look))
    assert server.refused == []

    found = await asyncio.to_thread(read, path)
    assert [each.ending for each in found.replies] == [
        Failure("api", "Overloaded", 529, "overloaded_error"),
        End.WHOLE,
        End.WHOLE,
        End.WHOLE,
    ]
    model = ReplayModel(found, None, strict="all")
    assert await _talk(agent_on(model, tmp_path, look)) == live
    assert (model.left, model.mismatches) == (0, [])


async def _talk(agent):
    async with agent:
        session = await agent.session()
        events = [event async for event in session.send("Look.")]
        second = await session.ask("Thanks.")
    retried = [type(event) for event in events if isinstance(event, Retrying)]
    answers = [(event.name, event.text) for event in events if isinstance(event, ToolFinished)]
    return retried, answers, events[-1].text, second.text, second.error


async def test_a_tool_that_answers_otherwise_ends_a_strict_turn_with_what_is_different(tmp_path):
    first = reply(Call("t1", "look", {"n": 1}))
    async with LoopbackModel([first, reply(Text("Done."))]) as server:
        settings = ClientSettings(base_url=server.url, api_key="x")
        async with (
            shared(settings) as client,
            RecordingModel(client, tmp_path / "talk.jsonl") as model,
            agent_on(model, tmp_path, look) as agent,
        ):
            await (await agent.session()).ask("Look.")

    model = ReplayModel(tmp_path / "talk.jsonl", None, strict="all")
    async with agent_on(model, tmp_path, look_otherwise) as agent:
        turn = await (await agent.session()).ask("Look.")
    assert turn.error == (
        f"Request 2 is not the one that {tmp_path / 'talk.jsonl'} has: message 3 (user): the "
        f"result of t1 was '1 is there' when recorded; now it is '1 is gone'. {CAUSES}"
    )
    assert [turn.error] == [str(each) for each in model.mismatches]
