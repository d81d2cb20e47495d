"""Playwright's driver process and the browser that it starts: how both come up, and how they end.

The rules that this file keeps:

- a browser is started with a mark in its environment, which the guard knows before it starts: so
  it is found again whatever becomes of the driver, and ended when this process is killed;
- ending is bounded: politely first, then by process id, only what was started here;
- Playwright is imported in a thread when the first driver starts: it takes a while.
"""

import asyncio
import errno
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from tools.browser.settings import BrowserSettings, installed_program
from tools.browser.waiting import done_within
from tools.child import in_thread
from tools.environment import child_environment
from tools.guard import GUARD, NO_LEADER
from tools.process_members import MARK, Tree
from tools.process_tree import end_tree
from tools.threads import to_its_end

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from playwright.async_api import Browser, Playwright

ARGUMENTS: Final = (
    "--disable-gpu",
    "--disable-quic",  # Does not go through a proxy.
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Else the addresses of a page's peers are asked for past the proxy.
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)

_PROFILE: Final = "--user-data-dir="
_PROFILE_NAME: Final = "playwright_chromiumdev_profile-"
_SOCKET: Final = re.compile(r"\.?(org\.chromium|com\.google)\.[A-Za-z]+\.\w+")


class Driver:
    """Playwright's process, and the mark of what it starts."""

    def __init__(self) -> None:
        self.tree = Tree(NO_LEADER, uuid.uuid4().hex, time.time())
        self._context: Any = None
        """Playwright's context manager, whose class has no public name."""
        self._playwright: Playwright | None = None
        self._is_watched = False
        self._profile: Path | None = None
        """The browser's folder, which the driver removes unless it is killed."""
        self._socket: Path | None = None
        """A folder that the browser makes beside its own, and leaves when it is killed."""

    def __repr__(self) -> str:
        process = self._process
        return f"<Driver {'none' if process is None else process.pid}>"

    @property
    def _process(self) -> "Process | None":
        # No public name leads there, and a driver that hangs can be ended in no other way.
        client = getattr(self._context, "_client", None)
        process: Process | None = getattr(getattr(client, "_transport", None), "_proc", None)
        return process

    @property
    def pid(self) -> int | None:
        """Its process id; None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether its process is known to have ended."""
        return self._process is None or self._process.returncode is not None

    async def start(self, seconds: float) -> "Playwright":
        """Start it, in so much time; a cancellation waits for that, since half a start is lost."""
        self._context = (await in_thread(_playwright))()
        return await to_its_end(asyncio.wait_for(self._start(), seconds))

    async def _start(self) -> "Playwright":
        # Kept here, since whoever is cancelled meanwhile gets no result.
        playwright: Playwright = await self._context.start()
        self._playwright = playwright
        return playwright

    async def launch(self, playwright: "Playwright", settings: BrowserSettings) -> "Browser":
        """Start a browser."""
        program = settings.executable or await in_thread(installed_program)
        # Else Playwright leaves a folder behind before it finds that out.
        needed = program or Path(playwright.chromium.executable_path)
        if not await in_thread(needed.is_file):
            raise FileNotFoundError(errno.ENOENT, "ENOENT: no such file", str(needed))
        self._is_watched = True
        await in_thread(lambda: GUARD.watch(self.tree))
        marks = f"{os.environ.get(MARK, '')}{self.tree.mark};"
        browser = await playwright.chromium.launch(
            executable_path=program,
            headless=settings.headless,
            chromium_sandbox=not _is_root() if settings.sandbox is None else settings.sandbox,
            args=[*ARGUMENTS, *settings.arguments],
            # Secrets of this process are none of a page's business.
            env={**child_environment(os.environ, {MARK: marks})},
            # A person's Ctrl-C is the host's; the driver ends the browser with itself.
            handle_sigint=False,
            timeout=settings.limits.launch * 1000,
        )
        await in_thread(self._look)
        return browser

    def _look(self) -> None:
        """Find the folders that the browser has made."""
        self._profile = _profile_of(self.pid)
        if self._profile is not None:
            with suppress(OSError):
                folder = (self._profile / "SingletonSocket").readlink().parent
                self._socket = folder if _SOCKET.match(folder.name) else None

    async def end(self, seconds: float) -> None:
        """End it and all that it started: politely, then not. Does not raise."""
        playwright = self._playwright
        if playwright is not None and not await done_within(playwright.stop(), seconds):
            self._kill()
            await done_within(playwright.stop(), seconds)
        if self._is_watched:
            await in_thread(self._end_tree)

    def _end_tree(self) -> None:
        end_tree(self.tree, detached=True, grace=0)
        GUARD.unwatch(self.tree.mark)
        for folder in (self._profile, self._socket):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def _kill(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()


def _profile_of(driver: int | None) -> Path | None:
    """Find the temporary folder of the browser that a driver has started."""
    with suppress(psutil.Error):
        for child in psutil.Process(driver).children() if driver is not None else ():
            for argument in child.cmdline():
                folder = Path(argument.removeprefix(_PROFILE))
                if argument.startswith(_PROFILE) and folder.name.startswith(_PROFILE_NAME):
                    return folder
    return None


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _playwright() -> Callable[[], Any]:
    from playwright.async_api import async_playwright  # noqa: PLC0415  (slow to import)

    return async_playwright
