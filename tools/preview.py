"""`preview_html`: a page that the model writes, and a person watches.

The rules that this file keeps:

- the file is written first, as `file_write` does it, and whatever becomes of the window, it stays;
- a call that is cancelled before its file is written changes nothing; one that is cancelled later
  is shown like any other;
- the model is told what really happened: whether anybody sees it, and what the page complained of.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

from scheduler import Access
from tools.base import Tool, tool
from tools.browser.untrusted import scrubbed, wrapped
from tools.content import Image, ToolOutput
from tools.context import ToolContext
from tools.declaration import Arguments
from tools.file_resources import file_resources
from tools.file_write import file_write
from tools.preview_frame import Draft
from tools.preview_page import Displayed, NotShown
from tools.preview_service import Preview, Previews
from tools.tool_classes import Effect, Place, ToolClass

WAIT_SECONDS: Final = 15.0
"""That a call waits for its page to be shown; it is shown later, too."""


def _touches(arguments: Arguments, place: Place) -> Access:
    files = file_resources(place.workspace, arguments["path"], place.unsettled)
    return Access(writes=files | {("preview", place.session)})


@tool(ToolClass.LOCAL_WRITE, path="path", access=_touches, effect=Effect.IDEMPOTENT)
async def preview_html(
    path: str, html: str, context: ToolContext, screenshot: bool = False
) -> ToolOutput:
    """Write an HTML page to a file of the workspace, and show it to the user in the preview window.

    Call it again with the whole page to change it: the window goes on showing the old one until the
    new one is ready, and keeps its scroll position. The result tells errors of the page's scripts.
    The page stands alone: it cannot load other files of the workspace, or addresses of this machine
    and of private networks; put styles, scripts and images into it, or load them from the web. An
    existing file is replaced only if it was read or written in this conversation before.

    Args:
        path: where to write it, relative to the workspace, such as "preview.html".
        html: the whole page.
        screenshot: also get a picture of what the window shows.
    """
    draft = Draft(path, html, screenshot)
    if Previews not in context.services:
        written = await file_write(path, html, context)
        return _output(draft, written, NotShown("this program has no preview window"))
    previews = context.service(Previews)
    preview = previews.of(context.session)
    async with preview.turn:
        written, showing = await _put(draft, preview, context)
    context.progress(f"{written} Showing it.")
    await asyncio.wait((showing,), timeout=WAIT_SECONDS)
    if not showing.done():
        return ToolOutput((f"{written}\n{_PENDING}",))
    return _output(draft, written, showing.result(), are_watched=previews.are_watched)


async def _put(
    draft: Draft, preview: Preview, context: ToolContext
) -> "tuple[str, asyncio.Future[Displayed | NotShown | None]]":
    try:
        written = await file_write(draft.name, draft.html, context)
    except asyncio.CancelledError:
        if context.versions.wrote:  # Cancelled too late: the file is the new one.
            preview.put(draft)
        raise
    return written, preview.put(draft)


_PENDING: Final = (
    f"It is not shown yet, after {WAIT_SECONDS:g} s: its document is not whole, or the browser is "
    "still starting. Until it is, the window stays as it was."
)

_OVERTAKEN: Final = "It was not shown, or not for long: a later one took its place in the window."


def _output(
    draft: Draft,
    written: str,
    shown: Displayed | NotShown | None,
    *,
    are_watched: bool = False,
) -> ToolOutput:
    lines = [written, *_told(shown, draft.name, are_watched=are_watched)]
    if not draft.html.strip():
        lines.append("The html is empty: so is the page.")
    picture = shown.picture if isinstance(shown, Displayed) else None
    if draft.with_picture and picture is None:
        lines.append("There is no picture of it.")
    return ToolOutput(("\n".join(lines), *([Image(picture)] if picture else ())))


def _told(shown: Displayed | NotShown | None, path: str, *, are_watched: bool) -> Iterator[str]:
    match shown:
        case None:
            yield _OVERTAKEN
        case NotShown():
            yield f"Nobody is shown it: {shown.why}. The user can open the file in a browser."
        case Displayed():
            yield _WATCHED if are_watched else _UNWATCHED
            yield from _notes(shown)
            yield from _complaints(shown, path)


_WATCHED: Final = "The preview window shows it."

_UNWATCHED: Final = (
    "It was loaded in a browser without a window, where nobody sees it; tell the user to open the "
    "file."
)


def _notes(shown: Displayed) -> Iterator[str]:
    if shown.is_loading:
        yield "Something that it loads has not come yet."
    if shown.hangs:
        yield "It does not answer any more: does a script of it not end?"


def _complaints(shown: Displayed, path: str) -> Iterator[str]:
    """Tell what the page wrote, as what it is: text of a page."""
    lines = [
        f"title: {shown.title}" if shown.title else "no title",
        *shown.complaints,
        *([f"and {shown.left_out} more messages"] if shown.left_out else ()),
        *(f"dismissed: {each}" for each in shown.dialogs),
        *(f"refused by the policy: {scrubbed(each)}" for each in shown.refused),
    ]
    if not (shown.complaints or shown.refused):
        lines.append("no errors or warnings")
    yield wrapped("\n".join(lines), path)


PREVIEW_TOOLS: Final[tuple[Tool[..., Any], ...]] = (preview_html,)
