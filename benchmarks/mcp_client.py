"""A client of one MCP server over its standard streams: just what a benchmark asks of it.

A message is a line of JSON. Requests go out one at a time, and what the server says beside their
answers is passed over.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]

VERSION = "2025-06-18"

LONGEST_LINE = 2**26
"""Bytes: a whole page may come in one line."""

SECONDS = 60
"""For one answer."""


class McpError(Exception):
    """The server ended, or answered with an error."""


class McpClient:
    """`async with` starts and ends the server.

    Args:
        command: what starts it.
        folder: where it runs.
        environment: its variables.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment
        self._asked = 0
        self._process: asyncio.subprocess.Process | None = None

    def __repr__(self) -> str:
        return f"<McpClient of {self._command[0]}: {self._asked} requests>"

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LONGEST_LINE,
            cwd=self._folder,
            env=self._environment,
        )
        who = {"name": "benchmark", "version": "1"}
        hello = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": who}
        try:
            await self._request("initialize", hello)
        except BaseException:
            await self._end()
            raise
        await self._send({"method": "notifications/initialized"})
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._end()

    async def tools(self) -> list[Json]:
        """Give the definitions of its tools."""
        return list((await self._request("tools/list", {}))["tools"])

    async def call(self, name: str, arguments: Json) -> str:
        """Call a tool; give the text of its result.

        Raises:
            McpError: the result is an error.
        """
        result = await self._request("tools/call", {"name": name, "arguments": arguments})
        text = "\n".join(part.get("text", "") for part in result["content"])
        if result.get("isError"):
            raise McpError(f"{name}: {text}")
        return text

    async def _request(self, method: str, parameters: Json) -> Json:
        self._asked += 1
        number = self._asked
        await self._send({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(SECONDS):
            while (message := await self._receive()).get("id") != number or "method" in message:
                pass
        if "error" in message:
            raise McpError(f"{method}: {message['error'].get('message')}")
        return dict(message["result"])

    async def _send(self, message: Json) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        await self._process.stdin.drain()

    async def _receive(self) -> Json:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise McpError(f"{self._command[0]} has ended")
        return dict(json.loads(line))

    async def _end(self) -> None:
        """Close its input, upon which it ends by itself."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
