"""The loop that one writes with the SDK: `messages.stream`, then all calls at the same time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from anthropic import AsyncAnthropic
from anthropic.types import MessageParam, ToolResultBlockParam, ToolUseBlock

from benchmarks import loop_tools as given

TOOLS: Any = given.definitions()
FUNCTIONS: dict[str, Any] = {function.__name__: function for function in given.FUNCTIONS}


class Conversation:
    """A list of messages."""

    def __init__(self, client: AsyncAnthropic) -> None:
        self._client = client
        self._messages: list[MessageParam] = []

    async def turn(self, text: str) -> None:
        """Go on until a reply has no calls."""
        self._messages.append({"role": "user", "content": text})
        while True:
            async with self._client.messages.stream(
                model="claude-opus-5-5", max_tokens=16_000, messages=self._messages, tools=TOOLS
            ) as stream:
                async for _ in stream:
                    pass
                message = await stream.get_final_message()
            self._messages.append({"role": "assistant", "content": message.content})
            calls = [block for block in message.content if block.type == "tool_use"]
            if not calls:
                return
            results = await asyncio.gather(*map(answer, calls))
            self._messages.append({"role": "user", "content": results})


async def answer(call: ToolUseBlock) -> ToolResultBlockParam:
    """Run a call; give its result."""
    text = await FUNCTIONS[call.name](**call.input)
    return {"type": "tool_result", "tool_use_id": call.id, "content": text}


@asynccontextmanager
async def connected(url: str, _: str) -> AsyncIterator[Callable[[], Awaitable[Conversation]]]:
    """Give what begins a conversation."""
    async with AsyncAnthropic(api_key="x", base_url=url) as client:

        async def start() -> Conversation:
            return Conversation(client)

        yield start
