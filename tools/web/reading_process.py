"""Gives the readable text of an HTML page; a program of its own, which may be ended at any moment.

Read from standard input: the page's address on one line, then the page in UTF-8. Written to
standard output: a JSON object with `title`, `text` and `is_main` (false where the page has no main
part, and all of its text is given). It is run as a script, and imports nothing of ours: what a page
can do to its reader, it does to a process without secrets, with bounded memory.
"""

import json
import resource
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

import trafilatura

MEMORY = 2 * 1024**3
"""Bytes of addresses."""

MOST_TEXT = 2_000_000
"""Characters."""

SHORT = 300
"""Characters of a main part that may have missed what the page is about."""


def read(url: str, page: str) -> dict[str, object]:
    """Give the text of a page."""
    main = trafilatura.extract(
        _tree(url, page),
        output_format="markdown",
        include_links=True,
        include_tables=True,
        include_comments=True,
        favor_recall=True,
    )
    text, is_main = main or "", True
    if len(text) < SHORT:
        everything = trafilatura.html2txt(page)
        if len(everything) > 2 * len(text):
            text, is_main = everything, False
    return {"title": _title(page), "text": text[:MOST_TEXT], "is_main": is_main}


def _tree(url: str, page: str) -> Any:
    """Give a page's elements, its links spelled out: trafilatura takes all for the host's root."""
    tree = trafilatura.load_html(page)
    if tree is None:
        return "<html/>"
    base = tree.find(".//base[@href]")
    start = url if base is None else _joined(url, base.get("href"))
    for link in list(tree.iter("a")):
        there = _joined(start, link.get("href", ""))
        if there.startswith(("http://", "https://", "mailto:")):
            link.set("href", there)
        else:
            link.drop_tag()
    return tree


def _joined(start: str, link: str) -> str:
    """Give where a link leads; nowhere, when it is none."""
    try:
        return urljoin(start, link.strip()) if link else ""
    except ValueError:
        return ""


def _title(page: str) -> str:
    tree = trafilatura.load_html(page)
    found = None if tree is None else tree.find(".//title")
    return "" if found is None else " ".join(found.text_content().split())


if __name__ == "__main__":
    with suppress(OSError, ValueError):  # not everywhere
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    address, _, given = sys.stdin.buffer.read().decode("utf-8", "replace").partition("\n")
    sys.stdout.write(json.dumps(read(address, given)))
