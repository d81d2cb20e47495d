"""The server of the loops' benchmark, in a process of its own: `python -m benchmarks.loop_server`.

It prints its address, and for each line that it reads, what it was asked since the last one: for
each request the conversation, when it arrived, and when each block and the end were sent, by the
machine's monotonic clock. So what its timers are late is not counted against a contestant.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, Pause, Step, Text, reply
from benchmarks.loop_scenarios import SCENARIOS, WARM_UP, Planned, Scenario

Json: TypeAlias = dict[str, Any]

MARKED = (b"event: content_block_start", b"event: message_delta")


class Timed(Sequence[bytes | Step]):
    """A script that notes when its blocks begin and when it ends."""

    def __init__(self, parts: list[bytes | Step], marks: list[float]) -> None:
        self._parts = parts
        self._marks = marks

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, place):
        return self._parts[place]

    def __iter__(self) -> Iterator[bytes | Step]:
        for part in self._parts:
            if isinstance(part, bytes) and part.startswith(MARKED):
                self._marks.append(time.monotonic())
            yield part


class Answering:
    """Makes the replies, and keeps what is to be told of the requests."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._last = _last_reply(scenario)
        self.asked: list[Json] = []
        self.server: LoopbackModel | None = None

    def __call__(self, body: Json, _: int) -> Timed:
        """Answer a request: with calls, unless it brings results."""
        messages = body["messages"]
        marks: list[float] = []
        told = {"name": _text(messages[0]), "arrived": time.monotonic(), "marks": marks}
        if self.server is not None:
            told["arrived"] = self.server.requests[-1].arrived
            del self.server.requests[:-1]
        self.asked.append(told)
        return Timed(self._parts(messages), marks)

    def _parts(self, messages: list[Json]) -> list[bytes | Step]:
        if _text(messages[-1]) == WARM_UP:
            return _calls(Scenario((Planned("read_file", path="warm.py"),)), len(messages))
        has_results = _text(messages[-1]) == ""
        if has_results or not self._scenario.calls:
            return self._last
        return _calls(self._scenario, len(messages))

    def report(self) -> str:
        """Tell what was asked since the last time."""
        asked, self.asked = self.asked, []
        return json.dumps(asked)


def _text(message: Json) -> str:
    """Give the last text of a message; none where it holds results."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "" if content[-1]["type"] == "tool_result" else str(content[-1]["text"])


def _calls(scenario: Scenario, number: int) -> list[bytes | Step]:
    gap = Pause(scenario.gap) if scenario.gap else None
    calls = [
        Call(
            f"toolu_{number}_{place}",
            call.tool,
            call.input(place),
            pieces=scenario.input_pieces,
            between=gap,
        )
        for place, call in enumerate(scenario.calls)
    ]
    lead = [Pause(scenario.lead)] if scenario.lead else []
    return reply(Text("Let me look at that."), *lead, *calls)


def _last_reply(scenario: Scenario) -> list[bytes | Step]:
    seconds = scenario.last or scenario.text_gap
    text = "Done so. " * (scenario.text_pieces // 2)
    gap = Pause(seconds) if seconds else None
    return reply(Text(text, pieces=scenario.text_pieces, between=gap))


async def main(name: str) -> None:
    """Serve until the input ends."""
    answering = Answering(SCENARIOS[name])
    gc.disable()
    async with LoopbackModel(answering, check=False) as server:
        answering.server = server
        print(server.url, flush=True)
        while await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
            print(answering.report(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
