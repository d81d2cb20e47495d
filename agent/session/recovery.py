"""What a session needs before it can go on after a cut: pure, decided from its history.

Loading runs nothing and answers nothing; this is asked when the session goes on. The rules:

- a reply that did not come to its end is cut to its last answerable prefix when something of it
  happened (a call was started, answered or asked about), and dropped otherwise;
- a call without a result is answered by what the journal knows of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from agent.session.entries import Answer, Message, ReplyEnd, Result
from agent.session.history import ReplyState
from agent.session.prefix import answerable, has_server_effect, waits_for_server

Json: TypeAlias = dict[str, Any]

SHOWN = 500
"""Characters of a result that is told outside of its call."""

NOT_EXECUTED = "Not executed: the run was interrupted before this call started."
INTERRUPTED = "Interrupted, not executed: the run ended before this call gave a result."
UNKNOWN = (
    "Interrupted: outcome unknown. It had started, and may or may not have taken effect. "
    "Check before you repeat it."
)


def close(reply: ReplyState, why: str) -> ReplyEnd:
    """Give the entry that ends a reply which a crash cut off."""
    blocks = reply.content()
    touched = reply.intents | reply.results.keys() | reply.questions.keys()
    if not touched and not has_server_effect(blocks):
        return ReplyEnd(reply.number, 0, why=why)
    is_sure = len(blocks) - 1 in touched
    return ReplyEnd(reply.number, answerable(blocks, last_call_is_sure=is_sure), why=why)


def cut_off(reply: ReplyState) -> list[ReplyEnd | Message]:
    """Give the entries after which a message can follow a reply that waits for the server.

    What it had asked for beyond the cut is gone from the conversation; what of it was done is told.
    """
    if reply.end is None or not waits_for_server(reply.kept()):
        return []
    kept = answerable(reply.kept(), last_call_is_sure=True)
    end = replace(reply.end, kept=kept, usage={}, why="a message follows instead of its rest")
    done = [reply.results[place] for place in sorted(reply.intents) if place >= kept]
    if not done:
        return [end]
    told = "\n".join(f"- {reply.blocks[each.block].get('name')}: {_text(each)}" for each in done)
    text = f"The reply before was cut off. These calls of it had been made:\n{told}"
    return [end, Message([{"type": "text", "text": text}], by="runtime")]


def _text(result: Result) -> str:
    texts = (str(block.get("text") or "") for block in result.content)
    return " ".join(texts)[:SHOWN]


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
