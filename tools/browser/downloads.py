"""Save what a page has downloaded: under a harmless name, in one folder, over nothing.

The folder is whoever embeds the browser's choice. A name is taken by creating the file, so that
neither a file nor a link that is there is ever written over.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.browser.events import Downloaded, DownloadStarted, Event, Log, page_text, page_url
from tools.browser.waiting import done_within
from tools.child import in_thread

if TYPE_CHECKING:
    from playwright.async_api import Download

MOST_NAME: Final = 100
"""Characters of a file's name."""

MOST_SAME: Final = 1000
"""Files of the same name, told apart by a number."""

_MODE: Final = 0o600

_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]')
"""What no file's name should hold: separators, control characters, and turns of direction."""


def file_name(suggested: str) -> str:
    """Make a file's name out of what a page suggests: one component, visible, not too long."""
    name = _UNSAFE.sub("_", suggested.encode("utf-8", "replace").decode()).strip(" .")
    stem, ending = os.path.splitext(name)  # noqa: PTH122  (a name, no path)
    ending = ending[: MOST_NAME // 4]
    return f"{stem[: MOST_NAME - len(ending)]}{ending}" or "download"


def take_name(folder: Path, name: str) -> Path:
    """Create an empty file of that name in a folder, with a number if there is one.

    Raises:
        OSError: it cannot be created.
    """
    stem, ending = os.path.splitext(name)  # noqa: PTH122  (a name, no path)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, MOST_SAME + 1):
        path = folder / (name if number == 1 else f"{stem} ({number}){ending}")
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE))
            return path
    raise FileExistsError(f"there are {MOST_SAME} files of that name")


async def save_download(
    download: "Download", tab: str, folder: Path | None, events: Log[Event], seconds: float
) -> None:
    """Save a download in a folder, or refuse it without one; say how it went. Bounded."""
    name, url = file_name(download.suggested_filename), page_url(download.url)
    if folder is None:
        await done_within(download.cancel(), seconds)
        events.add(Downloaded(tab, url, name, None, "downloads are not allowed here"))
        return
    events.add(DownloadStarted(tab, url, name))
    try:
        path = await in_thread(lambda: take_name(folder, name))
    except OSError as error:
        await done_within(download.cancel(), seconds)
        events.add(Downloaded(tab, url, name, None, f"cannot be written: {error.strerror}"))
        return
    saved = False
    try:
        saved = await done_within(download.save_as(path), seconds)
    finally:
        if not saved:
            await in_thread(lambda: path.unlink(missing_ok=True))
    if saved:
        events.add(Downloaded(tab, url, path.name, path))
    else:
        events.add(Downloaded(tab, url, name, None, await _why(download, seconds)))
    await done_within(download.delete(), seconds)


async def _why(download: "Download", seconds: float) -> str:
    """Say why a download was not saved; end one that still goes on."""
    reasons: list[str | None] = []

    async def ask() -> None:
        await download.cancel()
        reasons.append(await download.failure())

    await done_within(ask(), seconds)
    return page_text(reasons[0]) if reasons and reasons[0] else f"not saved within {seconds:g} s"
