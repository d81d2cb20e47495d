"""From what was fetched to text that a model reads.

HTML is read by another process (`reading_process`): there are pages of a few hundred kilobytes that
take minutes to parse, holding up every thread of the process that does it; that one is ended.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from tools.errors import ToolError
from tools.process import run
from tools.web.fetching import Fetched, not_text
from tools.web.media import decoded, is_binary, is_page
from tools.web.pages import Readable
from tools.web.visible import one_line, visible

SECONDS: Final = 15.0
"""For reading one page."""

_SCRIPT: Final = Path(__file__).with_name("reading_process.py")
_MOST_OUTPUT: Final = 32_000_000
"""Bytes: more than the script writes."""

_LONGEST_TITLE: Final = 300


async def readable(fetched: Fetched) -> Readable:
    """Give the text of what was fetched.

    Raises:
        ToolError: it is no text, or cannot be read.
    """
    if is_binary(fetched.body, fetched.media):
        told = not_text(fetched.media, str(len(fetched.body)))
        raise ToolError(f"{one_line(fetched.url, 300)} {told}")
    text = await asyncio.to_thread(decoded, fetched.body, fetched.media)
    is_html = fetched.media.is_html or (not fetched.media.is_json and is_page(fetched.body))
    if is_html:
        return await _page(fetched, text)
    if fetched.media.is_json:
        return await asyncio.to_thread(_json, fetched, text)
    shown = await asyncio.to_thread(visible, text)
    return Readable(fetched.url, "text", shown, notes=fetched.notes)


def _json(fetched: Fetched, text: str) -> Readable:
    try:
        pretty = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        notes = (*fetched.notes, "it is said to be JSON and is none; it is shown as it came")
        return Readable(fetched.url, "text", visible(text), notes=notes)
    return Readable(fetched.url, "JSON", visible(pretty), notes=fetched.notes)


async def _page(fetched: Fetched, text: str) -> Readable:
    """Have a page read by another process."""
    address = one_line(fetched.url, 2_000)
    done = await run(
        [sys.executable, "-P", str(_SCRIPT)],
        timeout=SECONDS,
        input=f"{address}\n{text}".encode(errors="replace"),
        output_limit=_MOST_OUTPUT,
        grace=0,
    )
    whole = done.stdout.whole
    if done.exit_code != 0 or whole is None:
        why = f"not within {SECONDS:g} s" if done.timed_out else "its reader failed"
        raise ToolError(
            f"{one_line(fetched.url, 300)} was fetched, and its HTML cannot be turned into text "
            f"({why}). Look at it in the browser, or use another source."
        )
    return await asyncio.to_thread(_of_process, fetched, whole)


def _of_process(fetched: Fetched, answer: bytes) -> Readable:
    said = json.loads(answer)
    text = visible(said["text"]).strip()
    notes = fetched.notes
    if not text:
        notes = (
            *notes,
            "the page has no text of its own: it may be drawn by scripts; a browser shows it",
        )
    elif not said["is_main"]:
        notes = (*notes, "the page has no main part: this is all of its text, without its form")
    return Readable(fetched.url, "HTML", text, one_line(said["title"], _LONGEST_TITLE), notes)
