"""What can go wrong between model, tools and person: whatever it is, the session stays sound.

Each test drives an agent against the loopback server, through the real client. `talk` asserts for
all of them, at the end, that no request was refused, that another message is answered, and that the
journal loads to the same conversation.
"""

import asyncio
import socket
import ssl
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent import events as told
from agent.claude.checking import Rules, problem
from agent.claude.loopback import LoopbackModel
from agent.claude.script import (
    Call,
    Close,
    Gate,
    HttpError,
    Ping,
    Raw,
    Reset,
    Stall,
    Text,
    Thinking,
    Whole,
    error_event,
    reply,
)
from agent.exchange import Exchange
from agent.limits import Limits
from agent.loop import GO_ON
from agent.runtime import Agent
from scheduler import Access, Scheduler
from tests.agent.claude import streams
from tests.agent.loopback_agent import (
    DONE,
    QUICK,
    Diary,
    of,
    replied,
    results,
    said,
    talk,
    words,
)
from tests.agent.memory import session_of
from tests.agent.scripted import ScriptedModel
from tests.clock import run
from tools import Effect, Registry, Tool, ToolClass, ToolError, tool


@pytest.fixture(autouse=True, scope="module")
def no_certificates():
    """Spare each client the reading of some hundred certificates: the server speaks plain HTTP."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)
        yield


LOOK = Call("toolu_1", "look", {"n": 1})
ACT = Call("toolu_2", "act", {"n": 2})
LOOKED = ("toolu_1", "look 1 is done", False)
ACTED = ("toolu_2", "act 2 is done", False)
THOUGHT = Thinking("Let me see.", "signed")
SEARCH = Whole(
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
)
FOUND = Whole({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []})
PYTHON = Whole(
    {"type": "server_tool_use", "id": "srvtoolu_2", "name": "code_execution", "input": {"code": ""}}
)
ASKED = {"role": "user", "content": [{"type": "text", "text": "Do it."}]}


FORGETFUL = partial(LoopbackModel, rules=Rules(strict_blocks=False))
"""It minds the shape of what comes back, not whether that is what was sent."""

SHOWN = (told.TextDelta, told.ReplyDiscarded, told.Retrying, told.Notice, told.TurnFinished)


def limited(**more):
    return Limits(retry=QUICK, **more)


# -- errors instead of a reply -----------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 529])
async def test_a_request_that_failed_for_a_while_is_sent_again_unchanged(status, tmp_path):
    error = HttpError(status, "api_error", "not now")
    async with talk(tmp_path, error, error, reply(Text("Here."))) as it:
        events = await it.play()

        assert words(events) == [
            "turn",
            "retrying: not now",
            "retrying: not now",
            "text Here.",
            "reply end_turn",
            "over: end_turn",
        ]
        first, second, third = (request.raw for request in it.server.requests)
        assert first == second == third


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
async def test_a_request_that_would_fail_again_ends_the_turn_at_once(status, tmp_path):
    async with talk(tmp_path, HttpError(status, "some_error", "this will not do")) as it:
        events = await it.play()

        assert words(events) == ["turn", "over: error"]
        assert events[-1].error == "this will not do"
        assert it.server.received == 1


async def test_a_request_that_keeps_failing_is_given_up(tmp_path):
    async with talk(tmp_path, *[HttpError(500, "api_error", "not now")] * QUICK.attempts) as it:
        events = await it.play()

        assert words(events) == ["turn", *["retrying: not now"] * 3, "over: error"]
        assert it.server.received == QUICK.attempts == 4


async def test_a_server_that_is_not_there_is_tried_again_and_then_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with Agent(
        builtin_tools=False,
        model="claude-loopback",
        workspace=tmp_path,
        data_dir=tmp_path / "data",
        base_url=f"http://127.0.0.1:{port}",
        limits=limited(),
    ) as agent:
        session = await agent.session()
        events = [event async for event in session.send("Do it.")]

    assert len(of(events, told.Retrying)) == QUICK.attempts - 1
    assert events[-1].why == "error"
    assert events[-1].error.startswith("the server could not be reached: ")


class SpendingServer(LoopbackModel):
    """Answers its first request with the error of an organisation that has spent its limit."""

    async def _message(self, received, out):
        if received.number:
            await super()._message(received, out)
            return
        details = {"error_code": "enforced_spend_limit_reached"}
        error = {"type": "rate_limit_error", "message": "the limit is spent", "details": details}
        headers = {"retry-after": "0", "x-should-retry": "true"}
        await out._whole(429, headers, {"type": "error", "error": error})


async def test_a_spent_limit_is_never_asked_again(tmp_path):
    async with talk(tmp_path, DONE, server=SpendingServer) as it:
        events = await it.play()

        assert words(events) == ["turn", "over: error"]
        assert events[-1].error == "the limit is spent"
        assert it.server.received == 1


async def test_the_wait_that_the_server_asks_for_is_waited(tmp_path):
    error = HttpError(429, "rate_limit_error", "wait", {"retry-after": "0.004"})
    async with talk(tmp_path, error) as it:
        events = await it.play()

        assert of(events, told.Retrying) == [told.Retrying("wait", 0.004)]
        assert it.server.received == 2


async def test_a_wait_that_nobody_expects_ends_the_turn_at_once(tmp_path):
    error = HttpError(429, "rate_limit_error", "wait", {"retry-after": "3600"})
    async with talk(tmp_path, error) as it:
        events = await it.play()

        assert words(events) == ["turn", "over: error"]
        assert "wait" in events[-1].error
        assert it.server.received == 1


async def test_the_error_says_how_long_the_server_wants_to_be_left_alone(tmp_path):
    error = HttpError(429, "rate_limit_error", "wait", {"retry-after": "3600"})
    async with talk(tmp_path, error) as it:
        events = await it.play()

        assert "3600" in events[-1].error


@pytest.mark.parametrize(
    ("status", "should_retry", "requests"), [(529, False, 1), (500, False, 1), (400, True, 2)]
)
async def test_what_the_server_says_of_a_retry_counts(status, should_retry, requests, tmp_path):
    error = HttpError(status, "some_error", "no", should_retry=should_retry)
    async with talk(tmp_path, error) as it:
        events = await it.play()

        assert events[-1].why == ("end_turn" if should_retry else "error")
        assert it.server.received == requests


# -- a stream that breaks ----------------------------------------------------------------------

BREAKS = {
    "reset": Reset(),
    "end of file": Close(),
    "overloaded": error_event("overloaded_error", "too much"),
    "not an event": Raw(b"data: {\n\n"),
}
"""All are answered alike."""

DONE_MARK = Raw(b"data: [DONE]\n\n")


def broken(*parts, by):
    """Script a reply that breaks off after these parts, once a test has seen them arrive."""
    return reply(*parts, Gate("before"), by, stop_reason=None)


async def played(it, *, reached=(), gate="before"):
    """Play a turn whose reply breaks off when these calls have begun."""
    turn = it.session.send("Do it.")
    await it.server.reached(gate)
    for name in reached:
        await it.diary.reached(name)
    it.server.open(gate)
    return [event async for event in turn]


@pytest.mark.parametrize("by", BREAKS)
async def test_a_reply_that_broke_before_any_call_is_asked_for_again(by, tmp_path):
    async with talk(tmp_path, broken(THOUGHT, Text("Let me"), by=BREAKS[by])) as it:
        events = await played(it)

        shown = words(events)
        assert [word.split(":")[0] for word in shown] == [
            "turn",
            "thought Let me see.",
            "text Let me",
            "discarded",
            "retrying",
            "text Done.",
            "reply end_turn",
            "over",
        ]
        assert of(events, told.ReplyDiscarded)[0].why == of(events, told.Retrying)[0].why
        assert [body["messages"] for body in it.bodies[:2]] == [[ASKED]] * 2


@pytest.mark.parametrize("by", BREAKS)
async def test_a_started_read_is_dropped_with_its_reply_and_asked_for_again(by, tmp_path):
    whole = reply(LOOK, Text("and"))
    script = broken(LOOK, Text("and"), by=BREAKS[by])
    async with talk(tmp_path, script, whole, diary=Diary("look 1")) as it:
        turn = it.session.send("Do it.")
        await it.diary.reached("look 1")
        it.server.open("before")
        events = []
        async for event in turn:
            events.append(event)
            if isinstance(event, told.Retrying):
                it.diary.open("look 1")

        assert words(events, told.ToolStarted, told.ToolFinished, told.TurnFinished) == [
            "started 0.0 look",
            "started 1.0 look",
            "finished 1.0 look",
            "over: end_turn",
        ]
        assert it.diary.ended == ["look 1"], "the first was cancelled"
        assert it.bodies[0] == it.bodies[1]
        assert results(it.bodies[2]) == [LOOKED]


@pytest.mark.parametrize("by", BREAKS)
async def test_a_started_effect_happens_once_and_its_reply_is_kept(by, tmp_path):
    parts = (THOUGHT, Text("I will."), ACT, Thinking("and then?", "signed"), Text("cut"))
    async with talk(tmp_path, broken(*parts, by=BREAKS[by])) as it:
        events = await played(it, reached=["act 2"])

        assert it.diary.counts == {"act 2": 1}
        assert words(events, told.ToolFinished, told.ReplyDiscarded, told.TurnFinished) == [
            "finished 0.2 act",
            "over: end_turn",
        ]
        assert len(of(events, told.Notice)) == 1
        assert results(it.bodies[1]) == [ACTED]
        kept = [block["type"] for block in replied(it.bodies[1])]
        assert kept == ["thinking", "text", "tool_use", "thinking", "text"]


async def test_a_cut_reply_does_not_end_in_thinking(tmp_path):
    script = broken(ACT, Thinking("and then?", "signed"), by=Reset())
    async with talk(tmp_path, script) as it:
        await played(it, reached=["act 2"])

        assert [block["type"] for block in replied(it.bodies[1])] == ["tool_use"]


async def test_a_cut_reply_does_not_end_in_thinking_and_an_empty_text(tmp_path):
    script = broken(ACT, Thinking("and then?", "signed"), Text(" "), by=Reset())
    async with talk(tmp_path, script) as it:
        await played(it, reached=["act 2"])

        assert [block["type"] for block in replied(it.bodies[1])] == ["tool_use"]


async def test_calls_behind_a_started_effect_go_on_or_are_withdrawn_as_far_as_they_came(tmp_path):
    more = Call("toolu_3", "act", {"n": 3})
    cut = Raw([streams.call(3, "act", id="toolu_4"), streams.part(3, '{"n"')])
    async with talk(tmp_path, broken(ACT, LOOK, more, cut, by=Reset())) as it:
        await played(it, reached=["act 2", "look 1", "act 3"])

        assert it.diary.counts == {"act 2": 1, "look 1": 1, "act 3": 1}
        assert results(it.bodies[1]) == [ACTED, LOOKED, ("toolu_3", "act 3 is done", False)]


async def test_a_queued_call_of_a_kept_prefix_still_runs_and_in_order(tmp_path):
    again = Call("toolu_3", "act", {"n": 2})
    diary = Diary("act 2")
    async with talk(tmp_path, broken(ACT, again, Text("then"), by=Reset()), diary=diary) as it:
        turn = it.session.send("Do it.")
        await diary.reached("act 2")
        it.server.open("before")
        events = []
        async for event in turn:
            events.append(event)
            if isinstance(event, told.Notice):
                assert diary.counts == {"act 2": 1}
                diary.open("act 2")

        assert diary.counts == {"act 2": 2}, "asked for twice, done twice"
        assert results(it.bodies[1]) == [ACTED, ("toolu_3", "act 2 is done", False)]


async def test_an_unconfirmed_call_at_the_end_of_a_cut_reply_is_left_out(tmp_path):
    script = broken(ACT, Text("and"), LOOK, by=Reset())
    async with talk(tmp_path, script) as it:
        await played(it, reached=["act 2"])

        assert it.diary.counts == {"act 2": 1}
        assert [block["type"] for block in replied(it.bodies[1])] == ["tool_use", "text"]


@pytest.mark.parametrize("by", ["invalid_request_error", "billing_error"])
async def test_an_error_event_that_would_come_again_ends_the_turn(by, tmp_path):
    script = broken(Text("Let me"), by=error_event(by, "this will not do"))
    async with talk(tmp_path, script) as it:
        events = await played(it)

        assert words(events, *SHOWN) == [
            "text Let me",
            f"discarded: the server reported {by}: this will not do",
            "over: error",
        ]
        assert events[-1].error == f"the server reported {by}: this will not do"
        assert it.server.received == 1


@pytest.mark.parametrize("marks", [[], [DONE_MARK]])
async def test_a_clean_end_without_a_terminal_event_is_a_break(marks, tmp_path):
    async with talk(tmp_path, reply(Text("Let me"), *marks, stop_reason=None)) as it:
        events = await it.play()

        why = "the connection ended in the middle of a reply"
        assert words(events, *SHOWN) == [
            "text Let me",
            f"discarded: {why}",
            f"retrying: {why}",
            "text Done.",
            "over: end_turn",
        ]


async def test_a_done_mark_behind_a_whole_reply_changes_nothing(tmp_path):
    async with talk(tmp_path, [*reply(Text("All.")), b"data: [DONE]\n\n"]) as it:
        assert words(await it.play(), *SHOWN) == ["text All.", "over: end_turn"]


async def test_a_reply_of_nothing_at_all_is_asked_for_again(tmp_path):
    async with talk(tmp_path, [], [Reset()]) as it:
        events = await it.play()

        assert len(of(events, told.Retrying)) == 2
        assert of(events, told.ReplyDiscarded) == [], "nothing was shown"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_start", "index": "zero", "content_block": {"type": "text"}},
        {"type": "content_block_start", "index": 0, "content_block": "text"},
        {"type": "message_delta", "delta": "over"},
        {"type": "error", "error": "too much"},
    ],
)
async def test_an_event_of_the_wrong_shape_is_a_break(event, tmp_path):
    async with talk(tmp_path, reply(Text("Let me"), Raw([event]), stop_reason=None)) as it:
        events = await it.play()

        assert words(events, told.TextDelta, told.TurnFinished)[-2:] == [
            "text Done.",
            "over: end_turn",
        ]


def a_bug(*_):
    raise RuntimeError("a bug of the program itself")


async def test_an_effect_that_runs_when_a_turn_fails_is_told_as_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(Exchange, "_cut", a_bug)
    diary = Diary("act 2")
    async with talk(tmp_path, broken(ACT, Text("and"), by=Close()), diary=diary) as it:
        turn = it.session.send("Do it.")
        await diary.reached("act 2")
        it.server.open("before")
        await turn.result()
        diary.open("act 2")
        await it.session.ask("And?")

        ((call, text, _),) = results(it.bodies[1])
        assert call == "toolu_2"
        assert not text.startswith("Not executed")


async def test_an_effect_that_ends_after_its_turn_failed_does_not_spoil_the_journal(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(Exchange, "_cut", a_bug)
    diary = Diary("act 2")
    async with talk(tmp_path, broken(ACT, Text("and"), by=Close()), diary=diary) as it:
        turn = it.session.send("Do it.")
        await diary.reached("act 2")
        it.server.open("before")
        await turn.result()
        await it.session.ask("And?")
        diary.open("act 2")
        await it.agent._scheduler.drained()

        assert await it.loaded() == it.session.history.transcript.as_json()


@pytest.mark.parametrize("script", [[Stall()], reply(Text("Let me"), Stall())])
async def test_a_server_that_falls_silent_is_asked_again(script, tmp_path):
    async with talk(tmp_path, script, waits={"first_byte": 0.2, "silence": 0.2}) as it:
        events = await it.play()

        assert of(events, told.Retrying)[0].why.startswith("the server was silent for")
        assert events[-1].why == "end_turn"


async def test_an_effect_whose_reply_stalled_is_kept_like_any_other(tmp_path):
    script = reply(ACT, Text("and"), Stall())
    async with talk(tmp_path, script, waits={"silence": 0.2}) as it:
        await it.play()

        assert it.diary.counts == {"act 2": 1}
        assert results(it.bodies[1]) == [ACTED]


# -- server tools ------------------------------------------------------------------------------


async def test_an_open_server_call_behind_an_effect_is_cut_away(tmp_path):
    script = broken(ACT, SEARCH, Text("hm"), by=Reset())
    async with talk(tmp_path, script) as it:
        await played(it, reached=["act 2"])

        assert [block["type"] for block in replied(it.bodies[1])] == ["tool_use"]
        assert results(it.bodies[1]) == [ACTED]


async def test_an_effect_behind_an_open_server_call_waits_for_the_end(tmp_path):
    script = broken(SEARCH, ACT, LOOK, Text("hm"), by=Reset())
    async with talk(tmp_path, script) as it:
        events = await played(it)

        assert it.diary.counts == {}, "neither the effect nor what comes after it"
        assert words(events, told.ToolCalled, told.ReplyDiscarded) == [
            "discarded: the connection broke: " + of(events, told.Retrying)[0].why.split(": ", 1)[1]
        ]


async def test_an_effect_behind_an_open_server_call_runs_when_the_reply_has_ended(tmp_path):
    answered = reply(FOUND, Text("Done."))
    async with talk(tmp_path, reply(SEARCH, ACT, LOOK), answered) as it:
        await it.play()

        assert it.diary.counts == {"act 2": 1, "look 1": 1}
        assert results(it.bodies[1]) == [ACTED, LOOKED]


async def test_a_lost_server_effect_is_not_asked_for_as_if_it_never_was(tmp_path):
    script = broken(Text("I run it."), PYTHON, by=Reset())
    async with talk(tmp_path, script) as it:
        events = await played(it)

        assert of(events, told.ReplyDiscarded) == []
        assert [block["type"] for block in replied(it.bodies[1])] == ["text"]
        assert said(it.bodies[1]) == [GO_ON]


# -- stop reasons ------------------------------------------------------------------------------


async def test_a_call_that_the_token_limit_cut_never_runs_and_the_turn_goes_on(tmp_path):
    cut = Call("toolu_3", "look", '{"n": ')
    async with talk(tmp_path, reply(LOOK, cut, stop_reason="max_tokens")) as it:
        events = await it.play()

        assert it.diary.counts == {"look 1": 1}
        (looked, (answered, text, is_error)) = results(it.bodies[1])
        assert (looked, answered, is_error) == (LOOKED, "toolu_3", True)
        assert "token limit" in text
        assert replied(it.bodies[1])[1]["input"] == {"unparsed_input": '{"n": '}
        assert events[-1].why == "end_turn"


async def test_a_last_call_that_seems_whole_at_the_token_limit_does_not_run(tmp_path):
    async with talk(tmp_path, reply(ACT, stop_reason="max_tokens")) as it:
        await it.play()

        assert it.diary.counts == {}
        assert len(results(it.bodies[1])) == 1


@pytest.mark.parametrize("content", [[Text("So")], [Text("")], [THOUGHT, Text("So")]])
async def test_a_text_that_the_token_limit_cut_ends_the_turn(content, tmp_path):
    async with talk(tmp_path, reply(*content, stop_reason="max_tokens")) as it:
        assert (await it.play())[-1].why == "max_tokens"
        assert it.server.received == 1


@pytest.mark.parametrize(
    ("reason", "last"),
    [
        ("max_tokens", []),
        ("model_context_window_exceeded", []),
        ("sleepy", []),
        ("refusal", [Text("")]),
        ("end_turn", []),
        ("end_turn", [Text("")]),
        ("end_turn", [Text(" \n")]),
        ("max_tokens", [Text("")]),
        ("sleepy", [Text(" \n")]),
    ],
)
async def test_a_reply_that_ends_in_thinking_can_be_followed_by_a_message(reason, last, tmp_path):
    script = reply(Text("Hm."), THOUGHT, *last, stop_reason=reason)
    async with talk(tmp_path, script, server=FORGETFUL) as it:
        assert (await it.play())[-1].why == reason


async def test_a_reply_that_was_cut_in_its_thinking_can_be_followed_by_a_message(tmp_path):
    cut = [
        streams.block(0, "thinking", thinking="", signature=""),
        streams.delta(0, "thinking_delta", thinking="Let me"),
    ]
    async with talk(tmp_path, reply(Raw(cut), stop_reason="max_tokens")) as it:
        assert (await it.play())[-1].why == "max_tokens"


async def test_a_full_context_window_is_told_and_its_calls_are_answered(tmp_path):
    script = reply(LOOK, ACT, stop_reason="model_context_window_exceeded")
    async with talk(tmp_path, script) as it:
        events = await it.play()

        assert events[-1].why == "model_context_window_exceeded"
        assert it.diary.counts == {"look 1": 1}, "the other was not meant for certain"
        await it.session.ask("Go on.")
        assert [call for call, *_ in results(it.bodies[1])] == ["toolu_1", "toolu_2"]


@pytest.mark.parametrize("reason", ["end_turn", "stop_sequence"])
async def test_an_end_beside_a_call_does_not_run_it(reason, tmp_path):
    async with talk(tmp_path, reply(ACT, stop_reason=reason)) as it:
        events = await it.play()
        await it.session.ask("Well?")

        assert events[-1].why == reason
        assert it.diary.counts == {}
        ((call, text, is_error),) = results(it.bodies[1])
        assert (call, is_error) == ("toolu_2", True)
        assert text == f"Not executed: the reply ended with {reason}, not by asking for it."
        assert said(it.bodies[1]) == ["Well?"]


async def test_an_unknown_stop_reason_ends_the_turn_and_is_told(tmp_path):
    async with talk(tmp_path, reply(LOOK, ACT, stop_reason="sleepy")) as it:
        events = await it.play()

        assert events[-1].why == "sleepy"
        assert "'sleepy'" in events[-1].error
        assert it.diary.counts == {"look 1": 1}


@pytest.mark.parametrize("reason", ["end_turn", "pause_turn", "tool_use", "max_tokens"])
async def test_a_reply_without_content_leaves_a_valid_conversation(reason, tmp_path):
    async with talk(tmp_path, reply(stop_reason=reason)) as it:
        await it.play()


async def test_a_refusal_before_any_effect_leaves_no_trace(tmp_path):
    diary = Diary("look 1")
    async with talk(tmp_path, refusing(THOUGHT, LOOK, Text("but")), diary=diary) as it:
        turn = it.session.send("Do it.")
        await diary.reached("look 1")
        it.server.open("before")
        events = [event async for event in turn]

        assert words(events, told.ToolFinished, told.ReplyDiscarded, told.TurnFinished) == [
            "discarded: the model refused to answer",
            "over: refusal",
        ]
        await it.session.ask("Then not.")
        assert [message["role"] for message in it.bodies[1]["messages"]] == ["user", "user"]


async def test_a_refusal_after_an_effect_is_kept_and_answered(tmp_path):
    diary = Diary("act 2")
    queued = Call("toolu_3", "act", {"n": 2})
    async with talk(tmp_path, refusing(ACT, LOOK, queued, Text("but")), diary=diary) as it:
        turn = it.session.send("Do it.")
        await diary.reached("act 2")
        await diary.reached("look 1")
        it.server.open("before")
        events = []
        async for event in turn:
            events.append(event)
            if isinstance(event, told.ToolFinished) and event.id == "0.2":
                diary.open("act 2")

        assert events[-1].why == "refusal"
        assert diary.counts == {"act 2": 1, "look 1": 1}
        await it.session.ask("Then not.")
        refused = ("toolu_3", "Not executed: the reply ended in a refusal.", True)
        assert results(it.bodies[1]) == [ACTED, LOOKED, refused]


def refusing(*parts):
    return reply(*parts, Gate("before"), stop_reason="refusal")


async def test_a_paused_reply_goes_back_unchanged(tmp_path):
    paused = reply(THOUGHT, SEARCH, stop_reason="pause_turn")
    async with talk(tmp_path, paused, reply(FOUND, Text("Found."))) as it:
        events = await it.play()

        assert events[-1].why == "end_turn"
        assert it.bodies[1]["messages"] == [
            ASKED,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Let me see.", "signature": "signed"},
                    SEARCH.block,
                ],
            },
        ]


async def test_a_paused_reply_with_a_call_goes_on_with_its_result(tmp_path):
    paused = reply(SEARCH, LOOK, stop_reason="pause_turn")
    async with talk(tmp_path, paused, reply(FOUND, Text("Found."))) as it:
        await it.play()

        assert results(it.bodies[1]) == [LOOKED]


async def test_pauses_without_end_are_ended(tmp_path):
    paused = reply(SEARCH, FOUND, stop_reason="pause_turn")
    async with talk(tmp_path, *[paused] * 3, limits=limited(continuations=2)) as it:
        events = await it.play()

        assert events[-1].why == "continuations"
        assert "2 times" in events[-1].error
        assert it.server.received == 3


async def test_a_message_can_follow_pauses_that_were_ended_with_an_open_server_call(tmp_path):
    paused = reply(Text("I search."), SEARCH, stop_reason="pause_turn")
    more = {"limits": limited(continuations=0), "server": FORGETFUL}
    async with talk(tmp_path, paused, **more) as it:
        assert (await it.play())[-1].why == "continuations"


async def test_a_message_that_comes_during_a_pause_waits_for_the_open_server_call(tmp_path):
    paused = reply(SEARCH, Gate("before"), stop_reason="pause_turn")
    async with talk(tmp_path, paused, reply(FOUND, Text("Found."))) as it:
        turn = it.session.send("Do it.")
        await it.server.reached("before")
        it.session.send("And quickly.")
        it.server.open("before")
        events = [event async for event in turn]

        assert it.server.refused == []
        assert events[-1].why == "end_turn"


@pytest.mark.parametrize("reason", ["max_tokens", "sleepy", "end_turn"])
async def test_a_message_can_follow_a_reply_that_ended_with_an_open_server_call(reason, tmp_path):
    script = reply(Text("I search."), SEARCH, stop_reason=reason)
    async with talk(tmp_path, script, server=FORGETFUL) as it:
        assert (await it.play())[-1].why == reason


# -- odd calls ---------------------------------------------------------------------------------

NOT_OBJECTS = {
    "cut": '{"n": 1',
    "a list": "[1]",
    "a number": "1",
    "null": "null",
    "not a number": '{"n": NaN}',
    "minus infinity": '{"n": -Infinity}',
    "half a character": '{"text": "\\ud83d"}',
    "not JSON": "look at it",
}


@pytest.mark.parametrize("raw", NOT_OBJECTS.values(), ids=NOT_OBJECTS)
async def test_an_input_that_is_no_json_object_is_answered_and_not_run(raw, tmp_path):
    async with talk(tmp_path, reply(Call("toolu_3", "say", raw), LOOK)) as it:
        await it.play()

        assert it.diary.counts == {"look 1": 1}
        (call, text, is_error), looked = results(it.bodies[1])
        assert (call, is_error, looked) == ("toolu_3", True, LOOKED)
        assert text.startswith("Not executed: its input is not a JSON object: ")
        assert replied(it.bodies[1])[0]["input"] == {"unparsed_input": raw}


async def test_a_number_that_no_float_holds_is_answered_and_not_run(tmp_path):
    async with talk(tmp_path, reply(Call("toolu_3", "weigh", '{"x": 1e999}'), LOOK)) as it:
        await it.play()

        assert it.diary.counts == {"look 1": 1}
        assert [call for call, *_ in results(it.bodies[1])] == ["toolu_3", "toolu_1"]


async def test_a_number_that_no_float_holds_is_loaded_as_it_was_sent(tmp_path):
    async with talk(tmp_path, reply(Call("toolu_3", "weigh", '{"x": 1e999}'), LOOK)) as it:
        await it.play()

        assert await it.loaded() == it.session.history.transcript.as_json()


@pytest.mark.parametrize("given", ['{"n": "one"}', "{}", '{"n": 1, "m": 2}', ""])
async def test_an_input_that_does_not_fit_is_answered_with_what_is_wrong(given, tmp_path):
    async with talk(tmp_path, reply(Call("toolu_3", "look", given))) as it:
        await it.play()

        ((_, text, is_error),) = results(it.bodies[1])
        assert is_error
        assert "look" in text
        assert it.diary.counts == {}


async def test_an_unknown_tool_is_answered_with_those_that_there_are(tmp_path):
    async with talk(tmp_path, reply(Call("toolu_3", "lock", {}), LOOK)) as it:
        events = await it.play()

        (call, text, is_error), looked = results(it.bodies[1])
        assert (call, is_error, looked) == ("toolu_3", True, LOOKED)
        assert "look" in text
        assert "failed 0.0 lock" in words(events)


@pytest.mark.parametrize("name", ["", "to look", "lo/ok", "l" * 200, "löök"])
async def test_a_name_that_no_tool_can_have_is_answered(name, tmp_path):
    async with talk(tmp_path, reply(Call("toolu_3", name, {}), LOOK), server=FORGETFUL) as it:
        await it.play()

        assert len(results(it.bodies[1])) == 2


IDS = {
    "twice in a reply": ["toolu_1", "toolu_1", "toolu_1"],
    "empty": ["", "", "toolu_1"],
}
LIKE_OURS = {
    "before": ["call_0_1", "", "call_0_1"],
    "behind": ["", "call_0_2", "call_0_2"],
}


@pytest.mark.parametrize(
    "ids",
    [
        *IDS.values(),
        *[pytest.param(ids) for ids in LIKE_OURS.values()],
    ],
    ids=[*IDS, *LIKE_OURS],
)
async def test_calls_whose_ids_are_no_names_are_all_run_and_answered(ids, tmp_path):
    calls = [Call(each, "look", {"n": n}) for n, each in enumerate(ids)]
    async with talk(tmp_path, reply(*calls)) as it:
        await it.play()

        assert it.diary.counts == {"look 0": 1, "look 1": 1, "look 2": 1}
        assert [text for _, text, _ in results(it.bodies[1])] == [
            "look 0 is done",
            "look 1 is done",
            "look 2 is done",
        ]
        sent = [block["id"] for block in replied(it.bodies[1])]
        assert [call for call, *_ in results(it.bodies[1])] == sent
        assert len(set(sent)) == 3


async def test_an_id_that_comes_again_in_another_reply_is_answered_there(tmp_path):
    async with talk(tmp_path, reply(LOOK), reply(Call("toolu_1", "look", {"n": 5}))) as it:
        await it.play()

        assert results(it.bodies[1]) == [LOOKED]
        ((call, text, _),) = results(it.bodies[2])
        assert (call, text) == ("call_1_0", "look 5 is done")


@pytest.mark.parametrize("identity", ["functions.look:0", "call 1", "ruf_ä"])
async def test_an_id_that_the_api_refuses_does_not_go_back(identity, tmp_path):
    async with talk(tmp_path, reply(Call(identity, "look", {"n": 1})), server=FORGETFUL) as it:
        await it.play()

        assert [text for _, text, _ in results(it.bodies[1])] == ["look 1 is done"]


async def test_results_are_in_request_order_whatever_ended_first(tmp_path):
    ids = ["call_10", "call_2", "call_1"]
    calls = [Call(each, "look", {"n": n}) for n, each in enumerate(ids)]
    diary = Diary("look 0", "look 1", "look 2")
    async with talk(tmp_path, reply(*calls), diary=diary) as it:
        turn = it.session.send("Do it.")
        ended = []
        diary.open("look 2")
        async for event in turn:
            if isinstance(event, told.ToolFinished):
                ended.append(event.id)
                if event.id != "0.0":
                    diary.open("look 1" if event.id == "0.2" else "look 0")

        assert ended == ["0.2", "0.1", "0.0"]
        assert results(it.bodies[1]) == [
            ("call_10", "look 0 is done", False),
            ("call_2", "look 1 is done", False),
            ("call_1", "look 2 is done", False),
        ]


async def test_one_error_among_27_calls_leaves_26_results(tmp_path: Path) -> None:
    @tool(ToolClass.NETWORK)
    async def fail(n: int) -> str:
        """Fail."""
        raise ValueError(f"{n} is too many")

    calls = [Call(f"toolu_{n}", "fail" if n == 13 else "look", {"n": n}) for n in range(27)]
    async with talk(tmp_path, reply(*calls), tools=[fail]) as it:
        events = await it.play()

        answers = results(it.bodies[1])
        assert [call for call, *_ in answers] == [f"toolu_{n}" for n in range(27)]
        assert [n for n, (*_, is_error) in enumerate(answers) if is_error] == [13]
        assert answers[13][1] == "The tool fail failed: ValueError: 13 is too many"
        assert sum(event.status == "finished" for event in of(events, told.ToolFinished)) == 26


async def test_calls_that_came_whole_in_the_first_event_run(tmp_path):
    block = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"n": 1}}
    last = {**block, "id": "toolu_2", "name": "act", "input": {"n": 2}}
    script = [
        streams.encoded(streams.start(role="assistant", content=[block, last])),
        streams.encoded(streams.end("tool_use")),
    ]
    async with talk(tmp_path, script) as it:
        await it.play()

        assert replied(it.bodies[1]) == [block, last]
        assert results(it.bodies[1]) == [LOOKED, ACTED]


async def test_thinking_goes_back_byte_for_byte(tmp_path):
    thoughts = [Thinking("", "only/signed+=="), Thinking("Let\n\tme — 🤔", "s2", pieces=4)]
    hidden = Whole({"type": "redacted_thinking", "data": "x/+=="})
    async with talk(tmp_path, reply(*thoughts, hidden, LOOK)) as it:
        await it.play()
        await it.session.ask("And?")

        sent = [
            {"type": "thinking", "thinking": "", "signature": "only/signed+=="},
            {"type": "thinking", "thinking": "Let\n\tme — 🤔", "signature": "s2"},
            {"type": "redacted_thinking", "data": "x/+=="},
        ]
        assert replied(it.bodies[1])[:3] == sent
        assert it.bodies[2]["messages"][1] == it.bodies[1]["messages"][1]
        raw = [request.raw for request in it.server.requests]
        assert '"thinking":"Let\\n\\tme — 🤔"'.encode() in raw[1]


async def test_nothing_starts_behind_a_fallback_before_the_end(tmp_path):
    fallback = Whole({"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}})
    script = reply(Text("Hm."), fallback, LOOK, Text("and"), Gate("before"), stop_reason="tool_use")

    async with talk(tmp_path, script, server=partial(LoopbackModel, check=False)) as it:
        turn = it.session.send("Do it.")
        await it.server.reached("before")
        assert it.diary.counts == {}
        it.server.open("before")
        await turn.result()

        rules = Rules(betas=frozenset({"server-side-fallback-2026-06-01"}))
        assert [problem(body, rules) for body in it.bodies] == [None, None]
        assert replied(it.bodies[1])[1] == fallback.block
        assert results(it.bodies[1]) == [LOOKED]


async def test_blocks_of_unknown_types_go_back_as_they_came(tmp_path):
    strange = Whole({"type": "hologram", "depth": {"z": [1, None]}})
    async with talk(tmp_path, reply(strange, Ping(), LOOK)) as it:
        await it.play()

        assert replied(it.bodies[1])[0] == strange.block


# -- tools that misbehave ----------------------------------------------------------------------


class OddError(BaseException):
    """Neither an exception nor one of the interpreter's own."""


def raising(error: BaseException, *, is_async: bool) -> Tool[..., Any]:
    if is_async:

        @tool(ToolClass.NETWORK)
        async def fail() -> str:
            """Fail."""
            raise error
    else:

        @tool(ToolClass.NETWORK)
        def fail() -> str:
            """Fail."""
            raise error

    return fail


ERRORS = [
    ToolError("that is not there"),
    ValueError("no"),
    StopAsyncIteration(),
    TimeoutError(),
    ExceptionGroup("both", [ValueError("no"), KeyError("a")]),
]
ODD_ERRORS = [OddError("odd"), GeneratorExit(), BaseExceptionGroup("both", [OddError("odd")])]


@pytest.mark.parametrize(
    ("error", "is_async"),
    [
        *[(error, is_async) for error in ERRORS for is_async in (True, False)],
        *[(error, False) for error in ODD_ERRORS],
        # A coroutine that is closed gets a GeneratorExit too, so that one cannot be told apart.
        *[(error, True) for error in ODD_ERRORS if not isinstance(error, GeneratorExit)],
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, BaseException) else None,
)
async def test_whatever_a_tool_raises_is_its_own_answer(error, is_async, tmp_path):
    tools = [raising(error, is_async=is_async)]
    async with talk(tmp_path, reply(Call("toolu_3", "fail"), LOOK), tools=tools) as it:
        turn = it.session.send("Do it.")
        await it.session.idle()

        assert turn._finished.done(), "whoever waits for the turn hears of its end"
        assert (await turn.result()).stop_reason == "end_turn"
        (call, text, is_error), looked = results(it.bodies[1])
        assert (call, is_error, looked) == ("toolu_3", True, LOOKED)
        assert "interrupted" not in text.lower()


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_tool_that_cancels_itself_has_failed_and_the_user_interrupted_nothing(
    is_async, tmp_path
):
    tools = [raising(asyncio.CancelledError(), is_async=is_async)]
    async with talk(tmp_path, reply(Call("toolu_3", "fail"), LOOK), tools=tools) as it:
        await it.play()

        (_, text, is_error), looked = results(it.bodies[1])
        assert (is_error, looked) == (True, LOOKED)
        assert "user" not in text


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
async def test_a_plain_tool_that_would_exit_has_only_failed(error, tmp_path):
    tools = [raising(error(2), is_async=False)]
    async with talk(tmp_path, reply(Call("toolu_3", "fail"), LOOK), tools=tools) as it:
        await it.play()

        (_, text, is_error), looked = results(it.bodies[1])
        assert (is_error, looked) == (True, LOOKED)
        assert error.__name__ in text


def test_an_asynchronous_tool_that_would_exit_has_only_failed():
    fail = raising(SystemExit(2), is_async=True)
    script = [streams.start(), streams.call(0, "fail"), streams.stop(0), streams.end("tool_use")]
    end = [streams.start(), streams.block(0, "text", text="Done."), streams.end("end_turn")]

    async def main():
        return await session_of(ScriptedModel(script, end), [fail]).ask("Do it.")

    assert run(main()).text == "Done."


@pytest.mark.parametrize(
    "value",
    [
        object(),
        float("nan"),
        {"x": float("inf"), ("a", 1): {1, 2}},
        b"\x00\x01",
        "\ud800",
        "",
        " \n",
        None,
        "x" * 3_000_000,
        ["y" * 1_000_000] * 3,
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_whatever_a_tool_returns_can_be_sent(value, tmp_path: Path) -> None:
    @tool(ToolClass.NETWORK)
    async def give() -> object:
        """Give something."""
        return value

    async with talk(tmp_path, reply(Call("toolu_3", "give"), LOOK), tools=[give]) as it:
        await it.play()

        (call, text, _), looked = results(it.bodies[1])
        assert (call, looked) == ("toolu_3", LOOKED)
        assert 0 < len(text) < 200_000


async def test_a_tool_that_hangs_is_answered_at_its_time_limit(tmp_path: Path) -> None:
    @tool(ToolClass.NETWORK, timeout=0.02)
    async def hang() -> str:
        """Hang."""
        await asyncio.Event().wait()
        return ""

    async with talk(tmp_path, reply(Call("toolu_3", "hang"), LOOK), tools=[hang]) as it:
        events = await it.play()

        assert words(events, told.ToolFinished)[-1] == "timed_out 0.0 hang"
        assert results(it.bodies[1]) == [
            ("toolu_3", "Timed out: no result within the limit of 0.02 s.", True),
            LOOKED,
        ]


async def until(work):
    """Wait for what a thread brings about: on a virtual clock nothing else is left to happen."""
    task = asyncio.ensure_future(work)
    while not task.done():  # noqa: ASYNC110  (no event of the loop tells that a thread is over)
        await asyncio.sleep(0)
    return await task


def test_a_thread_past_its_limit_keeps_its_place_until_it_stops() -> None:
    """A call that conflicts with it is not started beside it; after the grace it is answered."""
    release, began = threading.Event(), []
    one = Access(writes=frozenset({("thing", "1")}))

    @tool(ToolClass.EXCLUSIVE, access=lambda _: one, moves=False, timeout=30)
    def hang() -> str:
        """Hang in a thread."""
        release.wait(20)
        return ""

    @tool(ToolClass.EXCLUSIVE, access=lambda _: one, moves=False)
    async def after() -> str:
        """Touch the same."""
        began.append("after")
        return "after"

    @tool(ToolClass.NETWORK, effect=Effect.NONE)
    async def beside() -> str:
        """Touch nothing."""
        return "beside"

    script = [streams.start()]
    for n, name in enumerate(["hang", "after", "beside"]):
        script += [streams.call(n, name), streams.stop(n)]
    script.append(streams.end("tool_use"))
    end = [streams.start(), streams.block(0, "text", text="Done."), streams.end("end_turn")]
    again = [streams.start(), streams.call(0, "after"), streams.stop(0), streams.end("tool_use")]

    async def main():
        scheduler = Scheduler(grace=5)
        model = ScriptedModel(script, end, again, end)
        session = session_of(model, [hang, after, beside], scheduler=scheduler)
        loop = asyncio.get_running_loop()
        first = await session.ask("Do it.")
        at = loop.time()
        assert began == []
        release.set()
        await until(scheduler.drained())
        second = await session.ask("Again.")
        assert model.problems == []
        return at, first, second

    Registry([hang, after, beside]).definitions()  # imports pydantic here, not on the loop
    try:
        at, first, second = run(main())
    finally:
        release.set()
    assert at == 35, "the limit, and the grace"
    assert [(call.name, call.status) for call in first.calls] == [
        ("hang", "timed_out"),
        ("after", "not_executed"),
        ("beside", "finished"),
    ]
    assert [(call.name, call.status) for call in second.calls] == [("after", "finished")]
    assert began == ["after"]


# -- what a person and the settings say --------------------------------------------------------


async def test_a_denied_tool_is_answered_and_not_run(tmp_path):
    async with talk(tmp_path, reply(ACT, LOOK), approvals={"act": "deny"}) as it:
        events = await it.play()

        assert it.diary.counts == {"look 1": 1}
        assert "denied 0.0 act" in words(events)
        denied = "Not executed: it was denied: the tool act is not allowed in this session."
        assert results(it.bodies[1]) == [("toolu_2", denied, True), LOOKED]


async def test_after_a_browser_action_failed_the_later_ones_are_not_run(
    tmp_path: Path,
) -> None:
    ran = []

    @tool(ToolClass.BROWSER_MUTATE)
    async def click(n: int) -> str:
        """Click."""
        ran.append(f"click {n}")
        if n == 1:
            raise ToolError("there is no such button")
        return "clicked"

    @tool(ToolClass.BROWSER_READ)
    async def shot(n: int) -> str:
        """Take a picture."""
        ran.append(f"shot {n}")
        return "shot"

    calls = [("shot", 0), ("click", 0), ("click", 1), ("shot", 2), ("look", 3), ("click", 4)]
    script = reply(*[Call(f"toolu_{p}", name, {"n": n}) for p, (name, n) in enumerate(calls)])
    later = reply(Call("toolu_9", "click", {"n": 9}))
    async with talk(tmp_path, script, later, tools=[click, shot]) as it:
        await it.play()

        halted = "Not executed: an earlier action in this turn failed."
        assert ran == ["shot 0", "click 0", "click 1", "click 9"]
        assert [text for _, text, _ in results(it.bodies[1])] == [
            "shot",
            "clicked",
            "there is no such button",
            halted,
            "look 3 is done",
            halted,
        ]


LIMITS = {
    "steps": (limited(steps=2), "steps", 2),
    "tokens": (limited(tokens=20), "tokens", 2),
}


@pytest.mark.parametrize(("limits", "why", "requests"), LIMITS.values(), ids=LIMITS)
async def test_a_budget_ends_the_turn_with_every_call_answered(limits, why, requests, tmp_path):
    calls = [reply(Call(f"toolu_{n}", "look", {"n": n})) for n in range(3)]
    async with talk(tmp_path, *calls[:requests], limits=limits) as it:
        events = await it.play()

        assert events[-1].why == why
        assert "is reached" in events[-1].error
        assert it.server.received == requests
        await it.session.ask("Go on.")
        last = f"toolu_{requests - 1}", f"look {requests - 1} is done", False
        assert results(it.bodies[requests]) == [last]
        assert said(it.bodies[requests]) == ["Go on."]


def out_of_time() -> Any:
    """Play a turn that is out of time while its call runs; give it, and what the model is told."""

    @tool(ToolClass.NETWORK, timeout=None)
    async def stay() -> str:
        """Take long."""
        await asyncio.sleep(1_000)
        return ""

    Registry([stay]).definitions()  # imports pydantic here, not on the loop
    script = [streams.start(), streams.call(0, "stay"), streams.stop(0), streams.end("tool_use")]
    end = [streams.start(), streams.block(0, "text", text="Done."), streams.end("end_turn")]

    async def main():
        model = ScriptedModel(script, end)
        session = session_of(model, [stay], limits=limited(seconds=30))
        turn = await session.ask("Do it.")
        assert asyncio.get_running_loop().time() == 30
        await session.ask("Go on.")
        assert model.problems == []
        return turn, results(model.bodies[1])

    return run(main())


def test_a_turn_that_ran_out_of_time_is_ended_and_its_call_is_answered():
    turn, ((call, text, is_error),) = out_of_time()

    assert (turn.stop_reason, turn.error) == ("seconds", "the limit of 30 s a turn is reached")
    assert [each.status for each in turn.calls] == ["interrupted"]
    assert (call, is_error) == ("t0", True)
    assert "nterrupted" in text


def test_a_call_that_ran_out_of_the_turns_time_was_not_interrupted_by_the_user():
    _, ((_, text, _),) = out_of_time()

    assert "user" not in text


@pytest.mark.parametrize("reason", ["tool_use", "end_turn"])
async def test_a_message_sent_meanwhile_goes_with_the_next_request(reason, tmp_path):
    script = reply(LOOK, Text("and"), Gate("before"), stop_reason=reason)
    async with talk(tmp_path, script) as it:
        turn = it.session.send("Do it.")
        await it.server.reached("before")
        other = it.session.send("Quickly.")
        it.server.open("before")
        first, second = await turn.result(), await other.result()

        assert first.text == second.text == "Done."
        assert it.server.received == 2
        content = it.bodies[1]["messages"][-1]["content"]
        assert [block["type"] for block in content] == ["tool_result", "text"]
        assert said(it.bodies[1]) == ["Quickly."]


async def test_a_message_sent_while_a_request_waits_to_be_repeated_goes_with_it(tmp_path):
    async with talk(tmp_path, HttpError(529, "overloaded_error", "busy")) as it:
        turn = it.session.send("Do it.")
        async for event in turn:
            if isinstance(event, told.Retrying):
                it.session.send("Quickly.")

        assert said(it.bodies[0]) == ["Do it."]
        assert it.server.refused == []


async def test_a_message_left_by_a_turn_that_failed_goes_with_the_next(tmp_path):
    async with talk(tmp_path, broken(by=error_event("billing_error", "no money"))) as it:
        turn = it.session.send("Do it.")
        await it.server.reached("before")
        other = it.session.send("Quickly.")
        it.server.open("before")
        assert (await turn.result()).stop_reason == (await other.result()).stop_reason == "error"
        await it.session.ask("Please.")

        assert it.bodies[1]["messages"] == [
            ASKED,
            *(
                [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "Quickly."},
                            {"type": "text", "text": "Please."},
                        ],
                    }
                ]
            ),
        ]


async def test_two_sessions_go_side_by_side_and_do_not_mix(tmp_path):
    def answer(body, number):
        del number
        last = body["messages"][-1]["content"]
        name = body["messages"][0]["content"][0]["text"]
        if last[0]["type"] == "tool_result":
            return reply(Text(f"Done {name}."))
        if last[0]["text"] == "Still there?":
            return DONE
        return reply(Call(f"toolu_{name}", "look", {"n": int(name)}), Text("and"))

    class ByBody(LoopbackModel):
        def __init__(self, _):
            super().__init__(answer)

    diary = Diary("look 1", "look 2")
    async with talk(tmp_path, server=ByBody, diary=diary) as it:
        other = await it.agent.session("other")
        turns = [it.session.send("1"), other.send("2")]
        await diary.reached("look 1")
        await diary.reached("look 2")
        diary.open("look 2")
        assert (await turns[1].result()).text == "Done 2."
        assert it.session.is_running
        diary.open("look 1")
        assert (await turns[0].result()).text == "Done 1."


async def test_a_finished_turn_does_not_interrupt_the_next(tmp_path):
    diary = Diary("look 1")
    async with talk(tmp_path, DONE, reply(LOOK), diary=diary) as it:
        first = it.session.send("Say it.")
        await first.result()
        second = it.session.send("Do it.")
        await diary.reached("look 1")
        first.interrupt()
        diary.open("look 1")

        assert (await second.result()).stop_reason == "end_turn"
