"""A content block as it grows, delta by delta, until it is what has to go back as it came.

Text and tool input are joined once, when the block stops: joining at every delta costs the square
of the length.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

Json: TypeAlias = dict[str, Any]

CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
"""Block types whose input comes as fragments of JSON."""

SERVER_CALLS = frozenset({"server_tool_use", "mcp_tool_use"})
"""Calls that the server runs; a block with their id as `tool_use_id` answers them."""


@dataclass(slots=True)
class Block:
    """One block: what it started as, and the fragments since."""

    index: int
    start: Json
    fragments: dict[str, list[str]] = field(default_factory=dict)
    is_stopped: bool = False
    has_moved_on: bool = False
    """Whether the model started another block after this one had stopped."""
    unknown: list[Json] = field(default_factory=list)
    """Deltas of a type that is not known here."""
    _parsed: Json | None = None
    _is_parsed: bool = False

    @property
    def type(self) -> str:
        """Its type, known here or not."""
        return str(self.start.get("type"))

    def add(self, delta: Json) -> str:
        """Take a delta in; give the text that a person would see of it, said or thought."""
        take = DELTAS.get(str(delta.get("type")))
        if take is None:
            self.unknown.append(delta)
            return ""
        return take(self, delta)

    def raw_input(self) -> str | None:
        """Give a call's input as it came, or None when it came whole with the block's start."""
        joined = "".join(self.fragments.get("input", ()))
        return joined or None

    def content(self) -> Json:
        """Give the block as it goes back; a call's input that is no JSON object stays as it was."""
        block = dict(self.start)
        for name in ("text", "thinking"):
            if name in self.fragments:
                block[name] = "".join([str(block.get(name) or ""), *self.fragments[name]])
        if self.type in CALLS and (raw := self.raw_input()) is not None:
            parsed = self.parsed_input()
            block["input"] = raw if parsed is None else parsed
        return block

    def parsed_input(self) -> Json | None:
        """Give a stopped call's input, or None when it is no JSON object that can be sent back."""
        if not self._is_parsed:
            raw = self.raw_input()
            given = self.start.get("input") if raw is None else parse_input(raw)
            self._parsed = given if isinstance(given, dict) else None
            self._is_parsed = self.is_stopped
        return self._parsed


def parse_input(raw: str) -> Json | None:
    """Parse a call's input strictly; None when it is not a JSON object that can be sent back.

    NaN and infinities are not JSON, and half a surrogate pair cannot be encoded.
    """
    try:
        value = _STRICT.decode(raw)
        if "\\ud" in raw.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse(digits)


_STRICT = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def _text(block: Block, delta: Json) -> str:
    text = str(delta.get("text") or "")
    block.fragments.setdefault("text", []).append(text)
    return text


def _thinking(block: Block, delta: Json) -> str:
    text = str(delta.get("thinking") or "")
    block.fragments.setdefault("thinking", []).append(text)
    return text


def _signature(block: Block, delta: Json) -> str:
    block.start = {**block.start, "signature": delta.get("signature")}
    return ""


def _citation(block: Block, delta: Json) -> str:
    cited = [*(block.start.get("citations") or ()), delta.get("citation")]
    block.start = {**block.start, "citations": cited}
    return ""


def _input(block: Block, delta: Json) -> str:
    block.fragments.setdefault("input", []).append(str(delta.get("partial_json") or ""))
    return ""


def _compaction(block: Block, delta: Json) -> str:
    given = {name: value for name, value in delta.items() if name != "type"}
    block.start = {**block.start, **given}
    return ""


DELTAS: dict[str, Callable[[Block, Json], str]] = {
    "text_delta": _text,
    "thinking_delta": _thinking,
    "signature_delta": _signature,
    "citations_delta": _citation,
    "input_json_delta": _input,
    "compaction_delta": _compaction,
}
