r"""Patterns in rules, in which `*` stands for any characters and `\*` for a star: pure."""

import re
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Final

ANYTHING: Final = "*"

_MEANT: Final = re.compile(r"\\\*|[\[?]")
"""What fnmatch would take for something else."""


class Fit(IntEnum):
    """How far a rule is about a call."""

    NO = 0
    GUESS = 1
    """Nobody says what the call touches, so that it may be anything."""
    MAYBE = 2
    """What the call says of itself may be what the rule is about."""
    SURE = 3


def is_like(pattern: str, text: str) -> bool:
    """Say whether a text is what a pattern says."""
    return fnmatchcase(text, _MEANT.sub(lambda found: f"[{found[0][-1]}]", pattern))


def has_wildcard(pattern: str) -> bool:
    """Say whether a pattern stands for more than one text."""
    return "*" in pattern.replace(r"\*", "")


def literal(pattern: str) -> str | None:
    """Give the one text that a pattern stands for; None when there are more."""
    return None if has_wildcard(pattern) else pattern.replace(r"\*", "*")


def escaped(text: str) -> str:
    """Give the pattern that stands for this text only."""
    return text.replace("*", r"\*")
