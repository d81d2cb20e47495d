"""A request as one row of items: tools, system, blocks, each without `cache_control`.

Key order counts in the hashes: what we send again is the same bytes, and a prompt that is put
together anew has to show. How the messages are cut does not count.
"""

import hashlib
import json
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from agent.claude.checking_rules import Json, blocks_of, is_marked


@dataclass(frozen=True, slots=True)
class Item:
    """One block of a request and where it stands."""

    path: str
    role: str
    block: Json
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A request's items and the hashes of its beginnings: `hashes[n]` is that of n items."""

    items: list[Item]
    hashes: list[bytes]

    def run(self, start: int) -> list[Item]:
        """Give the assistant's items from a place on."""
        return list(takewhile(lambda item: item.role == "assistant", self.items[start:]))


def row(items: list[Item], seed: bytes = b"") -> Row:
    """Hash every beginning of these items."""
    hashes = [hashlib.blake2b(seed, digest_size=16).digest()]
    for item in items:
        text = hashes[-1] + item.role.encode() + encoded(item.block).encode()
        hashes.append(hashlib.blake2b(text, digest_size=16).digest())
    return Row(items, hashes)


def encoded(block: Json) -> str:
    """Write a block as it counts: key order too."""
    return json.dumps(block, separators=(",", ":"))


def head_items(request: Json) -> list[Item]:
    """Give what stands before the messages: tools, then system."""
    return [
        _item(f"{name}.{number}", name, block)
        for name in ("tools", "system")
        for number, block in enumerate(blocks_of(request.get(name)))
    ]


def message_items(request: Json) -> list[Item]:
    """Give the blocks of all messages."""
    return [
        _item(f"messages.{number}.content.{place}", message["role"], block)
        for number, message in enumerate(request["messages"])
        for place, block in enumerate(blocks_of(message["content"]))
    ]


def _item(path: str, role: str, block: Json) -> Item:
    bare = _bare(block)
    marked = is_marked(block)
    if isinstance(bare.get("content"), list):
        marked = marked or any(map(is_marked, bare["content"]))
        bare["content"] = [_bare(part) for part in bare["content"]]
    return Item(path, role, bare, marked)


def _bare(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    return {name: value for name, value in block.items() if name != "cache_control"}
