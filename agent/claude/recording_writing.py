"""The lines of a recording's file: see `recording` for their form."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from agent.claude.recorded_failure import Failure
from agent.claude.recording import VERSION, Batch, Ending, Recording, Source, blocks_of
from agent.claude.sse import Event
from agent.claude.wire import encode

Json: TypeAlias = dict[str, Any]

DIGITS: Final = 4
"""Of a second: tenths of a millisecond."""

CREDENTIALS: Final = frozenset({"authorization_token"})
"""Members of `mcp_servers` that are left out."""


def header(
    title: str,
    source: Source,
    model: str,
    *,
    made: str | None = None,
    files: Mapping[str, str] | None = None,
    pages: str = "",
) -> bytes:
    """Write the first line; it was made today unless told otherwise."""
    day = datetime.now().astimezone().date().isoformat() if made is None else made
    head: Json = {"type": "recording", "version": VERSION, "title": title, "source": source}
    head |= {"model": model, "made": day}
    head |= {"pages": pages} if pages else {}
    return _line(head | ({"files": dict(files)} if files else {}))


def request(at: float, body: Json, before: Json | None) -> bytes:
    """Write a request, as what changed since the one before it; both without secrets."""
    if before is None:
        return _line({"type": "request", "at": _seconds(at), "body": body})
    keeps = _same(before["messages"], body["messages"])
    changed = {name: value for name, value in body.items() if before.get(name) != value}
    changed["messages"] = body["messages"][keeps:]
    record: Json = {"type": "request", "at": _seconds(at), "keeps": keeps, "body": changed}
    gone = [name for name in before if name not in body]
    return _line(record | ({"without": gone} if gone else {}))


def events(at: float, batch: Sequence[Event]) -> bytes:
    """Write what came in one piece."""
    return _line({"type": "events", "at": _seconds(at), "events": list(batch)})


def ending(at: float, how: Ending) -> bytes:
    """Write how a reply ended."""
    if isinstance(how, Failure):
        return _line({"type": "error", "at": _seconds(at), **how.members()})
    return _line({"type": how.value, "at": _seconds(at)})


def whole(recording: Recording) -> bytes:
    """Write all of a recording."""
    lines = [
        header(
            recording.title,
            recording.source,
            recording.model,
            made=recording.made,
            files=recording.files,
            pages=recording.pages,
        )
    ]
    before: Json | None = None
    for reply in recording.replies:
        lines.append(request(reply.at, reply.body, before))
        lines += [_events(reply.at, batch) for batch in reply.batches]
        lines.append(ending(reply.at + reply.seconds, reply.ending))
        before = reply.body
    return b"".join(lines)


def cleaned(body: Json) -> Json:
    """Give a request's body without cache markers in its messages, and without credentials."""
    servers = body.get("mcp_servers")
    clean = {**body, "messages": [_unmarked(each) for each in body.get("messages") or ()]}
    if isinstance(servers, list):
        clean["mcp_servers"] = [_without(each, CREDENTIALS) for each in servers]
    return clean


def _events(since: float, batch: Batch) -> bytes:
    return events(since + batch.at, batch.events)


def _unmarked(message: Json) -> Json:
    """Give a message without markers, which move from request to request."""
    if isinstance(message.get("content"), str):
        return message
    return {**message, "content": [_bare(block) for block in blocks_of(message.get("content"))]}


def _bare(block: Json) -> Json:
    bare: Json = _without(block, {"cache_control"})
    if isinstance(bare.get("content"), list):
        bare["content"] = [_without(part, {"cache_control"}) for part in bare["content"]]
    return bare


def _without(value: Any, names: frozenset[str] | set[str]) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: member for name, member in value.items() if name not in names}


def _same(before: Sequence[Json], now: Sequence[Json]) -> int:
    """Give how many messages from the first on are the same."""
    count = 0
    for known, message in zip(before, now, strict=False):
        if known != message:
            break
        count += 1
    return count


def _seconds(at: float) -> float:
    return round(at, DIGITS)


def _line(record: Json) -> bytes:
    return encode(record) + b"\n"
