"""What the server remembers of its own replies, and of the prompts that it was asked to cache.

A hash for each beginning of a request (`checking_rows`) says where a reply belongs, what its
thinking is bound to, and what a breakpoint has written.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.claude.blocks import Json
from agent.claude.checking_pairs import THOUGHTS
from agent.claude.checking_rows import Item, Row, encoded, head_items, message_items, row
from agent.claude.checking_rules import Problems, Rules, as_object, is_marked
from agent.claude.reply import Reply

LOOKBACK = 20
"""How many places a breakpoint looks at for what was written before, its own counted."""

WITHOUT_BINDING = re.compile(r"claude-(2|instant|3|(opus|sonnet|haiku)-[34]|\w+-5(-20|$)|mythos-p)")
"""Models whose thinking may stand behind another prompt; all later ones refuse."""

WHOLE = frozenset({"tool_use", "end_turn", "stop_sequence", "pause_turn"})
"""Stop reasons of a reply that comes back with all its blocks or not at all."""

BOUND = (
    "Invalid `signature` in `thinking` block. The block is bound to a different conversation. "
    "Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "
    '"drop_block".'
)
CHANGED = (
    "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. "
    "These blocks must remain as they were in the original response."
)


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What the prompt cache did for a request, in blocks (tools and system blocks count too)."""

    cached_blocks: int
    """At the request's beginning, read from what an earlier request wrote."""
    written_blocks: int
    """Behind those, up to the last breakpoint."""
    blocks: int
    """All blocks of the request."""


@dataclass(slots=True)
class Answer:
    """A reply to one request, as far as it was sent."""

    binding: tuple[bytes, bytes]
    """The hashes of tools with system, and of the messages."""
    reply: Reply = field(default_factory=Reply)


class Memory:
    """Replies by the messages that they answered, and what was cached."""

    def __init__(self) -> None:
        self._answers: dict[bytes, list[Answer]] = {}
        self._recent: list[Answer] = []
        # Where a thought was given, by its signature; filled from the answers when asked.
        self._bindings: dict[str, set[tuple[bytes, bytes]]] = {}
        self._cached: set[bytes] = set()

    def __repr__(self) -> str:
        answers = sum(map(len, self._answers.values()))
        return f"<Memory {answers} replies, {len(self._cached)} cached prefixes>"

    def answer(self, request: Json) -> Reply:
        """Remember a reply to this request; it is fed while it is sent."""
        messages = row(message_items(request))
        answer = Answer((row(head_items(request)).hashes[-1], messages.hashes[-1]))
        self._answers.setdefault(messages.hashes[-1], []).append(answer)
        self._recent.append(answer)
        return answer.reply

    def problems(self, request: Json, rules: Rules) -> Problems:
        """Compare what came back with what was sent."""
        self._learn_bindings()
        messages = row(message_items(request))
        for place, known in enumerate(messages.hashes):
            if known in self._answers:
                answers, run = self._answers[known], messages.run(place)
                ids = _call_ids(item.block for item in messages.items[:place])
                yield from _differences(answers, run, ids if rules.strict_blocks else None)
        if not (_drops_mismatches(request) or WITHOUT_BINDING.match(request["model"])):
            yield from self._unbound(row(head_items(request)).hashes[-1], messages)

    def cache(self, request: Json) -> CacheUse:
        """Read and write the cache as the request's breakpoints say."""
        seed = str(request.get("model")).encode()
        whole = row([*head_items(request), *message_items(request)], seed)
        ends = _breakpoints(request, whole)
        read = max((self._lookback(whole, end) for end in ends), default=0)
        self._cached.update(whole.hashes[end] for end in ends)
        written = max(0, max(ends, default=0) - read)
        return CacheUse(read, written, len(whole.items))

    def _lookback(self, whole: Row, end: int) -> int:
        for place in range(end, max(0, end - LOOKBACK), -1):
            if whole.hashes[place] in self._cached:
                return place
        return 0

    def _learn_bindings(self) -> None:
        for answer in self._recent:
            for block in answer.reply.content():
                if key := _key(block):
                    self._bindings.setdefault(key, set()).add(answer.binding)
        self._recent = [answer for answer in self._recent if not answer.reply.is_ended]

    def _unbound(self, head: bytes, messages: Row) -> Problems:
        """Find thoughts that were given behind something else than what stands before them."""
        start = 0
        for place, item in enumerate(messages.items):
            if item.role != "assistant":
                start = place + 1
            places = self._bindings.get(_key(item.block))
            here = {(head, known) for known in messages.hashes[start : place + 1]}
            if places is not None and not places & here:
                yield f"{item.path}: {BOUND}"


def _differences(answers: list[Answer], run: list[Item], ids: set[str] | None) -> Problems:
    """Give what is wrong when a run of the assistant's blocks is none of the replies sent here.

    `ids` are those of the calls before; without them only thoughts are compared.
    """
    if not run:
        return  # the reply was dropped
    found = [next(_difference(answer.reply, run, ids), None) for answer in answers]
    if None not in found:
        yield str(found[-1])


def _changed_thoughts(reply: Reply, run: list[Item]) -> Problems:
    sent = reply.content()
    for item in run[: len(sent)]:
        if item.block["type"] in THOUGHTS and item.block not in sent:
            yield f"{item.path}: {CHANGED}"


def _difference(reply: Reply, run: list[Item], ids: set[str] | None) -> Problems:
    if ids is None:
        yield from _changed_thoughts(reply, run)
        return
    sent = [block for block in reply.content() if not _is_empty_text(block)]
    for number, (item, block) in enumerate(zip(run, sent, strict=False)):
        taken = ids | _call_ids(sent[:number])
        if not _is_same(block, item.block, taken):
            is_thought = block["type"] in THOUGHTS
            yield f"{item.path}: {CHANGED if is_thought else _unlike(block, item.block)}"
    is_whole = reply.is_ended and reply.stop_reason in WHOLE
    if len(run) < len(sent) and is_whole:
        yield f"{run[-1].path}: {len(sent)} blocks were sent, {len(run)} came back"


def _call_ids(blocks: Iterable[Json]) -> set[str]:
    return {str(block.get("id")) for block in blocks if block.get("type") == "tool_use"}


def _unlike(sent: Json, came: Json) -> str:
    return f"this block came back changed: {encoded(sent)!r} was sent, {encoded(came)!r} came"


def _is_same(sent: Json, came: Json, taken: set[str]) -> bool:
    """Compare by value; fields that are null may be left out.

    A call that cannot go back as it was sent may come back as another: its input is no object, or
    its id is empty or was there before.
    """
    if sent.get("type") == "tool_use":
        can_return = isinstance(sent.get("input"), dict) and sent.get("id")
        if not can_return or sent["id"] in taken:
            return came.get("type") == "tool_use"
    return _without_nulls(sent) == _without_nulls(came)


def _without_nulls(block: Json) -> Json:
    return {name: value for name, value in block.items() if value is not None}


def _is_empty_text(block: Json) -> bool:
    return block["type"] == "text" and not block.get("text")


def _key(block: Json) -> str:
    """Give what a thought is known by, or nothing."""
    if block.get("type") not in THOUGHTS:
        return ""
    return str(block.get("signature") or block.get("data") or "")


def _drops_mismatches(request: Json) -> bool:
    binding = as_object(as_object(request.get("thinking")).get("block_binding"))
    return bool(binding.get("prefix_mismatch_behavior") == "drop_block")


def _breakpoints(request: Json, whole: Row) -> list[int]:
    """Give how many items each breakpoint covers; that of the request is behind its last block."""
    ends = [place + 1 for place, item in enumerate(whole.items) if item.is_marked]
    return [*ends, len(whole.items)] if is_marked(request) else ends
