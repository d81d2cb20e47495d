"""Filling in what a page asks for."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from scheduler import Access
from tools.base import tool
from tools.browser.acting import ACTION_MS, Hand, act
from tools.context import ToolContext
from tools.declaration import Arguments
from tools.errors import ToolError
from tools.file_resources import file_resources
from tools.tool_classes import Place, ToolClass, browser_resource
from tools.workspace import Workspace

if TYPE_CHECKING:
    from playwright.async_api import FilePayload


@dataclass(frozen=True, slots=True)
class FormField:
    """What goes into one field."""

    ref: str
    value: str


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
        mode: "fill" replaces what is there, "append" adds to its end, "keys" presses key by key,
            for a field that completes while one types.
        submit: press Enter afterwards.
        tab: which tab; the active one if left out.
    """

    async def write(hand: Hand) -> None:
        field = await hand.element(ref)
        match mode:
            case "fill":
                await field.fill(text, timeout=ACTION_MS)
            case "append":
                await field.press("End", timeout=ACTION_MS)
                await field.press_sequentially(text, timeout=ACTION_MS)
            case "keys":
                await field.press_sequentially(text, delay=20, timeout=10 * ACTION_MS)
        if submit:
            await field.press("Enter", timeout=ACTION_MS)

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
        for place, each in enumerate(fields):
            try:
                await _fill(hand, each)
            except ToolError as error:
                done = ", ".join(one.ref for one in fields[:place]) or "none"
                raise ToolError(f"{error} (filled before: {done})") from error
        return f"filled {len(fields)} fields"

    return await act(context, fill, tab=tab)


async def _fill(hand: Hand, given: FormField) -> None:
    element = await hand.element(given.ref)
    role = hand.seen.elements[given.ref].role if hand.seen is not None else ""
    if role in {"checkbox", "radio", "switch"}:
        wanted = given.value.strip().lower()
        if wanted not in {"true", "false"}:
            raise ToolError(f'fields: {given.ref} is a {role}: its value is "true" or "false"')
        await element.set_checked(wanted == "true", timeout=ACTION_MS)
    elif await element.evaluate("element => element.tagName") == "SELECT":
        await element.select_option(given.value, timeout=ACTION_MS)
    else:
        await element.fill(given.value, timeout=ACTION_MS)


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
        chosen = await (await hand.element(ref)).select_option(values, timeout=ACTION_MS)
        return f"chosen: {', '.join(chosen)}"

    return await act(context, select, tab=tab)


@tool(ToolClass.BROWSER_MUTATE)
async def browser_press(
    context: ToolContext, key: str, ref: str | None = None, tab: str | None = None
) -> str:
    """Press a key, and show what has changed.

    Args:
        key: such as "Enter", "Escape", "ArrowDown", "Control+a".
        ref: of the element that gets it; where the focus is, if left out.
        tab: which tab; the active one if left out.
    """

    async def press(hand: Hand) -> None:
        if ref is None:
            await hand.tab.page.keyboard.press(key)
        else:
            await (await hand.element(ref)).press(key, timeout=ACTION_MS)

    return await act(context, press, tab=tab)


def _uploads(arguments: Arguments, place: Place) -> Access:
    files = [file_resources(place.workspace, path, place.unsettled) for path in arguments["paths"]]
    browser = browser_resource(place.session)
    return Access(reads=frozenset().union(*files), writes=frozenset((browser,)))


@tool(ToolClass.BROWSER_MUTATE, access=_uploads)
async def browser_upload(
    context: ToolContext, ref: str, paths: list[str], tab: str | None = None
) -> str:
    """Give files of the workspace to a file input, and show what has changed.

    Args:
        ref: of the input, or of the button that opens the choice.
        paths: the files, relative to the workspace; none takes back what was chosen.
        tab: which tab; the active one if left out.
    """
    files = await asyncio.to_thread(_read, context, paths)

    async def upload(hand: Hand) -> str:
        element = await hand.element(ref, for_click=False)
        if await element.evaluate("element => element.type === 'file'"):
            await element.set_input_files(files, timeout=ACTION_MS)
        else:
            async with hand.tab.page.expect_file_chooser(timeout=ACTION_MS) as chooser:
                await element.click(timeout=ACTION_MS)
            await (await chooser.value).set_files(files, timeout=ACTION_MS)
        return f"given: {', '.join(paths) or 'no file'}"

    return await act(context, upload, tab=tab)


_MOST_BYTES: Final = 50 * 1024 * 1024


def _read(context: ToolContext, paths: list[str]) -> list["FilePayload"]:
    """Read the files, confined to the workspace: what is uploaded is what was read."""
    workspace = Workspace(context.workspace)
    read: list[FilePayload] = []
    for path in paths:
        with workspace.open_file(path) as opened, open(opened.take(), "rb") as file:  # noqa: PTH123  (a descriptor)
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ToolError(f"paths: {path!r} is larger than {_MOST_BYTES:,} bytes")
        name = path.rpartition("/")[2]
        read.append({"name": name, "mimeType": "application/octet-stream", "buffer": data})
    return read


TYPING: Final = (browser_type, browser_fill_form, browser_select, browser_press, browser_upload)
