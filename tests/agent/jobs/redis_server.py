"""A real Redis on this machine, which a test may kill, pause and start again in its place.

It keeps what it said: every write is synced to its append-only file before it is answered.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

PROGRAM = shutil.which("redis-server")

MISSING = "NO redis-server: jobs in Redis are NOT TESTED"
"""Why tests that need one are skipped, where nobody promised one."""

IS_SKIPPED = PROGRAM is None and not os.environ.get("CI")

TRIES = 5
"""A port that is free may be somebody's a moment later."""


class RedisServer:
    """One server: a port and a folder of its own, the same for every start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<RedisServer {self.port} {'runs' if self._process else 'stopped'}>"

    @property
    def url(self) -> str:
        """Where it listens; known from the first start on."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        await asyncio.to_thread(self._start)

    async def kill(self) -> None:
        """End it as a crash does."""
        await asyncio.to_thread(self._end, signal.SIGKILL)

    async def stop(self) -> None:
        """End it in good order; harmless when it does not run."""
        await asyncio.to_thread(self._end, signal.SIGTERM)

    async def restart(self) -> None:
        """Kill it, and start it again with what it had on disk."""
        await self.kill()
        await self.start()

    def pause(self) -> None:
        """Have it answer nothing, while its connections stay."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _start(self) -> None:
        if self.port:
            said = self._started()
        else:
            for _ in range(TRIES):
                self.port = _free_port()
                said = self._started()
                if self._process is not None:
                    return
        assert self._process is not None, said

    def _started(self) -> str:
        """Start it once; give what it said, when it ended."""
        assert PROGRAM is not None, MISSING
        process = subprocess.Popen(
            [
                *(PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--dir", str(self.folder), "--save", ""),
                *("--appendonly", "yes", "--appendfsync", "always"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ready to accept connections" in line:
                self._process = process
                self._reader = threading.Thread(target=process.stdout.read)
                self._reader.start()
                return ""
        process.wait()
        process.stdout.close()
        return said

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or self._reader is None or process.stdout is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        process.wait()
        self._reader.join()
        process.stdout.close()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
