"""The floor: bytes and JSON, no SDK, no journal, no check; calls start after the reply."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import httpx2

from benchmarks import loop_tools as given

Json: TypeAlias = dict[str, Any]

FUNCTIONS: dict[str, Any] = {function.__name__: function for function in given.FUNCTIONS}
HEADERS = {
    "authorization": "Bearer x",
    "anthropic-version": "2026-10-21",
    "content-type": "application/json",
}
FRAGMENT = {"text_delta": "text", "input_json_delta": "partial_json"}


class Conversation:
    """A list of messages."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self._messages: list[Json] = []

    async def turn(self, text: str) -> None:
        """Go on until a reply has no calls."""
        self._messages.append({"role": "user", "content": text})
        while True:
            content = await self._reply()
            self._messages.append({"role": "assistant", "content": content})
            calls = [block for block in content if block["type"] == "tool_use"]
            if not calls:
                return
            tasks = [asyncio.create_task(answer(call)) for call in calls]
            self._messages.append({"role": "user", "content": [await task for task in tasks]})

    async def _reply(self) -> list[Json]:
        body = {
            "model": "claude-opus-5-5",
            "max_tokens": 16_000,
            "messages": self._messages,
            "tools": given.definitions(),
            "stream": True,
        }
        blocks: list[Json] = []
        fragments: list[list[str]] = []
        sent = self._client.stream("POST", "/v1/messages", content=json.dumps(body))
        async with sent as response:
            rest = b""
            async for piece in response.aiter_bytes():
                *frames, rest = (rest + piece).split(b"\n\n")
                for frame in frames:
                    event = json.loads(frame[frame.index(b"data:") + 5 :])
                    if event["type"] == "content_block_start":
                        blocks.append(event["content_block"])
                        fragments.append([])
                    elif event["type"] == "content_block_delta":
                        delta = event["delta"]
                        fragments[-1].append(delta[FRAGMENT[delta["type"]]])
        for block, parts in zip(blocks, fragments, strict=True):
            if block["type"] == "tool_use":
                block["input"] = json.loads("".join(parts))
            else:
                block["text"] = "".join(parts)
        return blocks


async def answer(call: Json) -> Json:
    """Run a call; give its result."""
    text = await FUNCTIONS[call["name"]](**call["input"])
    return {"type": "tool_result", "tool_use_id": call["id"], "content": text}


@asynccontextmanager
async def connected(url: str, _: str) -> AsyncIterator[Callable[[], Awaitable[Conversation]]]:
    """Give what begins a conversation."""
    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)
    async with httpx2.AsyncClient(
        base_url=url, headers=HEADERS, timeout=600, limits=limits
    ) as client:

        async def start() -> Conversation:
            return Conversation(client)

        yield start
