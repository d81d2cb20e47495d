"""What a session needs before it can go on after a cut: pure, decided from its history.

Loading runs nothing and answers nothing; this is asked when the session goes on. The rules:

- a reply that did not come to its end is cut to its last answerable prefix when something of it
  happened (a call was started or answered), and dropped otherwise;
- a prefix is answerable when no server tool in it waits for its result, it does not end in
  thinking, and its last call is one that the model had moved on from;
- a call without a result is answered by what the journal knows of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from agent.claude.blocks import SERVER_CALLS
from agent.session.entries import Answer, ReplyEnd
from agent.session.history import THINKING, ReplyState

Json: TypeAlias = dict[str, Any]

NOT_EXECUTED = "Not executed: the run was interrupted before this call started."
INTERRUPTED = "Interrupted, not executed: the run ended before this call gave a result."
UNKNOWN = (
    "Interrupted: outcome unknown. It had started, and may or may not have taken effect. "
    "Check before you repeat it."
)

WITHOUT_EFFECT = frozenset({"web_search", "web_fetch", "tool_search_tool_bm25", "tool_search_tool"})
"""Server tools that change nothing; any other may have."""


def answerable(blocks: Sequence[Json], *, last_call_is_sure: bool) -> int:
    """Give how many of the blocks a cut reply can keep."""
    kept = len(blocks)
    if kept and blocks[-1].get("type") == "tool_use" and not last_call_is_sure:
        kept -= 1
    while (flaw := _first_flaw(blocks[:kept])) < kept:
        kept = flaw
    return kept


def _first_flaw(blocks: Sequence[Json]) -> int:
    """Give where the blocks stop being what can be answered; their number when nowhere."""
    if blocks and blocks[-1].get("type") in THINKING:
        return len(blocks) - 1
    answered = {block["tool_use_id"] for block in blocks if "tool_use_id" in block}
    for place, block in enumerate(blocks):
        if block.get("type") in SERVER_CALLS and block.get("id") not in answered:
            return place
    return len(blocks)


def has_server_effect(blocks: Sequence[Json]) -> bool:
    """Say whether a server tool that is not known to be harmless was called."""
    return any(
        block.get("type") in SERVER_CALLS and block.get("name") not in WITHOUT_EFFECT
        for block in blocks
    )


def close(reply: ReplyState, why: str) -> ReplyEnd:
    """Give the entry that ends a reply which a crash cut off."""
    blocks = reply.content()
    touched = reply.intents | reply.results.keys()
    if not touched and not has_server_effect(blocks):
        return ReplyEnd(reply.number, 0, why=why)
    is_sure = len(blocks) - 1 in touched
    return ReplyEnd(reply.number, answerable(blocks, last_call_is_sure=is_sure), why=why)


@dataclass(frozen=True, slots=True)
class LooseCall:
    """A kept call without a result."""

    block: int
    call: Json
    text: str
    """What the model is told when it is not run."""
    is_unknown: bool
    """Whether it may have taken effect."""


def loose_calls(reply: ReplyState, effects: Mapping[str, str]) -> list[LooseCall]:
    """Give the kept calls of a reply that have no result, in request order.

    `effects` tells what the tools of today do, by name; a tool that is gone may have had any.
    """
    return [_loose(reply, place, effects) for place in reply.unanswered()]


def _loose(reply: ReplyState, place: int, effects: Mapping[str, str]) -> LooseCall:
    call = reply.blocks[place]
    has_effect = effects.get(str(call.get("name")), "effectful") != "none"
    is_unknown = place in reply.intents or (reply.has_lost_entries and has_effect)
    text = UNKNOWN if is_unknown else NOT_EXECUTED if has_effect else INTERRUPTED
    return LooseCall(place, call, text, is_unknown)


def made_up(loose: Sequence[LooseCall]) -> list[Answer]:
    """Give the answers that a request carries for these calls, when none of them is run."""
    return [Answer(each.block, each.text) for each in loose]
