"""Pydantic AI; tools that write are `sequential`, so that nothing runs beside them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from anthropic import AsyncAnthropic
from pydantic_ai import Agent, Tool
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.usage import UsageLimits

from benchmarks import loop_tools as given
from benchmarks.loop_scenarios import TOUCHES

TOOLS = [
    Tool(
        function,
        sequential=function.__name__ in TOUCHES and TOUCHES[function.__name__].writes,
    )
    for function in given.FUNCTIONS
]


class Conversation:
    """A history, and a run for each turn."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._messages: list[ModelMessage] = []

    async def turn(self, text: str) -> None:
        """Run until the model is done."""
        result = await self._agent.run(
            text,
            message_history=self._messages,
            event_stream_handler=drain,
            usage_limits=UsageLimits(request_limit=None),
        )
        self._messages = result.all_messages()


async def drain(_, events) -> None:
    """Read all events, as something that shows them would."""
    async for _ in events:
        pass


@asynccontextmanager
async def connected(url: str, _: str) -> AsyncIterator[Callable[[], Awaitable[Conversation]]]:
    """Give what begins a conversation."""
    async with AsyncAnthropic(api_key="x", base_url=url) as client:
        provider = AnthropicProvider(anthropic_client=client)
        model = AnthropicModel("claude-opus-5-5", provider=provider)
        agent = Agent(model, tools=TOOLS, model_settings={"max_tokens": 16_000})

        async def start() -> Conversation:
            return Conversation(agent)

        yield start
