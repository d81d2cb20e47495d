"""How much of a reply can go back, when not all of it can: pure.

A prefix is answerable when every server tool in it has its result, it does not end in thinking, and
its last call is one that the model had moved on from.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from agent.claude.blocks import SERVER_CALLS

Json: TypeAlias = dict[str, Any]

THINKING = frozenset({"thinking", "redacted_thinking"})

WITHOUT_EFFECT = frozenset(
    {"web_search", "web_fetch", "tool_search_tool_bm25", "tool_search_tool_regex"}
)
"""Server tools that change nothing; any other may have."""


def answerable(blocks: Sequence[Json], *, last_call_is_sure: bool) -> int:
    """Give how many of the blocks can be kept."""
    kept = len(blocks)
    if kept and blocks[-1].get("type") == "tool_use" and not last_call_is_sure:
        kept -= 1
    while (flaw := _first_flaw(blocks[:kept])) < kept:
        kept = flaw
    return kept


def waits_for_server(blocks: Sequence[Json]) -> bool:
    """Say whether a server tool has not answered: the server has to go on with the reply."""
    return _first_open_call(blocks) < len(blocks)


def has_server_effect(blocks: Sequence[Json]) -> bool:
    """Say whether a server tool that is not known to be harmless was called."""
    return any(
        block.get("type") in SERVER_CALLS and block.get("name") not in WITHOUT_EFFECT
        for block in blocks
    )


def _first_flaw(blocks: Sequence[Json]) -> int:
    """Give where the blocks stop being what can be answered; their number when nowhere."""
    shown = [place for place, block in enumerate(blocks) if not _is_blank(block)]
    if shown and blocks[shown[-1]].get("type") in THINKING:
        return shown[-1]
    return _first_open_call(blocks)


def _first_open_call(blocks: Sequence[Json]) -> int:
    answered = {block["tool_use_id"] for block in blocks if "tool_use_id" in block}
    for place, block in enumerate(blocks):
        if block.get("type") in SERVER_CALLS and block.get("id") not in answered:
            return place
    return len(blocks)


def _is_blank(block: Json) -> bool:
    """Say whether a block is a text that cannot go back, since there is nothing in it."""
    return block.get("type") == "text" and not str(block.get("text") or "").strip()
