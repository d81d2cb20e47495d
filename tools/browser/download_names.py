"""A file's name that is safe to write, out of what a page suggests. Pure.

One component, visible, that no system reserves, and short enough for every file system.
"""

import os
import re
import unicodedata
from typing import Final

MOST_BYTES: Final = 180
"""Of a name in UTF-8: room is left for a number, within the 255 that systems take."""

_MOST_ENDING: Final = 30

_SEPARATORS: Final = re.compile(r'[<>:"/\\|?*]')

_UNSEEN: Final = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))
"""Categories of characters that nobody sees, or that turn the direction of others."""

_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=$|[. ])", re.IGNORECASE)
"""Devices of Windows, whatever their ending: a workspace may be shared with one."""


def file_name(suggested: str) -> str:
    """Make a file's name out of what a page suggests."""
    name = unicodedata.normalize("NFC", _SEPARATORS.sub("_", suggested))
    name = "".join("_" if unicodedata.category(each) in _UNSEEN else each for each in name)
    name = name.strip(" .")
    if name.startswith("-"):  # a program would take it for an option
        name = f"_{name[1:]}"
    if _RESERVED.match(name):
        name = f"_{name}"
    stem, ending = os.path.splitext(name)  # noqa: PTH122  (a name, no path)
    ending = _short(ending, _MOST_ENDING)
    stem = _short(stem, MOST_BYTES - len(ending.encode()))
    return f"{stem}{ending}".strip(" .") or "download"


def numbered(name: str, number: int) -> str:
    """Give the name of the first, second and so on file of a name."""
    if number == 1:
        return name
    stem, ending = os.path.splitext(name)  # noqa: PTH122  (a name, no path)
    return f"{stem} ({number}){ending}"


def _short(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
