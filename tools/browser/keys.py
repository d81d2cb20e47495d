"""The keys that can be pressed. Pure.

They are checked before: of a combination whose last key is none, the others would stay pressed.
"""

import string
from typing import Final

from tools.errors import ToolError

MODIFIERS: Final = ("Control", "Shift", "Alt", "Meta", "ControlOrMeta")

NAMED: Final = (
    "Enter",
    "Tab",
    "Escape",
    "Space",
    "Backspace",
    "Delete",
    "Insert",
    "Home",
    "End",
    "PageUp",
    "PageDown",
    "ArrowUp",
    "ArrowDown",
    "ArrowLeft",
    "ArrowRight",
    "CapsLock",
    "ContextMenu",
    *(f"F{number}" for number in range(1, 13)),
)

_CODES: Final = frozenset(
    (
        *(f"Key{letter}" for letter in string.ascii_uppercase),
        *(f"Digit{digit}" for digit in string.digits),
    )
)

_CHARACTERS: Final = frozenset(string.ascii_letters + string.digits + string.punctuation + " ")


def checked(key: str) -> str:
    """Give a key or a combination, if there is such a one.

    Raises:
        ToolError: there is none; the text names those that are.
    """
    if key.endswith("++") or key == "+":
        first, last = key[:-2], "+"
    else:
        first, _, last = key.rpartition("+")
    modifiers = first.split("+") if len(key) > len(last) else []
    unknown = [each for each in modifiers if each not in MODIFIERS]
    if last not in {*NAMED, *_CODES, *MODIFIERS} and last not in _CHARACTERS:
        unknown.append(last)
    if unknown:
        raise ToolError(
            f"key: {key[:60]!r} is no key, because of {unknown[0][:30]!r}. Press a character such "
            f"as a, or one of {', '.join(NAMED[:-12])}, F1 to F12, after any of "
            f"{', '.join(MODIFIERS)}, as in Control+a. Text goes through browser_type."
        )
    return key
