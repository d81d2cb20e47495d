"""What the preview's window consists of: a frame page of ours, and the page that is shown in it.

Two addresses that no network has, answered by the browser's own interception:

- the outer page has one, and holds the page that is shown in a frame, and for a while the next one
  in another that nobody sees: so a person never sees a page that is not whole;
- the page that is shown has the other, an origin and a process of its own: it reaches neither the
  outer page nor any file, keeps its storage from version to version, and when it hangs, the outer
  page does not.

Pure; the scripts run in the outer page.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

OUTER: Final = "https://preview.invalid/"

ORIGIN: Final = "https://page.preview.invalid/"

OURS: Final = re.compile(r"https?://(?:[^/]*\.)?preview\.invalid(?:[:/]|$)")
"""Addresses that are answered here."""

HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Origin-Agent-Cluster": "?1",  # What gives each of the two its own process.
}

_SANDBOX: Final = (
    "allow-downloads allow-forms allow-modals allow-pointer-lock allow-popups "
    "allow-popups-to-escape-sandbox allow-same-origin allow-scripts"
)
"""All but leaving the frame: `allow-same-origin` is its own origin, which is not the outer one."""

_STYLE: Final = (
    "html,body{margin:0;height:100%;background:#fff}"
    "iframe{position:fixed;inset:0;width:100%;height:100%;border:0;opacity:0;pointer-events:none}"
    "iframe.shown{opacity:1;pointer-events:auto}"
)

BEGIN: Final = (
    """url => {
  for (const old of document.querySelectorAll('iframe:not(.shown)')) old.remove();
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', '"""
    + _SANDBOX
    + """');
  frame.src = url;
  document.body.append(frame);
  return frame;
}"""
)
"""Load a page in a frame that is not seen."""

SHOW: Final = """(frame, title) => {
  frame.className = 'shown';
  for (const other of document.querySelectorAll('iframe')) if (other !== frame) other.remove();
  document.title = title;
}"""
"""Show a frame in place of the one before it: one task, so nothing is painted in between."""

SHOWN: Final = "iframe.shown"

WHERE: Final = "() => [scrollX, scrollY]"

SCROLL: Final = "([x, y]) => scrollTo({left: x, top: y, behavior: 'instant'})"

LATER: Final = "() => new Promise(done => setTimeout(() => done(document.title), 100))"
"""Ask after what the page's scripts still had to do, and to complain of."""

_NUMBER: Final = re.compile(rf"{re.escape(ORIGIN)}[^\s?#]*\?version=(\d+)")


@dataclass(frozen=True, slots=True)
class Draft:
    """A page that is to be shown."""

    name: str
    """Its path, as it was given."""
    html: str
    with_picture: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A draft on its way to the window."""

    number: int
    draft: Draft

    @property
    def url(self) -> str:
        """Where its frame finds it; the number tells its messages from those of others."""
        name = quote(self.draft.name.rpartition("/")[2], safe="")
        return f"{ORIGIN}{name}?version={self.number}"

    def answers(self, url: str, *, exactly: bool) -> bool:
        """Say whether it is what is asked for; a page may ask for itself in other words."""
        if exactly:
            return url == self.url
        return url.partition("?")[0] == self.url.partition("?")[0]


def outer_page(shown: Version | None) -> str:
    """Give the outer page; a person who reloads it sees what it showed."""
    page = f"<!doctype html><title>Preview</title><style>{_STYLE}</style><body>"
    if shown is None:
        return page
    return f'{page}<iframe class="shown" sandbox="{_SANDBOX}" src="{shown.url}"></iframe>'


def is_of_another(version: Version, text: str) -> bool:
    """Say whether a message names another version, and not this one."""
    numbers = set(_NUMBER.findall(text))
    return bool(numbers) and str(version.number) not in numbers


def line_of(version: Version, text: str) -> str:
    """Give the place in the page that a stack names first, as `name:line`; else nothing."""
    found = re.search(rf"{re.escape(version.url)}:(\d+)", text)
    return f"{version.draft.name}:{found[1]}" if found else ""
