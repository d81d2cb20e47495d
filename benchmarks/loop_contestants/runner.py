"""The SDK's tool runner, which runs one call after the other; here after the reply."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from anthropic import AsyncAnthropic, beta_async_tool
from anthropic.types.beta import BetaMessageParam

from benchmarks import loop_tools as given

TOOLS = [beta_async_tool(function) for function in given.FUNCTIONS]


class Conversation:
    """A list of messages, and a runner for each turn."""

    def __init__(self, client: AsyncAnthropic, *, eagerly: bool) -> None:
        self._client = client
        self._eagerly = eagerly
        self._messages: list[BetaMessageParam] = []

    async def turn(self, text: str) -> None:
        """Let the runner go on until it is done."""
        self._messages.append({"role": "user", "content": text})
        runner = self._client.beta.messages.tool_runner(
            model="claude-opus-5-5",
            max_tokens=16_000,
            messages=list(self._messages),
            tools=TOOLS,
            stream=True,
            run_tools_eagerly=self._eagerly,
            thread=False,  # the server keeps none
        )
        async for stream in runner:
            async for _ in stream:
                pass
            message = await stream.get_final_message()
            self._messages.append({"role": "assistant", "content": message.content})
            results = await runner.generate_tool_call_response()
            if results is not None:
                self._messages.append(results)


@asynccontextmanager
async def connected(
    url: str, _: str, *, eagerly: bool = False
) -> AsyncIterator[Callable[[], Awaitable[Conversation]]]:
    """Give what begins a conversation."""
    async with AsyncAnthropic(api_key="x", base_url=url) as client:

        async def start() -> Conversation:
            return Conversation(client, eagerly=eagerly)

        yield start
