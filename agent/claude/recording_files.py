"""The files of recordings as they grow; used by one thread at a time.

Conversations are told apart by what was said: a request belongs to the one whose last request it
goes on from. One that is being answered takes no other request, and one whose last request was
answered is not asked the same again: that is another conversation that begins alike. One that was
not heard of for long is forgotten, and goes on in a file of its own.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any, Final, TypeAlias

from agent.claude import recording_writing as writing
from agent.claude.recording import SUFFIX, Batch, End, Ending, RecordingError, blocks_of
from agent.claude.replay_check import DATE

Json: TypeAlias = dict[str, Any]

KEPT: Final = 200
"""Conversations that can be gone on with, in a folder."""

TITLE: Final = 60
"""Characters of what was said first, where no title was given."""


@dataclass(slots=True, eq=False)
class Conversation:
    """One conversation and its file, which is open while a request is being answered."""

    path: Path
    file: FileIO
    began: float
    """By the clock of the event loop."""
    body: Json
    """Of its last request."""
    is_answered: bool = False
    """Whether that was answered to its end."""

    @property
    def is_open(self) -> bool:
        """Whether it is being answered."""
        return not self.file.closed


@dataclass(slots=True)
class Take:
    """One request, from its begin to its end."""

    conversation: Conversation | None = None
    """None until it has begun, and for ever when it could not."""
    at: float = 0.0
    """Seconds since the conversation's first request."""


class RecordingFiles:
    """A file, or a folder of files."""

    def __init__(self, path: Path, title: str) -> None:
        self._path = path
        self._title = title
        self._is_file = path.suffix == SUFFIX
        self._conversations: list[Conversation] = []
        self.paths: list[Path] = []

    def __repr__(self) -> str:
        return f"<RecordingFiles {self._path}, {len(self._conversations)} conversations>"

    def begin(self, take: Take, raw: bytes, now: float) -> None:
        """Write a request, to its conversation's file or to a new one.

        Raises:
            RecordingError: the file cannot be written, or is another conversation's.
        """
        body = writing.cleaned(json.loads(raw))
        known = self._find(body)
        try:
            conversation = self._create(body, now) if known is None else _reopened(known)
            at = now - conversation.began
            before = known.body if known is not None else None
            _begin(conversation.file, writing.request(at, body, before))
        except OSError as error:
            raise RecordingError(
                f"the recording {self._path} cannot be written: {error.strerror}",
                file=str(self._path),
            ) from error
        conversation.body = body
        conversation.is_answered = False
        if known is None:
            self._forget()
            self._conversations.append(conversation)
        take.conversation, take.at = conversation, at

    def write(self, take: Take, batches: Sequence[Batch]) -> None:
        """Write what came."""
        if take.conversation is not None:
            lines = [writing.events(take.at + batch.at, batch.events) for batch in batches]
            _write(take.conversation.file, b"".join(lines))

    def end(self, take: Take, batches: Sequence[Batch], at: float, how: Ending) -> None:
        """Write what came last, and how it ended."""
        if take.conversation is None:
            return
        take.conversation.is_answered = how is End.WHOLE
        with take.conversation.file as file:
            self.write(take, batches)
            _write(file, writing.ending(take.at + at, how))

    def close(self) -> None:
        """Let go of the files."""
        for each in self._conversations:
            each.file.close()

    # -- inside --------------------------------------------------------------------------------

    def _find(self, body: Json) -> Conversation | None:
        """Find the conversation that a request belongs to; None when it begins one.

        Raises:
            RecordingError: it begins one, and there is room for one only.
        """
        fitting = [each for each in self._conversations if _goes_on(each, body)]
        if fitting:
            found = max(fitting, key=lambda each: len(each.body["messages"]))
            self._conversations.remove(found)  # the list is in the order of their last requests
            self._conversations.append(found)
            return found
        if self._is_file and self._conversations:
            return self._only(body)
        return None

    def _only(self, body: Json) -> Conversation:
        """Give the one conversation of a file, if what was said before was only shortened."""
        (only,) = self._conversations
        if not only.is_open and only.body["messages"][:1] == body["messages"][:1]:
            return only
        raise RecordingError(
            f"{self._path} holds one conversation, and another request came "
            f"{'while it was being answered' if only.is_open else 'that begins otherwise'}: give "
            "RecordingModel a folder, in which each conversation gets a file of its own",
            file=str(self._path),
        )

    def _create(self, body: Json, now: float) -> Conversation:
        file = self._open()
        title = self._title or _first_words(body)
        _begin(file, writing.header(title, "recorded", str(body.get("model", ""))))
        return Conversation(self.paths[-1], file, now, body)

    def _forget(self) -> None:
        """Make room for one more, if there are many."""
        idle = [each for each in self._conversations if not each.is_open]
        for each in idle[: max(0, len(self._conversations) - KEPT + 1)]:
            self._conversations.remove(each)

    def _open(self) -> FileIO:
        if self._is_file:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return self._made(self._path)
        self._path.mkdir(parents=True, exist_ok=True)
        stamp = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        number = 1
        while True:
            try:
                return self._made(self._path / f"{stamp}-{number}{SUFFIX}")
            except FileExistsError:
                number += 1

    def _made(self, path: Path) -> FileIO:
        file = FileIO(path, "xb", opener=_private)
        self.paths.append(path)
        return file


def _reopened(conversation: Conversation) -> Conversation:
    """Open the file of a conversation that goes on."""
    conversation.file = FileIO(str(conversation.path), "ab", opener=_existing)
    return conversation


def _existing(path: str, flags: int) -> int:
    return os.open(path, flags & ~os.O_CREAT | os.O_NOFOLLOW)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _begin(file: FileIO, line: bytes) -> None:
    """Write a line before which nothing more can be written; a file that takes it not is closed."""
    try:
        _write(file, line)
    except OSError:
        file.close()
        raise


def _write(file: FileIO, data: bytes) -> None:
    """Write whole lines or nothing."""
    start = file.seek(0, os.SEEK_END)
    view = memoryview(data)
    try:
        while view:
            view = view[file.write(view) :]
    except OSError:
        with suppress(OSError):
            file.truncate(start)
        raise


def _goes_on(known: Conversation, body: Json) -> bool:
    said = known.body["messages"]
    is_more = len(body["messages"]) > len(said)
    is_prefix = body["messages"][: len(said)] == said
    return not known.is_open and is_prefix and (is_more or not known.is_answered)


def _first_words(body: Json) -> str:
    """Give the beginning of what was said first."""
    blocks = [block for each in body["messages"][:1] for block in blocks_of(each.get("content"))]
    texts = (str(block.get("text", "")) for block in blocks)
    text = " ".join(text for text in texts if not DATE.fullmatch(text))
    return " ".join(text.split())[:TITLE]
