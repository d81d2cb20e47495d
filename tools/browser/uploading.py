"""Giving files of the workspace to a page.

What is uploaded is what was read: the files are read first, confined to the workspace
(`tools.workspace`), and a page gets their bytes and last names, never a path.
"""

import mimetypes
import os
from typing import TYPE_CHECKING, Final

from scheduler import Access
from tools.base import tool
from tools.browser.acting import ACTION_MS, Hand, act
from tools.browser.errors import BrowserCode, BrowserError
from tools.context import ToolContext
from tools.declaration import Arguments
from tools.errors import ToolError
from tools.file_resources import file_resources
from tools.threads import in_thread
from tools.tool_classes import Place, ToolClass, browser_resource
from tools.workspace import Workspace
from tools.workspace_errors import in_field

if TYPE_CHECKING:
    from playwright.async_api import FilePayload, Locator

MOST_BYTES: Final = 50 * 1024 * 1024
"""Of all files of a call, which Playwright takes at most."""

_ANY: Final = "application/octet-stream"

_CHOOSER_MS: Final = 2_000
"""Milliseconds for a page to open the choice of files, after a click."""


def _touched(arguments: Arguments, place: Place) -> Access:
    files = [file_resources(place.workspace, path, place.unsettled) for path in arguments["paths"]]
    browser = browser_resource(place.session)
    return Access(reads=frozenset().union(*files), writes=frozenset((browser,)))


@tool(ToolClass.BROWSER_MUTATE, access=_touched)
async def browser_upload(
    context: ToolContext, ref: str, paths: list[str], tab: str | None = None
) -> str:
    """Give files of the workspace to a file input, and show what has changed.

    Args:
        ref: of the input, or of the button that opens the choice.
        paths: the files, relative to the workspace, 50 MB together; an empty list takes back what
            was chosen.
        tab: which tab; the active one if left out.
    """
    files = await in_thread(lambda: _read(Workspace(context.workspace), paths))

    async def upload(hand: Hand) -> str:
        element = await hand.element(ref, for_click=False)
        if await element.evaluate("element => element.type === 'file'"):
            await element.set_input_files(files, timeout=ACTION_MS)
        else:
            await _choose(hand, ref, files)
        given = [f"{path} ({len(file['buffer']):,} bytes)" for path, file in _pairs(paths, files)]
        return f"given: {', '.join(given) or 'no file'}"

    return await act(context, upload, tab=tab)


async def _choose(hand: Hand, ref: str, files: "list[FilePayload]") -> None:
    """Click what opens a choice of files, and choose."""
    from playwright.async_api import TimeoutError as TooSlow  # noqa: PLC0415  (slow to import)

    element: Locator = await hand.element(ref)
    try:
        async with hand.tab.page.expect_file_chooser(timeout=ACTION_MS + _CHOOSER_MS) as chooser:
            await element.click(timeout=ACTION_MS)
    except TooSlow:
        raise BrowserError(
            BrowserCode.ACTION_FAILED,
            f"{ref} was clicked, and no choice of files opened: give the ref of the file input, or "
            "of the button or label that opens it.",
        ) from None
    await (await chooser.value).set_files(files, timeout=ACTION_MS)


def _pairs(paths: list[str], files: "list[FilePayload]") -> "list[tuple[str, FilePayload]]":
    return list(zip(paths, files, strict=True))


def _read(workspace: Workspace, paths: list[str]) -> "list[FilePayload]":
    """Read the files.

    Raises:
        ToolError: one is not in the workspace, is none, or there is too much.
    """
    read: list[FilePayload] = []
    left = MOST_BYTES
    for path in paths:
        with in_field("paths"), workspace.open_file(path) as opened:
            key, file = opened.key, os.fdopen(opened.take(), "rb")
        with file:
            data = file.read(left + 1)
        left -= len(data)
        if left < 0:
            raise ToolError(
                f"paths: the files up to {path!r} have more than {MOST_BYTES:,} bytes together, "
                "the most that can be uploaded; nothing was done."
            )
        name = os.path.basename(os.path.normpath(path)) or os.path.basename(key)  # noqa: PTH119  (a name, no path)
        kind = mimetypes.guess_type(name)[0] or _ANY
        read.append({"name": name, "mimeType": kind, "buffer": data})
    return read


UPLOADING: Final = (browser_upload,)
