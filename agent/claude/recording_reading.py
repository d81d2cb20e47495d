"""Reading a recording's file, each line held against what may stand there."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from agent.claude.recorded_failure import Failure
from agent.claude.recording import (
    VERSION,
    Batch,
    End,
    Ending,
    Json,
    RecordedReply,
    Recording,
    RecordingError,
)


def read(path: str | os.PathLike[str]) -> Recording:
    """Read a recording from its file; blocks.

    Raises:
        RecordingError: there is none, or it is damaged.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        told = f"the recording {os.fspath(path)!r} cannot be read: {error.strerror}"
        raise RecordingError(told, file=os.fspath(path)) from error
    return parse(data, os.fspath(path))


def parse(data: bytes, name: str) -> Recording:
    """Read a recording from its bytes; `name` is what errors call it.

    Raises:
        RecordingError: it is damaged, or of a later version.
    """
    *lines, rest = data.split(b"\n")
    reader = _Reader(name)
    for line in lines:
        reader.take(line)
    notice = ""
    if rest.strip():
        if _object(rest) is None:
            notice = f"{name}: line {len(lines) + 1}, the last, is torn and was left out"
        else:
            reader.take(rest)
    return reader.recording(notice)


def _object(line: bytes) -> Json | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


class _Reader:
    """Takes one line after the other, and holds each against what may come there."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._line = 0
        self._header: Json | None = None
        self._replies: list[RecordedReply] = []
        self._request: RecordedReply | None = None
        self._batches: list[Batch] = []
        self._at = 0.0

    def __repr__(self) -> str:
        return f"<_Reader {self._name} line {self._line}>"

    def take(self, line: bytes) -> None:
        self._line += 1
        record = _object(line)
        if record is None:
            raise self._damaged(f"not a JSON object: {line[:80].decode(errors='replace')!r}")
        kind = record.get("type")
        if self._header is None:
            self._take_header(record)
            return
        self._take_time(record)
        if kind == "request":
            self._take_request(record)
        elif kind in {"events", "end", "cut", "error"}:
            self._take_reply(str(kind), record)
        else:
            raise self._damaged(
                f"'type' is {kind!r}; it is one of request, events, end, cut and error"
            )

    def recording(self, notice: str) -> Recording:
        """Give what was read; a reply that has no end was cut."""
        if self._header is None:
            self._line = 1
            raise self._damaged("it has no header; a recording begins with one")
        if self._request is not None:
            self._end(End.CUT)
        head = self._header
        return Recording(
            self._name,
            head["title"],
            head["source"],
            head.get("model", ""),
            head.get("made", ""),
            tuple(self._replies),
            head.get("files", {}),
            notice,
            head.get("pages", ""),
        )

    # -- lines ---------------------------------------------------------------------------------

    def _take_header(self, record: Json) -> None:
        if record.get("type") != "recording":
            raise self._damaged(
                f"'type' is {record.get('type')!r}; the first line's is 'recording'"
            )
        if record.get("version") != VERSION:
            raise self._damaged(
                f"'version' is {record.get('version')!r}; what can be read here is {VERSION}"
            )
        self._member(record, "title", str)
        if record.get("source") not in {"recorded", "scripted"}:
            raise self._damaged(
                f"'source' is {record.get('source')!r}; it is 'recorded' or 'scripted'"
            )
        for name in ("model", "made", "pages"):
            self._member({name: "", **record}, name, str)
        self._check_files(self._member({"files": {}, **record}, "files", dict))
        self._header = record

    def _check_files(self, files: Json) -> None:
        for path, text in files.items():
            if not isinstance(text, str) or not _is_inside(path):
                raise self._damaged(
                    f"'files' holds {path!r}; it holds texts by their paths inside of a workspace"
                )

    def _take_time(self, record: Json) -> None:
        at = self._member(record, "at", int, float)
        if not self._at <= at < math.inf:
            raise self._damaged(
                f"'at' is {at}; it is in seconds, and {self._at:g} has been reached"
            )
        self._at = float(at)

    def _take_request(self, record: Json) -> None:
        if self._request is not None:
            raise self._damaged("a request, while the reply before it has no end")
        given = self._member(record, "body", dict)
        messages = self._member({"messages": [], **given}, "messages", list)
        if not all(isinstance(each, dict) and "role" in each for each in messages):
            raise self._damaged("'messages' holds what is no message with a role")
        body = self._whole(record, {**given, "messages": messages})
        self._request = RecordedReply(self._at, body)

    def _whole(self, record: Json, given: Json) -> Json:
        """Give the whole body of a request that is written as what changed."""
        if "keeps" not in record:
            return given
        before = self._replies[-1].body if self._replies else {"messages": []}
        keeps = self._member(record, "keeps", int)
        if not 0 <= keeps <= len(before["messages"]):
            raise self._damaged(
                f"'keeps' is {keeps}; the request before has {len(before['messages'])} messages"
            )
        without = self._member({"without": [], **record}, "without", list)
        kept = {name: value for name, value in before.items() if name not in without}
        return {**kept, **given, "messages": [*before["messages"][:keeps], *given["messages"]]}

    def _take_reply(self, kind: str, record: Json) -> None:
        if self._request is None:
            raise self._damaged(f"{kind!r} without a request before it")
        if kind == "error":
            self._end(self._failure(record))
        elif kind == "events":
            events = self._member(record, "events", list)
            if not all(isinstance(event, dict) for event in events):
                raise self._damaged("'events' holds what is no JSON object")
            self._batches.append(Batch(self._since(self._request), tuple(events)))
        else:
            self._end(End(kind))

    def _failure(self, record: Json) -> Failure:
        try:
            return Failure.from_members(record)
        except ValueError as error:
            raise self._damaged(str(error)) from error

    def _end(self, ending: Ending) -> None:
        request = self._request
        if request is None:
            return
        batches, self._batches, self._request = tuple(self._batches), [], None
        seconds = self._since(request)
        self._replies.append(RecordedReply(request.at, request.body, batches, ending, seconds))

    def _since(self, request: RecordedReply) -> float:
        return round(self._at - request.at, 6)

    # -- members -------------------------------------------------------------------------------

    def _member(self, record: Json, name: str, *kinds: type) -> Any:
        value = record.get(name)
        if not isinstance(value, kinds) or isinstance(value, bool):
            wanted = " or ".join(_KINDS[kind] for kind in kinds)
            raise self._damaged(f"{name!r} is {_shown(value)}; it has to be {wanted}")
        return value

    def _damaged(self, what: str) -> RecordingError:
        told = f"the recording {self._name} is damaged in line {self._line}: {what}"
        return RecordingError(told, file=self._name, line=self._line)


_KINDS: Final[Mapping[type, str]] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


def _is_inside(path: str) -> bool:
    parts = Path(path).parts
    return bool(parts) and ".." not in parts and not Path(path).is_absolute() and "\0" not in path


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:80]
