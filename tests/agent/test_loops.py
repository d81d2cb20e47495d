"""Recorded loops, played back: our requests against those that were recorded."""

import json
from http import HTTPStatus

import pytest

from agent import Agent, Limits, RetryLimits
from agent.claude.checking import Rules
from agent.errors import ApiError
from tests.agent.claude import streams
from tests.agent.claude.test_corpus import CORPUS, events
from tests.agent.scripted import ScriptedModel
from tools import Effect, Tool, ToolOutput

OTHER_SHAPE = {
    "loop-022-pydantic-ai": "the recorder put messages of another provider in between",
    "loop-037-pydantic-ai": "the recorder put messages of another provider in between",
    "loop-084-pydantic-ai": "the recorder put messages of another provider in between",
    "loop-017-fantasy": "the recorder left out a text that the model had written",
    "loop-079-fantasy": "the recorder left out a text that the model had written",
    "loop-040-chatlas": "the recorder put a result's image into blocks of its own behind it",
}
"""Loops whose later requests are not those of a loop like ours; played for their validity."""

END = [
    streams.start(),
    streams.block(0, "text", text="Done."),
    streams.stop(0),
    streams.end("end_turn"),
]


def exchange(name):
    return json.loads((CORPUS / "exchanges" / f"{name}.json").read_text())


def loops():
    files = sorted((CORPUS / "loops").glob("*.json"))
    return [json.loads(file.read_text()) for file in files]


def exchanges_with_calls():
    names = sorted(file.stem for file in (CORPUS / "exchanges").glob("*.json"))
    return [name for name in names if exchange(name)["n_tool_use"]]


def answer(response):
    """Give what the model does with a request: events, or the error that was recorded."""
    if response["status"] == HTTPStatus.OK:
        return list(events(response))
    error = json.loads(response["body"])["error"]
    return ApiError(error["message"], status=response["status"], type=error["type"])


class RecordedTool(Tool[..., object]):
    """Answers with what the recorded tool answered, looked up by the call's input."""

    def __init__(self, definition, results):
        async def recorded():
            """Answer as recorded."""

        super().__init__(recorded)
        self.name = definition["name"]
        self.recorded = {k: v for k, v in definition.items() if k != "cache_control"}
        self.results = results
        self.effect = Effect.NONE

    def definition(self):
        return self.recorded

    def parse(self, given):
        return given

    async def run(self, arguments, context):  # noqa: ARG002  (the signature is the tool's)
        queue = self.results.get((self.name, json.dumps(arguments, sort_keys=True)))
        return queue.pop(0) if queue else "ok"


def blocks_of(message):
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def newest(messages):
    """Give what the request added behind the last assistant message."""
    added = []
    for message in reversed(messages):
        if message["role"] == "assistant":
            break
        added = blocks_of(message) + added
    return added


def recorded_results(exchanges):
    """Give the results by tool and input, in the order in which they came."""
    calls, results, seen = {}, {}, set()
    for each in exchanges:
        for message in (each["request"] or {}).get("body", {}).get("messages", ()):
            for block in blocks_of(message):
                if block["type"] == "tool_use" and block["id"] not in seen:
                    seen.add(block["id"])
                    calls[block["id"]] = (
                        block["name"],
                        json.dumps(block["input"], sort_keys=True),
                    )
                elif block["type"] == "tool_result" and block["tool_use_id"] in calls:
                    key = calls.pop(block["tool_use_id"])
                    results.setdefault(key, []).append(output(block))
    return results


def output(result):
    content = result.get("content") or ""
    texts = [content] if isinstance(content, str) else [as_text(block) for block in content]
    return ToolOutput(tuple(texts), is_error=bool(result.get("is_error")))


def as_text(block):
    return block["text"] if block["type"] == "text" else json.dumps(block)


def shape(messages):
    """Give what has to be the same: roles, calls, and which results answer them how."""
    found = []
    for message in messages:
        for block in blocks_of(message):
            match block["type"]:
                case "tool_use":
                    found.append(("call", block["id"], block["name"], block["input"]))
                case "tool_result":
                    is_error = bool(block.get("is_error"))
                    found.append(("result", block["tool_use_id"], is_error))
                case "text" if message["role"] == "user":
                    found.append(("user", block["text"].strip()))
                case "text" if block["text"].strip():
                    found.append(("said", block["text"].strip()))
    return found


async def play(names, tmp_path, after=()):
    exchanges = [exchange(name) for name in names]
    bodies = [(each["request"] or {}).get("body", {}) for each in exchanges]
    offered = bodies[0].get("tools") or []
    served = [tool for tool in offered if tool.get("type", "custom") in served_by(tool)]
    callable_ = {block["name"] for each in exchanges for block in called(each)}
    known = {tool["name"]: tool for tool in offered if tool not in served and "name" in tool}
    definitions = {name: known.get(name) or minimal(name) for name in [*known, *callable_]}
    results = recorded_results(exchanges)
    model = ScriptedModel(
        *(answer(each["response"]) for each in exchanges),
        *after,
        rules=Rules(version="2023-06-01", betas=frozenset({"any"})),
    )
    async with Agent(
        builtin_tools=False,
        model=model,
        workspace=tmp_path,
        data_dir=tmp_path / "data",
        tools=[RecordedTool(each, results) for each in definitions.values()],
        server_tools=served,
        tells_date=False,
        limits=Limits(retry=RetryLimits(first=0.0)),
    ) as agent:
        session = await agent.session("replayed")
        turns = []
        for number, body in enumerate(bodies):
            if len(model.raw) > number:  # a turn has asked for it already
                continue
            said = [b for b in newest(body.get("messages", ())) if b["type"] != "tool_result"]
            turns.append(await session.ask(stripped(said) or "Go on."))
        if after and len(model.raw) == len(names):
            turns.append(await session.ask("And now?"))
        return exchanges, model, turns


def served_by(tool):
    kinds = ("web_search", "web_fetch", "code_execution", "tool_search", "mcp_toolset")
    return {tool["type"]} if str(tool.get("type", "")).startswith(kinds) else set()


def minimal(name):
    return {"name": name, "description": "", "input_schema": {"type": "object"}}


def stripped(blocks):
    return [{k: v for k, v in block.items() if k != "cache_control"} for block in blocks]


def called(each):
    return [
        event["content_block"]
        for event in events(each["response"])
        if event.get("type") == "content_block_start"
        and event["content_block"].get("type") == "tool_use"
    ] + [
        block
        for event in events(each["response"])
        if event.get("type") == "message_start"
        for block in event["message"].get("content") or ()
        if block.get("type") == "tool_use"
    ]


@pytest.mark.parametrize("loop", loops(), ids=lambda loop: loop["id"])
async def test_a_recorded_loop_gives_the_requests_that_were_recorded(loop, tmp_path):
    exchanges, model, turns = await play(loop["exchange_ids"], tmp_path)

    assert model.problems == []
    assert len(model.raw) == len(exchanges), "every recorded reply was asked for"
    assert [turn.error for turn in turns] == [""] * len(turns)
    if loop["id"] in OTHER_SHAPE:
        return
    for recorded, ours in zip(exchanges, model.bodies, strict=True):
        if recorded["request"]:
            assert shape(ours["messages"]) == shape(recorded["request"]["body"]["messages"])


@pytest.mark.parametrize("name", exchanges_with_calls())
async def test_the_calls_of_a_recorded_reply_are_answered_in_their_order(name, tmp_path):
    (recorded,), model, turns = await play([name], tmp_path, after=[END] * 3)

    assert model.problems == []
    calls = [block["id"] for block in called(recorded)]
    answers = [each.get("tool_use_id") for each in newest(model.bodies[1]["messages"])]
    assert answers[: len(calls)] == calls
    assert {turn.error for turn in turns} == {""}
