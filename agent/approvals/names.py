"""What in a call's input may be a path, for tools that do not say what they touch."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from agent.approvals.commands import command_in, words
from scheduler import Resource
from tools.file_resources import file_resources

MOST: Final = 300
"""Texts that are looked at; with more, any path may be among them."""

MOST_CHARACTERS: Final = 20_000
"""In all of them, since each part of a path is looked up."""

_LONGEST: Final = 4_096
"""Characters of the longest path that systems take."""

_JOINTS: Final = re.compile("[=:,]")
"""What stands before a path in a word."""


def named(call_input: Mapping[str, Any], workspace: Path) -> list[frozenset[Resource]] | None:
    """Give the resources of each text that may be a path; None when they are too many."""
    found = [*dict.fromkeys(_texts(call_input))]
    if len(found) > MOST or sum(map(len, found)) > MOST_CHARACTERS:
        return None
    folder = call_input.get("folder")
    base = f"{folder}/" if isinstance(folder, str) and folder else ""
    return [
        file_resources(workspace, text if text.startswith("/") else f"{base}{text}")
        for text in found
    ]


def _texts(call_input: Mapping[str, Any]) -> Iterator[str]:
    every = (*_written(call_input), *_in_command(command_in(call_input) or ""))
    return (text for text in every if 0 < len(text) <= _LONGEST and "\0" not in text)


def _written(call_input: Mapping[str, Any]) -> Iterator[str]:
    for member, value in call_input.items():
        if member not in {"command", "folder"}:
            listed = value if isinstance(value, list) else [value]
            yield from (each for each in listed if isinstance(each, str))
        elif member == "folder" and isinstance(value, str):
            yield "."


def _in_command(command: str) -> Iterator[str]:
    for word in words(command) or ():
        yield word
        yield from _JOINTS.split(word)
        if word.startswith("-"):
            yield word[2:]
