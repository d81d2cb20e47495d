"""What the messages of a request say together: calls and results, who speaks first and last."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from agent.claude.blocks import SERVER_CALLS
from agent.claude.checking_rules import Json, Problems, Rules, blocks_of

WITH_PREFILL = re.compile(r"claude-(2|instant|3|(opus|sonnet|haiku)-4-?([015](-|$)|20))")
"""Models that go on with a reply that the client began; all later ones refuse."""

THOUGHTS = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class Merged:
    """Messages of one role in a row, as the API sees them."""

    role: str
    blocks: list[Json] = field(default_factory=list)

    def calls(self) -> list[str]:
        """Give the ids of the client tools' calls."""
        is_mine = self.role == "assistant"
        return [block["id"] for block in self.blocks if is_mine and block["type"] == "tool_use"]


def pair_problems(request: Json, rules: Rules) -> Problems:
    """Check the messages against each other; their shapes are known to be right."""
    if rules.strict_roles:
        yield from _alternation(request["messages"])
    merged = merge(request["messages"])
    yield from _speakers(merged, str(request["model"]))
    yield from _unique_ids(merged)
    for number, message in enumerate(merged):
        after = merged[number + 1] if number + 1 < len(merged) else Merged("nobody")
        yield from _unanswered(number, message, after, rules)
        yield from _unexpected(number, message, merged[number - 1] if number else None)
    yield from _server_calls(merged)
    for number, message in enumerate(merged):
        last = message.blocks[-1]["type"] if message.blocks else ""
        if message.role == "assistant" and last in THOUGHTS:
            yield f"messages.{number}: The final block in an assistant message cannot be `{last}`."


def merge(messages: list[Json]) -> list[Merged]:
    """Join the messages of one role in a row."""
    merged: list[Merged] = []
    for message in messages:
        if not merged or merged[-1].role != message["role"]:
            merged.append(Merged(message["role"]))
        merged[-1].blocks.extend(blocks_of(message["content"]))
    return merged


def _alternation(messages: list[Json]) -> Problems:
    for one, other in pairwise(messages):
        if one["role"] == other["role"]:
            yield (
                'messages: roles must alternate between "user" and "assistant", but found multiple '
                f'"{one["role"]}" roles in a row'
            )


def _speakers(merged: list[Merged], model: str) -> Problems:
    if merged[0].role == "assistant":
        yield 'messages: first message must use the "user" role'
    for number, message in enumerate(merged):
        is_last = number == len(merged) - 1 and message.role == "assistant"
        said = [block for block in message.blocks if block.get("text") != ""]
        if not said and not is_last:
            yield (
                f"messages.{number}: all messages must have non-empty content except for the "
                "optional final assistant message"
            )
    if merged[-1].role == "assistant":
        yield from _prefill(merged[-1], model)


def _prefill(last: Merged, model: str) -> Problems:
    """Check a conversation that ends with a reply: a paused one goes on, others only did once."""
    is_paused = any("server" in block["type"] or _answers(block) for block in last.blocks)
    if is_paused or (last.blocks and last.blocks[-1]["type"] == "compaction"):
        return
    if not WITH_PREFILL.search(model):
        yield (
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )
    text = str(last.blocks[-1].get("text") or "") if last.blocks else ""
    if text != text.rstrip():
        yield "messages: final assistant content cannot end with trailing whitespace"


def _unique_ids(merged: list[Merged]) -> Problems:
    seen: set[str] = set()
    for number, place, block in _blocks(merged):
        if block["type"] == "tool_use":
            if block["id"] in seen:
                yield f"messages.{number}.content.{place}: `tool_use` ids must be unique"
            seen.add(block["id"])


def _unanswered(number: int, message: Merged, after: Merged, rules: Rules) -> Problems:
    calls = message.calls()
    if not calls:
        return
    answers = [block["tool_use_id"] for block in _leading_results(after)]
    if missing := [call for call in calls if call not in answers]:
        yield (
            f"messages.{number}: `tool_use` ids were found without `tool_result` blocks "
            f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
            "corresponding `tool_result` block in the next message."
        )
    given = [call for call in answers if call in calls]
    if rules.strict_order and len(given) == len(calls) and given != calls:
        yield (
            f"messages.{number + 1}: strict_order: the `tool_result` blocks answer "
            f"{', '.join(given)}; the calls came as {', '.join(calls)}"
        )


def _leading_results(message: Merged) -> Iterator[Json]:
    """Give the results at a user message's beginning: those behind other blocks do not count."""
    if message.role == "user":
        for block in message.blocks:
            if block["type"] != "tool_result":
                return
            yield block


def _unexpected(number: int, message: Merged, before: Merged | None) -> Problems:
    calls = set(before.calls()) if before is not None else set()
    answered: set[str] = set()
    for place, block in enumerate(message.blocks):
        if block["type"] != "tool_result":
            continue
        path, call = f"messages.{number}.content.{place}", block["tool_use_id"]
        if call not in calls:
            yield (
                f"{path}: unexpected `tool_use_id` found in `tool_result` blocks: {call}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous "
                "message."
            )
        if call in answered:
            yield (
                f"{path}: each tool_use must have a single result. Found multiple `tool_result` "
                f"blocks with id: {call}"
            )
        answered.add(call)


# -- tools that the server runs ----------------------------------------------------------------


def _server_calls(merged: list[Merged]) -> Problems:
    """Check server tools: no result without its call, no call left open by a new user message.

    While client calls of the same reply wait, a server tool stays open as long as the user messages
    hold results only; so does one of the last reply.
    """
    open_calls: dict[str, Json] = {}
    called: set[str] = set()
    for number, place, block in _blocks(merged):
        if block["type"] in SERVER_CALLS:
            open_calls[str(block.get("id"))] = block
            called.add(str(block.get("id")))
        elif _answers(block):
            yield from _answered(f"messages.{number}.content.{place}", block, called)
            open_calls.pop(str(block.get("tool_use_id")), None)
        elif open_calls and merged[number].role == "user" and block["type"] != "tool_result":
            identity, call = next(iter(open_calls.items()))
            yield (
                f"messages.{number - 1}: `{call.get('name')}` tool use with id `{identity}` was "
                f"found without a corresponding `{call.get('name')}_tool_result` block"
            )


def _answered(path: str, block: Json, called: set[str]) -> Problems:
    kind, call = block["type"], block["tool_use_id"]
    if str(call) not in called:
        yield (
            f"{path}: unexpected `tool_use_id` found in `{kind}` blocks: {call}. Each `{kind}` "
            "block must have a corresponding `server_tool_use` block before it."
        )


def _answers(block: Json) -> bool:
    """Tell whether a block is a server tool's result."""
    kind = block["type"]
    return kind.endswith("_tool_result") and "tool_use_id" in block


def _blocks(merged: list[Merged]) -> Iterator[tuple[int, int, Json]]:
    for number, message in enumerate(merged):
        for place, block in enumerate(message.blocks):
            yield number, place, block
