"""A page in a real browser, through the egress proxy and without it, in turn.

The page is on this machine and has forty scripts and pictures, so what the proxy adds is all there
is to see: on a real network it is lost in the way to the server.
"""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.measure import Stopwatch, medians, ratio, table, without_gc
from tools.addresses import AddressPolicy
from tools.browser.egress import ARGUMENTS, BYPASS, EgressProxy

PARTS = 40
ROUNDS = 15
DOWNLOAD = 64 * 2**20
PIECE = b"x" * 2**16

PAGE = "<!doctype html>" + "".join(f"<script src=/{n}.js></script>" for n in range(PARTS))


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer request after request: the page, a script, or a lot of bytes."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1]
            kind = b"text/html" if path == b"/" else b"text/javascript"
            body = PAGE.encode() if path == b"/" else b"let x;" if path.endswith(b"s") else b""
            length = len(body) or DOWNLOAD
            writer.write(
                b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Type: %b\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (kind, length, body)
            )
            for _ in range(0 if body else DOWNLOAD // len(PIECE)):
                writer.write(PIECE)
                await writer.drain()
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


async def load(page: Any, url: str) -> float:
    """Give the seconds in which the page loads."""
    watch = Stopwatch()
    await page.goto(url, wait_until="load")
    return watch()


async def download(page: Any, url: str) -> float:
    """Give the seconds in which the bytes are read."""
    await page.goto(url)
    watch = Stopwatch()
    got = await page.evaluate(
        """async () => {
            let got = 0;
            const reader = (await fetch('/big')).body.getReader();
            for (let each; !(each = await reader.read()).done;) got += each.value.length;
            return got;
        }"""
    )
    assert got == DOWNLOAD
    return watch()


Run = Callable[[Any, str], Awaitable[float]]


async def play(run: Run) -> list[list[float]]:
    """Run it in turn, without the proxy and through it; give the figures of both."""
    from playwright.async_api import async_playwright  # noqa: PLC0415  (only this needs it)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    figures: list[list[float]] = [[], []]
    async with (
        EgressProxy(AddressPolicy((where,)), lambda *_: None) as proxy,
        async_playwright() as driver,
    ):
        browser = await driver.chromium.launch(
            executable_path=shutil.which("chromium"),
            chromium_sandbox=os.geteuid() != 0,
            args=["--disable-gpu", *ARGUMENTS],
        )
        port = await proxy.open("benchmark")
        contexts = [
            await browser.new_context(),
            await browser.new_context(proxy={"server": port.url, "bypass": BYPASS}),
        ]
        pages = [await each.new_page() for each in contexts]
        for turn in range(ROUNDS + 1):
            for number, page in enumerate(pages):
                with without_gc():
                    seconds = await run(page, f"http://{where}/")
                if turn:
                    figures[number].append(seconds)
        await browser.close()
        server.close()
    return figures


def main() -> None:
    """Print the table."""
    rows = []
    runs: dict[str, Run] = {
        f"page with {PARTS} scripts": load,
        f"download of {DOWNLOAD >> 20} MiB": download,
    }
    for name, run in runs.items():
        figures = asyncio.run(play(run))
        without, through = (f"{each * 1e3:.0f}" for each in medians(figures))
        rows.append([name, without, through, f"{ratio(figures[1], figures[0]):.2f}"])
    head = ["in a browser", "without ms", "through ms", "times"]
    table(f"Through the egress proxy and without it, {ROUNDS} rounds in turn", head, rows)
