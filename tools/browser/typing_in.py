"""Filling in what a page asks for."""

from dataclasses import dataclass
from typing import Final, Literal

from tools.base import tool
from tools.browser.acting import ACTION_MS, Hand, act
from tools.browser.aria import quoted
from tools.browser.events import page_text
from tools.browser.fields import Field
from tools.browser.keys import checked
from tools.browser.refs import locate
from tools.browser.untrusted import scrubbed
from tools.context import ToolContext
from tools.errors import ToolError
from tools.tool_classes import ToolClass


@dataclass(frozen=True, slots=True)
class FormField:
    """What goes into one field."""

    ref: str
    value: str


_TO_END: Final = """e => { e.focus();
  if (e.isContentEditable) { getSelection().selectAllChildren(e); getSelection().collapseToEnd(); }
  else try { e.setSelectionRange(e.value.length, e.value.length); } catch { } }"""
"""Not every type of input has a cursor that can be set; in these, End leads to the end."""


@tool(ToolClass.BROWSER_MUTATE)
async def browser_type(
    context: ToolContext,
    ref: str,
    text: str,
    mode: Literal["fill", "append", "keys"] = "fill",
    submit: bool = False,
    tab: str | None = None,
) -> str:
    """Type into a field, and show what has changed.

    Args:
        ref: of the field.
        text: what to type. Dates as 2026-01-31, times as 14:30.
        mode: "fill" replaces what is there, "append" adds to its end, "keys" replaces it key by
            key, for a field that completes while one types.
        submit: press Enter afterwards.
        tab: which tab; the active one if left out.
    """

    async def write(hand: Hand) -> str | None:
        field, takes = await hand.field(ref)
        takes.check_text(text)
        match mode:
            case "fill":
                await field.fill(text, timeout=ACTION_MS)
            case "append":
                await field.evaluate(_TO_END)
                await field.press("End", timeout=ACTION_MS)
                await field.press_sequentially(text, timeout=ACTION_MS)
            case "keys":
                await field.select_text(timeout=ACTION_MS)
                await field.press_sequentially(text, delay=20, timeout=10 * ACTION_MS)
        # The tree does not show what such a field holds.
        held = page_text(await field.inner_text(timeout=ACTION_MS)) if takes.is_editable else None
        if submit:
            await field.press("Enter", timeout=ACTION_MS, no_wait_after=True)
        return None if held is None else f"{ref} holds {quoted(held)}"

    return await act(context, write, tab=tab)


@tool(ToolClass.BROWSER_MUTATE)
async def browser_fill_form(
    context: ToolContext, fields: list[FormField], tab: str | None = None
) -> str:
    """Fill several fields of a form in one call, and show what has changed.

    Args:
        fields: each with the ref of a field and its value: a text, an option's label or value, or
            "true" and "false" for a checkbox or a radio button.
        tab: which tab; the active one if left out.
    """
    if not fields:
        raise ToolError("fields: give at least one, with ref and value")

    async def fill(hand: Hand) -> str:
        found = [(await _checked(hand, each), each) for each in fields]
        for place, (field, each) in enumerate(found):
            try:
                await _put(hand, field, each.value)
            except ToolError as error:
                done = ", ".join(one.ref for one in fields[:place]) or "none"
                raise ToolError(f"{error} (filled before: {done})") from error
        return f"filled {len(fields)} {'field' if len(fields) == 1 else 'fields'}"

    return await act(context, fill, tab=tab)


async def _checked(hand: Hand, given: FormField) -> Field:
    """Give a field, if it takes its value."""
    _, field = await hand.field(given.ref)
    if field.is_toggle:
        field.check_toggle(given.value)
    elif field.is_list:
        field.check_choices([given.value])
    else:
        field.check_text(given.value)
    return field


async def _put(hand: Hand, field: Field, value: str) -> None:
    """Fill a field that was checked; what was filled before may have taken it away."""
    element = await locate(hand.tab.page, field.ref)
    if field.is_toggle:
        wanted = field.check_toggle(value)
        await element.set_checked(wanted, timeout=ACTION_MS, no_wait_after=True)
    elif field.is_list:
        await element.select_option(value, timeout=ACTION_MS, no_wait_after=True)
    else:
        await element.fill(value, timeout=ACTION_MS)


@tool(ToolClass.BROWSER_MUTATE)
async def browser_select(
    context: ToolContext, ref: str, values: list[str], tab: str | None = None
) -> str:
    """Choose options of a list, by their labels or values, and show what has changed.

    Args:
        ref: of the list.
        values: all that are to be chosen.
        tab: which tab; the active one if left out.
    """

    async def select(hand: Hand) -> str:
        element, field = await hand.field(ref)
        field.check_choices(values)
        chosen = await element.select_option(values, timeout=ACTION_MS, no_wait_after=True)
        return f"chosen: {', '.join(map(scrubbed, chosen)) or 'nothing'}"

    return await act(context, select, tab=tab)


@tool(ToolClass.BROWSER_MUTATE)
async def browser_press(
    context: ToolContext, key: str, ref: str | None = None, tab: str | None = None
) -> str:
    """Press a key, and show what has changed.

    Args:
        key: such as "a", "Enter", "Escape", "ArrowDown", "Control+a".
        ref: of the element that gets it; where the focus is, if left out.
        tab: which tab; the active one if left out.
    """

    checked(key)

    async def press(hand: Hand) -> None:
        if ref is None:
            await hand.tab.page.keyboard.press(key)
        else:
            await (await hand.element(ref)).press(key, timeout=ACTION_MS, no_wait_after=True)

    return await act(context, press, tab=tab)


TYPING: Final = (browser_type, browser_fill_form, browser_select, browser_press)
