"""What a field takes, asked before anything is put into it: so a wrong value changes nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.snapshot import Element
from tools.browser.untrusted import scrubbed

if TYPE_CHECKING:
    from playwright.async_api import Locator

MOST_CHOICES: Final = 30
"""That an error names."""

TOGGLES: Final = frozenset(("checkbox", "radio", "switch", "menuitemcheckbox", "menuitemradio"))
"""Roles of what is on or off."""

_ASK: Final = """e => {
  const field = e.localName === 'label' ? e.control || e : e;
  return {tag: field.localName, type: field.type || '', multiple: !!field.multiple,
    readOnly: !!field.readOnly || field.getAttribute('aria-readonly') === 'true',
    isEditable: field.isContentEditable,
    choices: field.localName === 'select' ? [...field.options].slice(0, 2000).map(o =>
      [o.label, o.value, o.disabled || !!o.closest('optgroup:disabled')]) : []}; }"""

_NO_TEXT: Final = frozenset(
    ("button", "submit", "reset", "checkbox", "radio", "file", "image", "hidden")
)

_FORMS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = MappingProxyType(
    {
        "date": (re.compile(r"\d{4,6}-\d\d-\d\d"), "2026-01-31"),
        "time": (re.compile(r"\d\d:\d\d(:\d\d(\.\d+)?)?"), "14:30"),
        "month": (re.compile(r"\d{4,6}-\d\d"), "2026-01"),
        "week": (re.compile(r"\d{4,6}-W\d\d"), "2026-W05"),
        "datetime-local": (
            re.compile(r"\d{4,6}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?"),
            "2026-01-31T14:30",
        ),
        "color": (re.compile(r"#[0-9a-fA-F]{6}"), "#00ff00"),
        "number": (re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"), "12.5"),
        "range": (re.compile(r"[-+]?(\d+\.?\d*|\.\d+)"), "50"),
    }
)
"""By an input's type: what its value has to look like, and an example."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a list."""

    label: str
    value: str
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a page, with how it is called in what a model is told."""

    ref: str
    seen: Element
    tag: str
    type: str
    takes_several: bool
    is_read_only: bool
    is_editable: bool
    choices: tuple[Choice, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether options of it are chosen."""
        return self.tag == "select"

    @property
    def is_toggle(self) -> bool:
        """Whether it is on or off."""
        return self.seen.role in TOGGLES

    def check_text(self, text: str) -> None:
        """Refuse a text that it does not take.

        Raises:
            BrowserError: why, and what it takes.
        """
        if self.is_read_only:
            raise self._refused("is read-only")
        is_input = self.tag == "input" and self.type not in _NO_TEXT
        if not is_input and not self.is_editable and self.tag != "textarea":
            raise self._refused("takes no text; click it, or choose with browser_select")
        form, example = _FORMS.get(self.type, (None, ""))
        if form is not None and text and not form.fullmatch(text.strip()):
            raise self._refused(f"takes a {self.type} such as {example}, not {text[:60]!r}")

    def check_choices(self, wanted: Sequence[str]) -> None:
        """Refuse choices that it has not.

        Raises:
            BrowserError: which, and which there are.
        """
        if not self.is_list:
            raise self._refused("is no list: click it, and then what it opens")
        for each in wanted:
            found = [one for one in self.choices if each in {one.label, one.value}]
            if not found:
                raise self._refused(f"has no choice {each[:60]!r}; its choices are: {self._named}")
            if all(one.is_disabled for one in found):
                raise self._refused(f"does not let {each[:60]!r} be chosen: it is disabled")
        if len(wanted) > 1 and not self.takes_several:
            raise self._refused(f"takes one choice, and {len(wanted)} were given")

    def check_toggle(self, value: str) -> bool:
        """Give what a toggle is to be.

        Raises:
            BrowserError: it cannot be that.
        """
        wanted = value.strip().lower()
        if wanted not in {"true", "false"}:
            raise self._refused(f'takes "true" or "false", not {value[:60]!r}')
        if self.seen.role == "radio" and wanted == "false":
            raise self._refused("is a radio button: choose another one of its group instead")
        return wanted == "true"

    @property
    def _named(self) -> str:
        labels = [scrubbed(one.label) or scrubbed(one.value) for one in self.choices]
        more = len(labels) - MOST_CHOICES
        rest = f" and {more:,} more" if more > 0 else ""
        return (", ".join(labels[:MOST_CHOICES]) or "none") + rest

    def _refused(self, why: str) -> BrowserError:
        return BrowserError(
            BrowserCode.ACTION_FAILED, f"{self.ref} ({self.seen}) {why}; nothing was done."
        )


async def field_of(locator: "Locator", ref: str, seen: Element) -> Field:
    """Ask an element what it takes."""
    asked: dict[str, Any] = await locator.evaluate(_ASK)
    choices = tuple(Choice(label, value, off) for label, value, off in asked["choices"])
    return Field(
        ref,
        seen,
        tag=asked["tag"],
        type=asked["type"],
        takes_several=asked["multiple"],
        is_read_only=asked["readOnly"],
        is_editable=asked["isEditable"],
        choices=choices,
    )
