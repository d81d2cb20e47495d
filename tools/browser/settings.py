"""How a browser is started, reached and bounded: what whoever embeds it may choose."""

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
"""Names of a Chromium on PATH, the first found is used."""


@dataclass(frozen=True, slots=True)
class Viewport:
    """The size of a page in CSS pixels."""

    width: int = 1280
    height: int = 720


@dataclass(frozen=True, slots=True)
class Proxy:
    """The forward proxy that everything of a session goes through."""

    server: str
    """Such as `http://127.0.0.1:4000`."""
    bypass: str = "<-loopback>"
    """Hosts that do not go through it; `<-loopback>` sends this machine's own through it, too."""
    username: str | None = None
    password: str | None = None
    release: Callable[[], Awaitable[None]] | None = None
    """Called when the context that uses it has ended, on the owner's loop."""

    def __repr__(self) -> str:
        return f"<Proxy {self.server}>"  # Without the password.


ProxyHook: TypeAlias = Callable[[str], Awaitable[Proxy | None]]
"""Asked on the owner's loop with a session's name before its context is made."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds."""

    launch: float = 30.0
    connect: float = 10.0
    """To a browser over CDP, all tries together."""
    open: float = 20.0
    """A context or a page."""
    probe: float = 5.0
    """For a page or browser that may not answer any more."""
    settle: float = 2.0
    """For work that was cancelled."""
    close: float = 5.0
    """For a browser to end by itself, then for its driver; after that both are killed."""
    download_begin: float = 5.0
    """For a download to begin, when the page asks for nothing any more."""
    download: float = 40.0
    """For the downloads of one call, from the first request on."""


@dataclass(frozen=True, slots=True)
class BrowserSettings:
    """How the browser is started, or which one is used."""

    executable: Path | None = None
    """None: one on PATH, or else Playwright's own."""
    headless: bool = True
    sandbox: bool | None = None
    """None: on, except for root, with whom no Chromium starts in it."""
    cdp_url: str | None = None
    """Connect to this one, which somebody else started and ends."""
    viewport: Viewport | None = Viewport()
    """None: that of the window, which a person may change."""
    idle_seconds: float = 300.0
    """Without any use by any session, after which the browser is closed."""
    limits: TimeLimits = TimeLimits()
    arguments: tuple[str, ...] = ()
    """Further arguments for a browser that is started here."""
    proxy: ProxyHook | None = None
    dialogs: Literal["answer", "leave"] = "answer"
    """Whether a dialog that no call has spoken of is dismissed at once, or left to a person."""
    largest_download: int = 500_000_000
    """Bytes of a file that is saved."""


def installed_program() -> Path | None:
    """Find a Chromium on PATH. Reads folders, so it belongs in a thread."""
    found = (shutil.which(name) for name in PROGRAMS)
    return next((Path(path) for path in found if path is not None), None)
