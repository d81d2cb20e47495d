"""What Tab completes in the chat: commands at the start of a line, and files of the workspace."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document

MOST = 200
"""Completions that are offered."""


class ChatCompleter(Completer):
    """Completes `/commands`, and words that look like a path or begin with `@`."""

    def __init__(self, commands: Mapping[str, str], workspace: Path) -> None:
        self._commands = commands
        self._workspace = workspace

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Give what the word before the cursor can become."""
        text = document.text_before_cursor
        if text.startswith("/") and " " not in text:
            for name, told in self._commands.items():
                if name.startswith(text):
                    yield Completion(name, -len(text), display_meta=told)
            return
        word = document.get_word_before_cursor(WORD=True)
        is_wanted = complete_event.completion_requested or word.startswith("@") or "/" in word
        if is_wanted:
            bare = word.removeprefix("@")
            for path in paths(self._workspace, bare):
                yield Completion(path, -len(bare))


def in_thread(commands: Mapping[str, str], workspace: Path) -> Completer:
    """Give the completer, which looks at folders in a thread."""
    return ThreadedCompleter(ChatCompleter(commands, workspace))


def paths(workspace: Path, begun: str) -> list[str]:
    """Give the paths in the workspace that begin so, folders with a slash at their end."""
    folder, _, name = begun.rpartition("/")
    if begun.startswith("/") or ".." in folder.split("/"):
        return []
    try:
        with os.scandir(workspace / folder) as found:
            entries = sorted(
                (each.name + "/" * each.is_dir() for each in found if each.name.startswith(name)),
            )
    except OSError:
        return []
    shown = [each for each in entries if name.startswith(".") or not each.startswith(".")]
    return [f"{folder}/{each}" if folder else each for each in shown[:MOST]]
