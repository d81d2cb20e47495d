"""A server on this machine that speaks the Claude Messages API, with scripted replies.

For tests, demonstrations and benchmarks: the client's whole way down to the socket is the real one.
The rules that this file keeps:

- each request is checked as the API would (`checking`), and refused with its 400;
- a refused request uses no reply up; when the replies run out, a clear error 500 comes;
- a frame is one write, and a step between frames holds up its own response only;
- when the client goes away, what it had asked for ends at once, and quietly; an exception in a
  `replies` function ends the `async with` block that the server belongs to.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeAlias

from agent.claude.blocks import Json
from agent.claude.checking import MAX_BYTES, Checker, Rules, parsed
from agent.claude.loopback_connection import Connection, Received
from agent.claude.loopback_models import MODELS, Limits, described
from agent.claude.reply import Reply
from agent.claude.script import Close, Gate, HttpError, Pause, Reset, Script, Stall, Step
from agent.claude.sse import EventDecoder

Replies: TypeAlias = Sequence[Script] | Callable[[Json, int], Script]
"""Scripts in the order in which they are played, or what makes one of a request and its number."""


class LoopbackModel:
    """The server; `async with` starts and ends it, on the loop that runs there.

    Args:
        replies: what is answered to requests for a message.
        check: whether requests are checked, and the cache counted.
        rules: how strict the check is; version and betas are taken from each request.
        require_key: the only key that is let in; any is when this is None.
        models: what the list of models tells.
        port: where it listens on 127.0.0.1; 0 is any free one.
    """

    def __init__(
        self,
        replies: Replies,
        *,
        check: bool = True,
        rules: Rules | None = None,
        require_key: str | None = None,
        models: Mapping[str, Limits] | None = None,
        port: int = 0,
    ) -> None:
        self.requests: list[Received] = []
        """Those for a message, refused ones too."""
        self.others: list[Received] = []
        """Those for anything else."""
        self.connections = 0
        self.refused: list[str] = []
        """What the check found."""
        self.port = port
        self._replies = replies
        self._played = 0
        self._checker = Checker() if check else None
        self._rules = rules or Rules()
        self._require_key = require_key
        self._models = MODELS if models is None else models
        self._gates: dict[str, tuple[asyncio.Event, asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._answering = 0
        self._is_closing = False
        self._settled = asyncio.Event()
        self._settled.set()
        self._group = asyncio.TaskGroup()
        self._server: asyncio.Server | None = None

    def __repr__(self) -> str:
        return f"<LoopbackModel {self.url}: {len(self.requests)} requests, {self._played} played>"

    @property
    def url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def received(self) -> int:
        """How many requests for messages came so far."""
        return len(self.requests)

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            OSError: the port cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", self.port)
        await self._group.__aenter__()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening, and end all responses where they are."""
        self._is_closing = True
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(kind, error, trace)
        await asyncio.sleep(0)  # so that the loop takes leave of the connections

    # -- what a test does ----------------------------------------------------------------------

    def open(self, gate: str) -> None:
        """Let through all that wait at this gate, and all that come to it later."""
        self._gate(gate)[1].set()

    async def reached(self, gate: str) -> None:
        """Wait until a response stands at this gate."""
        await self._gate(gate)[0].wait()

    async def settled(self) -> None:
        """Wait until no request is being answered."""
        await self._settled.wait()

    def _gate(self, name: str) -> tuple[asyncio.Event, asyncio.Event]:
        return self._gates.setdefault(name, (asyncio.Event(), asyncio.Event()))

    # -- what a connection asks ----------------------------------------------------------------

    def join(self, connection: Connection) -> int | None:
        """Serve a new connection: give its number, or None when the server is closing."""
        if self._is_closing:
            return None
        self.connections += 1
        task = self._group.create_task(connection.serve())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        connection.task = task
        return self.connections - 1

    async def answer(self, received: Received, out: Connection) -> None:
        """Answer one request."""
        self._answering += 1
        self._settled.clear()
        try:
            await self._route(received, out)
            received.is_answered = out.is_finished
        finally:
            self._answering -= 1
            if not self._answering:
                self._settled.set()

    async def _route(self, received: Received, out: Connection) -> None:
        is_message = (received.method, received.path) == ("POST", "/v1/messages")
        known = self.requests if is_message else self.others
        received.number = len(known)
        known.append(received)
        if (error := self._outer_error(received)) is not None:
            await out.error(error)
        elif is_message:
            await self._message(received, out)
        else:
            await out.json(self._other(received))

    def _outer_error(self, received: Received) -> HttpError | None:
        """Give what is wrong before the body is looked at."""
        given = received.headers.get("authorization", "").removeprefix("Bearer ")
        given = received.headers.get("x-api-key", given)
        if received.path == "/" or self._require_key not in {None, given}:
            return HttpError(401, "authentication_error", "invalid x-api-key")
        if len(received.raw) > MAX_BYTES:
            return HttpError(413, "request_too_large", "Request exceeds the maximum size")
        return None

    def _other(self, received: Received) -> Json | HttpError:
        found = [described(name, limits) for name, limits in self._models.items()]
        name = received.path.removeprefix("/v1/models/")
        if (received.method, received.path) == ("POST", "/v1/messages/count_tokens"):
            return {"input_tokens": len(received.raw) // 4}
        if (received.method, received.path) == ("GET", "/v1/models"):
            ends = {"first_id": found[0]["id"], "last_id": found[-1]["id"]} if found else {}
            return {"data": found, "has_more": False, **ends}
        if received.method == "GET" and name in self._models:
            return described(name, self._models[name])
        return HttpError(404, "not_found_error", f"model: {name}" if name else "Not found")

    # -- a message -----------------------------------------------------------------------------

    async def _message(self, received: Received, out: Connection) -> None:
        found = self._problem(received)
        if found is not None:
            self.refused.append(found)
            await out.error(HttpError(400, "invalid_request_error", found, should_retry=False))
            return
        script = self._script(received.body)
        if isinstance(script, HttpError):
            await out.error(script)
            return
        sent = None
        if self._checker is not None:
            received.cache = self._checker.cache(received.body)
            sent = self._checker.answer(received.body)
        if received.body.get("stream"):
            await self._stream(script, out, sent)
        else:
            await self._whole(script, out, sent or Reply())

    def _problem(self, received: Received) -> str | None:
        try:
            body = parsed(received.raw)
        except ValueError as error:
            return str(error)
        received.body = body if isinstance(body, dict) else {}
        if self._checker is None:
            return None
        version = received.headers.get("anthropic-version")
        if version is None:
            return "anthropic-version: header is required"
        betas = frozenset(received.headers.get("anthropic-beta", "").replace(" ", "").split(","))
        rules = replace(self._rules, version=version, betas=betas - {""})
        return self._checker.problem(body, rules)

    def _script(self, body: Json) -> Script:
        number, self._played = self._played, self._played + 1
        if callable(self._replies):
            return self._replies(body, number)
        if number < len(self._replies):
            return self._replies[number]
        told = f"the script has {len(self._replies)} replies; request {number + 1} has none left"
        return HttpError(500, "api_error", told, should_retry=False)

    async def _stream(self, script: Script, out: Connection, sent: Reply | None) -> None:
        decoder = EventDecoder()
        await out.start()
        for part in _parts(script):
            if isinstance(part, bytes):
                if sent is not None:
                    _feed(sent, decoder, part)
                await out.write(part)
            elif not await self._step(part, out):
                return
        await out.end()

    async def _whole(self, script: Script, out: Connection, sent: Reply) -> None:
        decoder = EventDecoder()
        for part in _parts(script):
            if isinstance(part, bytes):
                _feed(sent, decoder, part)
            elif not await self._step(part, out):
                return
        ends = {"stop_reason": sent.stop_reason, "usage": sent.usage}
        await out.json({**sent.message, "content": sent.content(), **ends})

    async def _step(self, step: Step, out: Connection) -> bool:
        """Take a step; tell whether the response goes on."""
        match step:
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Gate(name):
                reached, opened = self._gate(name)
                reached.set()
                await opened.wait()
            case Stall():
                await asyncio.get_running_loop().create_future()
            case Reset():
                out.reset()
                return False
            case Close():
                raise AssertionError("a script ends before a Close")
        return True


def _parts(script: Script) -> Iterator[bytes | Step]:
    """Give a script's parts up to where it closes."""
    for part in script if not isinstance(script, HttpError) else ():
        if isinstance(part, Close):
            return
        yield part


def _feed(reply: Reply, decoder: EventDecoder, data: bytes) -> None:
    """Let a reply see what is sent; an event that nobody can read is not remembered."""
    with suppress(AttributeError, TypeError, ValueError):
        for event in decoder.feed(data):
            for _ in reply.feed(event):
                pass
