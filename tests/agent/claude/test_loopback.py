"""The loopback server, read by the SDK's own client and by bare sockets."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from agent.claude.loopback import LoopbackModel
from agent.claude.loopback_models import Limits
from agent.claude.script import (
    Call,
    Close,
    Gate,
    HttpError,
    Pause,
    Ping,
    Raw,
    Reset,
    Stall,
    Text,
    Thinking,
    Whole,
    error_event,
    reply,
    split,
)
from agent.claude.sse import EventDecoder

ASKED = {"role": "user", "content": "go"}
HEADERS = {"anthropic-version": "2026-10-21"}


@asynccontextmanager
async def sdk(server, key="x"):
    import anthropic  # noqa: PLC0415  (it takes most of a second, and few tests need it)

    async with anthropic.AsyncAnthropic(base_url=server.url, api_key=key, max_retries=0) as client:
        yield client


def asked(*messages, **more):
    said = list(messages) or [ASKED]
    return {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": said, **more}


@asynccontextmanager
async def connected(server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def send(writer, body, *, method="POST", path="/v1/messages", headers=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: x", f"content-length: {len(raw)}"]
    lines += [
        f"{name}: {value}" for name, value in (HEADERS if headers is None else headers).items()
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode() + raw)
    await writer.drain()


async def head(reader):
    """Read a response's head; give its status and headers."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines)


async def answer(reader):
    """Read a response that is JSON; give its status and the JSON."""
    status, headers = await head(reader)
    return status, json.loads(await reader.readexactly(int(headers["content-length"])))


async def chunk(reader):
    """Read one chunk of a streamed response; an empty one is the end."""
    size = int(await reader.readline(), 16)
    data = await reader.readexactly(size)
    await reader.readline()
    return data


async def kinds(reader):
    """Read a streamed response; give the types of its events."""
    decoder, found = EventDecoder(), []
    while data := await chunk(reader):
        found += [event["type"] for event in decoder.feed(data)]
    return found


# -- the SDK's client --------------------------------------------------------------------------


async def test_the_sdk_reads_a_streamed_reply():
    script = reply(
        Thinking("hm, so", "c2ln", pieces=2),
        Ping(),
        Text("Let me look. ☃", pieces=3),
        Call("toolu_1", "read", {"path": "ä.py"}, pieces=4),
        usage={"output_tokens": 7},
    )
    async with (
        LoopbackModel([script]) as server,
        sdk(server) as client,
        client.messages.stream(**asked()) as stream,
    ):
        message = await stream.get_final_message()
    assert [block.to_dict() for block in message.content] == [
        {"type": "thinking", "thinking": "hm, so", "signature": "c2ln"},
        {"type": "text", "text": "Let me look. ☃"},
        {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "ä.py"}},
    ]
    assert (message.stop_reason, message.usage.output_tokens) == ("tool_use", 7)


async def test_the_sdk_reads_a_reply_that_is_not_streamed():
    script = reply(Text("one", pieces=2), Text("two"))
    async with LoopbackModel([script]) as server, sdk(server) as client:
        message = await client.messages.create(**asked())
    assert [block.text for block in message.content] == ["one", "two"]
    assert (message.stop_reason, message.model) == ("end_turn", "claude-loopback")


async def test_the_sdk_sees_errors_with_their_type_and_headers():
    import anthropic  # noqa: PLC0415  (as above)

    script = HttpError(529, "overloaded_error", "Overloaded", {"retry-after": "3"}, True)
    async with LoopbackModel([script]) as server, sdk(server) as client:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(**asked())
        with pytest.raises(anthropic.InternalServerError, match="request 2 has none left"):
            await client.messages.create(**asked())
    error = caught.value
    assert (error.status_code, error.type) == (529, "overloaded_error")
    assert error.response.headers["retry-after"] == "3"
    assert error.response.headers["x-should-retry"] == "true"
    assert error.request_id.startswith("req_")


async def test_the_sdk_sees_a_reset_and_an_error_within_the_stream():
    import anthropic  # noqa: PLC0415  (as above)
    import httpx2  # noqa: PLC0415  (as above)

    cut = reply(Text("abc", pieces=3, between=Reset()))
    failing = reply(Text("abc"), error_event("overloaded_error", "Overloaded"), stop_reason=None)
    async with LoopbackModel([cut, failing]) as server, sdk(server) as client:
        with pytest.raises(httpx2.TransportError):
            await read_all(client)
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            await read_all(client)


async def read_all(client):
    async with client.messages.stream(**asked()) as stream:
        return await stream.get_final_message()


async def test_the_sdk_asks_for_models_and_counts():
    models = {"claude-a": Limits(1000, 100)}
    async with LoopbackModel([], models=models) as server, sdk(server) as client:
        page = await client.models.list()
        assert [(model.id, model.max_input_tokens) for model in page.data] == [("claude-a", 1000)]
        assert (await client.models.retrieve("claude-a")).max_tokens == 100
        counted = await client.messages.count_tokens(model="claude-a", messages=[ASKED])
        assert counted.input_tokens > 0
    assert [other.path for other in server.others] == [
        "/v1/models",
        "/v1/models/claude-a",
        "/v1/messages/count_tokens",
    ]
    assert server.requests == []


# -- what is checked and recorded --------------------------------------------------------------


async def test_a_bad_request_is_refused_and_uses_no_reply_up():
    async with LoopbackModel([reply(Text("yes"))]) as server, connected(server) as (reader, writer):
        await send(writer, asked(foo=1))
        status, error = await answer(reader)
        told = {"type": "invalid_request_error", "message": error["error"]["message"]}
        assert (status, error["type"], error["error"]) == (400, "error", told)
        assert error["request_id"].startswith("req_")
        await send(writer, b"{")
        assert (await answer(reader))[0] == 400
        await send(writer, asked(), headers={})
        assert (await answer(reader))[0] == 400
        await send(writer, asked())
        assert (await answer(reader))[1]["content"] == [{"type": "text", "text": "yes"}]
    assert server.refused[0] == "foo: Extra inputs are not permitted"
    assert server.refused[1].startswith("The request body is not valid JSON: ")
    assert server.refused[2] == "anthropic-version: header is required"


async def test_the_check_is_of_the_version_and_betas_that_the_request_names():
    back = {"role": "assistant", "content": [{"type": "fallback"}, {"type": "text", "text": "a"}]}
    given = asked(ASKED, back, ASKED, model="claude-haiku-4-5", temperature=0)
    named = {"anthropic-version": "2023-06-01", "anthropic-beta": "x, server-side-fallback-2026"}
    async with LoopbackModel([reply(Text("yes"))]) as server, connected(server) as (reader, writer):
        await send(writer, given, headers=named)
        assert (await answer(reader))[0] == 200


async def test_what_was_sent_has_to_come_back_as_it_was():
    async with (
        LoopbackModel(lambda _, __: reply(Thinking("hm", "sig"), Text("yes"))) as server,
        connected(server) as (reader, writer),
    ):
        await send(writer, asked())
        content = (await answer(reader))[1]["content"]
        back = {"role": "assistant", "content": content}
        await send(writer, asked(ASKED, back, ASKED))
        assert (await answer(reader))[0] == 200
        await send(writer, asked(ASKED, back, ASKED, system="Be brief."))
        assert (await answer(reader))[0] == 400
    assert "bound to a different conversation" in server.refused[0]


async def test_without_the_check_all_goes_through():
    async with (
        LoopbackModel([reply(Text("yes"))], check=False) as server,
        connected(server) as (reader, writer),
    ):
        await send(writer, {"foo": 1}, headers={})
        assert (await answer(reader))[0] == 200
    assert server.requests[0].cache is None


async def test_requests_are_recorded_with_connection_time_and_cache():
    mark = {"cache_control": {"type": "ephemeral"}}
    async with LoopbackModel([reply(Text("a"))] * 3) as server:
        before = asyncio.get_running_loop().time()
        async with connected(server) as (reader, writer):
            for _ in range(2):
                await send(writer, asked(**mark), headers=HEADERS | {"X-Mine": "1"})
                await answer(reader)
        async with connected(server) as (reader, writer):
            await send(writer, asked(**mark), path="/v1/messages?beta=true")
            await answer(reader)
        await server.settled()
    assert [request.connection for request in server.requests] == [0, 0, 1]
    assert [request.number for request in server.requests] == [0, 1, 2]
    assert [request.cache.cached_blocks for request in server.requests] == [0, 1, 1]
    assert all(request.arrived >= before for request in server.requests)
    assert all(request.is_answered for request in server.requests)
    assert server.requests[0].body == json.loads(server.requests[0].raw) == asked(**mark)
    assert server.requests[0].headers["x-mine"] == "1"
    assert server.connections == 2


async def test_a_wrong_key_is_not_let_in():
    async with (
        LoopbackModel([reply(Text("a"))] * 2, require_key="right") as server,
        connected(server) as (reader, writer),
    ):
        for given, status in (
            ({}, 401),
            ({"x-api-key": "wrong"}, 401),
            ({"x-api-key": "right"}, 200),
            ({"authorization": "Bearer right"}, 200),
        ):
            await send(writer, asked(), headers=HEADERS | given)
            assert (await answer(reader))[0] == status


async def test_a_look_at_the_root_is_answered_401_and_keeps_the_connection():
    async with LoopbackModel([reply(Text("a"))]) as server, connected(server) as (reader, writer):
        await send(writer, b"", method="HEAD", path="/")
        assert (await head(reader))[0] == 401
        await send(writer, asked())
        assert (await answer(reader))[0] == 200
    assert server.connections == 1


async def test_responses_carry_their_id_and_the_rate_limits():
    async with LoopbackModel([reply(Text("a"))]) as server, connected(server) as (reader, writer):
        await send(writer, asked(stream=True))
        status, headers = await head(reader)
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert headers["request-id"].startswith("req_")
    assert headers["anthropic-ratelimit-requests-remaining"] == "3999000"


async def test_what_is_not_known_is_not_found():
    async with LoopbackModel([]) as server, connected(server) as (reader, writer):
        for path in ("/v1/models/claude-0", "/v1/other"):
            await send(writer, b"", method="GET", path=path)
            assert (await answer(reader))[0] == 404


# -- steps -------------------------------------------------------------------------------------


async def test_a_gate_holds_its_own_response_until_it_is_opened():
    scripts = [reply(Text("ab", pieces=2, between=Gate("middle"))), reply(Text("c"))]
    async with LoopbackModel(scripts) as server, connected(server) as (reader, writer):
        await send(writer, asked(stream=True))
        await server.reached("middle")
        await head(reader)
        seen = [json.loads((await chunk(reader)).partition(b"data: ")[2]) for _ in range(3)]
        assert seen[-1]["delta"] == {"type": "text_delta", "text": "a"}
        async with connected(server) as (other_reader, other_writer):
            await send(other_writer, asked())
            assert (await answer(other_reader))[0] == 200
        assert not server.requests[0].is_answered
        server.open("middle")
        assert (await kinds(reader))[-1] == "message_stop"
        await server.settled()
        assert server.requests[0].is_answered


async def test_a_gate_holds_a_reply_that_is_not_streamed_too():
    async with (
        LoopbackModel([reply(Gate("early"), Text("a"))]) as server,
        connected(server) as (reader, writer),
    ):
        await send(writer, asked())
        await server.reached("early")
        server.open("early")
        assert (await answer(reader))[0] == 200


async def test_a_pause_waits_by_the_loops_clock(monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    async with (
        LoopbackModel([reply(Pause(3600), Text("a"))]) as server,
        connected(server) as (reader, writer),
    ):
        with monkeypatch.context() as patch:
            patch.setattr("agent.claude.loopback.asyncio.sleep", sleep)
            await send(writer, asked(stream=True))
            await head(reader)
            assert (await kinds(reader))[-1] == "message_stop"
    assert slept == [3600]


async def test_a_close_ends_the_stream_cleanly_and_keeps_the_connection():
    scripts = [reply(Text("ab", pieces=2, between=Close())), reply(Text("c"))]
    async with LoopbackModel(scripts) as server, connected(server) as (reader, writer):
        await send(writer, asked(stream=True))
        await head(reader)
        assert await kinds(reader) == [
            "message_start",
            "content_block_start",
            "content_block_delta",
        ]
        await send(writer, asked())
        assert (await answer(reader))[0] == 200


async def test_a_reset_comes_behind_what_was_written():
    async with LoopbackModel([reply(Text("a"), Reset())]) as server:
        async with connected(server) as (reader, writer):
            await send(writer, asked(stream=True))
            await head(reader)
            for _ in range(4):
                await chunk(reader)
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
        await server.settled()
    assert not server.requests[0].is_answered


@pytest.mark.parametrize("step", [Stall(), Gate("never"), Pause(3600)], ids=repr)
async def test_a_client_that_goes_away_ends_its_response(step):
    async with LoopbackModel([reply(Text("a"), step)]) as server:
        async with connected(server) as (reader, writer):
            await send(writer, asked(stream=True))
            await head(reader)
        await server.settled()
        assert not server.requests[0].is_answered


async def test_a_client_that_does_not_read_holds_up_no_other():
    scripts = [reply(Text("x" * 10_000_000)), reply(Text("a"))]
    async with LoopbackModel(scripts) as server, connected(server) as (_, writer):
        await send(writer, asked(stream=True))
        async with connected(server) as (reader, other):
            await send(other, asked())
            assert (await answer(reader))[0] == 200


async def test_the_server_ends_whatever_is_still_being_answered():
    async with LoopbackModel([reply(Text("a"), Stall())]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await send(writer, asked(stream=True))
        await head(reader)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(10_000)
    writer.close()


async def test_an_error_in_the_replies_function_ends_the_block():
    def replies(body, number):
        raise ZeroDivisionError(body["model"], number)

    async def ask():
        async with LoopbackModel(replies) as server, connected(server) as (reader, writer):
            await send(writer, asked())
            await reader.read()
            await asyncio.get_running_loop().create_future()

    with pytest.raises(ExceptionGroup) as caught:
        await ask()
    assert caught.value.exceptions[0].args == ("claude-sonnet-5-5", 0)


async def test_what_is_not_http_is_cut_off():
    async with LoopbackModel([]) as server, connected(server) as (reader, writer):
        writer.write(b"hello\r\n\r\n")
        assert await reader.read() == b""


async def test_bytes_that_are_no_event_are_sent_as_they_are():
    script = reply(
        Raw(b"data: {\n\n"), Raw([{"type": "content_block_start", "index": "x"}]), Text("a")
    )
    async with LoopbackModel([script]) as server, connected(server) as (reader, writer):
        await send(writer, asked(stream=True))
        await head(reader)
        assert [await chunk(reader) for _ in script] == script
        assert await chunk(reader) == b""


# -- scripts -----------------------------------------------------------------------------------


def events(script):
    return EventDecoder().feed(b"".join(script))


def test_a_call_whose_input_is_no_json_is_sent_as_it_stands():
    deltas = [
        event["delta"] for event in events(reply(Call("a", "read", '{"p'))) if "delta" in event
    ]
    assert deltas[:2] == [
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "input_json_delta", "partial_json": '{"p'},
    ]


def test_any_block_and_any_bytes_can_be_sent():
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "a"}}
    script = reply(Whole(search), Whole({"type": "new", "x": 1}), Raw(b"data: {}\n\n"))
    assert [event.get("type") for event in events(script)] == [
        "message_start",
        *["content_block_start", "content_block_delta", "content_block_delta"],
        *["content_block_stop", "content_block_start", "content_block_stop"],
        *[None, "message_delta", "message_stop"],
    ]


def test_a_text_is_cut_into_pieces_of_one_size():
    assert split("abcdefg", 3) == ["ab", "cd", "efg"]
    assert split("ab", 5) == ["a", "b"]
    assert split("", 3) == [""]
