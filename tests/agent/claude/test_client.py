"""The client, through the SDK's real transport, against a server on this machine."""

import json
import os
import re
from contextlib import asynccontextmanager

import pytest

from agent.claude.client import ClientSettings, shared
from agent.claude.loopback import LoopbackModel
from agent.claude.loopback_models import Limits
from agent.claude.profile import CLAUDE, COMPATIBLE, profile_of
from agent.claude.script import Pause, Stall, Text, reply
from agent.errors import ConfigurationError, ConnectionFailedError, StreamBrokenError

BODY = json.dumps(
    {
        "model": "claude-sonnet-5-5",
        "max_tokens": 10,
        "stream": True,
        "messages": [{"role": "user", "content": "hi"}],
    }
).encode()


def settings(server, **more):
    return ClientSettings(server.url, **{"api_key": "key", "profile": CLAUDE, **more})


@asynccontextmanager
async def connected(*replies, **more):
    async with LoopbackModel(replies) as server, shared(settings(server, **more)) as client:
        yield server, client


async def read(client, betas=()):
    async with client.stream(BODY, betas) as incoming:
        return [event["type"] async for batch in incoming.events for event in batch]


async def test_all_who_ask_for_the_same_share_one_client_until_the_last_has_left():
    one = ClientSettings("http://127.0.0.1:9", "key")
    async with shared(one) as first, shared(one) as second:
        async with shared(ClientSettings("http://127.0.0.1:9", "another")) as other:
            assert first is second
            assert other is not first
        assert repr(first) == "<ClaudeClient http://127.0.0.1:9 not built, 2 users>"
    async with shared(one) as later:
        assert later is not first


async def test_warming_up_needs_no_key_and_its_connection_serves_the_first_requests():
    async with connected(reply(Text("a")), reply(Text("b"))) as (server, client):
        await client.warm_up()
        assert [each.method for each in server.others] == ["HEAD"]
        events = [await read(client), await read(client)]

    assert [each[-1] for each in events] == ["message_stop"] * 2
    assert server.connections == 1


async def test_warming_up_without_a_server_fails_silently_and_the_request_says_why():
    async with LoopbackModel([]) as server:
        gone = settings(server)
    async with shared(gone) as client:
        await client.warm_up()
        with pytest.raises(ConnectionFailedError, match="the server could not be reached"):
            await read(client)


async def test_the_ready_bytes_are_sent_as_they_are_with_the_credentials_of_the_sdk():
    async with connected(reply(Text("a")), api_key="secret") as (server, client):
        await read(client)

    (request,) = server.requests
    assert request.raw == BODY
    assert request.headers["authorization"] == "Bearer secret"
    assert "anthropic-beta" not in request.headers


async def test_a_beta_is_named_in_the_header():
    names = ("one-2026", "two-2026")
    async with connected(reply(Text("a"))) as (server, client):
        await read(client, betas=names)

    assert server.requests[0].headers["anthropic-beta"] == "one-2026,two-2026"


async def test_the_server_tells_a_models_limits():
    models = {"claude-sonnet-5-5": Limits(1_000_000, 128_000)}
    async with LoopbackModel([], models=models) as server, shared(settings(server)) as client:
        told = await client.limits("claude-sonnet-5-5")

    assert (told["max_input_tokens"], told["max_tokens"]) == (1_000_000, 128_000)


async def test_a_compatible_server_needs_no_key(monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    async with connected(reply(Text("a")), api_key=None, profile=COMPATIBLE) as (_, client):
        assert (await read(client))[-1] == "message_stop"


async def test_without_a_key_the_claude_api_is_not_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "XDG_"))]:
        monkeypatch.delenv(name)
    async with connected(api_key=None) as (server, client):
        with pytest.raises(ConfigurationError, match="Set ANTHROPIC_API_KEY, or give api_key="):
            await read(client)
        with pytest.raises(ConfigurationError, match="Set ANTHROPIC_API_KEY, or give api_key="):
            await client.limits("claude-sonnet-5-5")

    assert server.requests == server.others == []


async def test_a_server_that_never_answers_is_given_up():
    async with connected([Stall()], first_byte=0.05) as (_, client):
        await client.warm_up()
        with pytest.raises((ConnectionFailedError, StreamBrokenError), match=re.escape("0.05 s")):
            await read(client)


async def test_a_server_that_falls_silent_is_given_up():
    silent = [*reply(Text("a"), stop_reason=None), Stall()]
    async with connected(silent, silence=0.05) as (_, client):
        await client.warm_up()
        with pytest.raises(StreamBrokenError, match=re.escape("silent for 0.05 s")):
            await read(client)


async def test_leaving_in_the_middle_of_a_reply_ends_it_at_once():
    endless = [*reply(Text("a"), stop_reason=None), *[Pause(0.01)] * 1000]
    async with connected(endless, reply(Text("b"))) as (server, client):
        async with client.stream(BODY) as incoming:
            assert await anext(incoming.events)
        await server.settled()
        assert (await read(client))[-1] == "message_stop"


@pytest.mark.parametrize(
    ("url", "profile"),
    [
        (None, CLAUDE),
        ("https://api.anthropic.com/", CLAUDE),
        ("http://localhost:11434", COMPATIBLE),
        ("https://api.anthropic.com.example.org", COMPATIBLE),
        ("https://notanthropic.com", COMPATIBLE),
    ],
)
def test_the_profile_is_told_by_the_host(url, profile):
    assert profile_of(url) is profile
