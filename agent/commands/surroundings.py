"""What a recording needs around it while it is played: Python, its pages, a browser for them."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.claude.recording import Recording, RecordingError
from agent.claude.recording_pages import located

if TYPE_CHECKING:
    from tools.browser.browsing import Browsing

FIRST: Final = "first"
"""A session that is there to see that there is a browser."""

FIRST_SECONDS: Final = 20.0
"""For its tab, once the browser has started."""


@contextmanager
def python_on_path() -> Iterator[None]:
    """Let the `python3` of a recording's commands be found: ours, where PATH has none."""
    path = os.environ.get("PATH", "")
    if shutil.which("python3", path=path):
        yield
        return
    os.environ["PATH"] = os.pathsep.join([path, str(Path(sys.executable).parent)])
    try:
        yield
    finally:
        os.environ["PATH"] = path


@asynccontextmanager
async def served(recording: Recording) -> AsyncIterator[tuple[Recording, str]]:
    """Serve a recording's pages; give it with their address in it, and host and port of that.

    One that needs none is given as it is.

    Raises:
        RecordingError: there are no such pages, or they cannot be served.
    """
    if not recording.pages:
        yield recording, ""
        return
    from agent.recordings import pages_of  # noqa: PLC0415  (only where there are some)
    from agent.recordings.serving import PageServer  # noqa: PLC0415  (imports h11)

    pages = await asyncio.to_thread(pages_of, recording)
    async with AsyncExitStack() as stack:
        try:
            server = await stack.enter_async_context(PageServer(pages))
        except OSError as error:
            told = f"the pages of the recording {recording.name} cannot be served: {error.strerror}"
            raise RecordingError(told, file=recording.name) from error
        yield located(recording, server.url), server.address


@asynccontextmanager
async def browser_for(address: str) -> AsyncIterator["Browsing"]:
    """Start a browser that reaches this address of this machine, and no other.

    Raises:
        BrowserError: there is none; the text says what to do.
    """
    from tools.addresses import AddressPolicy  # noqa: PLC0415  (only where a browser is wanted)
    from tools.browser.browsing import Browsing  # noqa: PLC0415  (as above)

    browsing = Browsing(policy=AddressPolicy((address,)))
    try:
        await browsing.manager.use(FIRST, _nothing, timeout=FIRST_SECONDS)
        await browsing.end_session(FIRST)
        yield browsing
    finally:
        await browsing.close()


async def _nothing(*_: object) -> None:
    """Have a tab opened, and no more."""
