"""Find elements that can be clicked and have no ref, and give them refs of our own (`x1`).

Neither HTML nor ARIA says that such an element can be clicked, so the accessibility tree has no ref
for it. Chromium's debugger knows the listeners; it is asked once for each frame (3 to 5 ms). What
is nested too deep for the tree is found here as well, if it can be acted on.

A ref is never given twice in a page, not even to another document. A frame that has a process of
its own, being of another site, is not asked: `Sweep.unasked` counts those.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from tools.browser.aria import Box
from tools.browser.scripts import COMMON, STATE
from tools.browser.untrusted import scrubbed

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Frame, Locator, Page

DEEPEST: Final = 48
"""Levels of a document that its tree has. Playwright 1.65 cannot hand over more than about 55: it
fails, and tries again until its time is over."""

_MOST_HOLLOW: Final = 8
"""Elements of a frame that are asked whether they have a closed shadow root."""

_SWEEP: Final = (
    "((next, deepest) => {"
    + STATE
    + COMMON
    + r"""
const EVENTS = ['click', 'dblclick', 'mousedown', 'mouseup', 'pointerdown', 'pointerup',
  'touchstart', 'contextmenu'];
const ROLES = 'a[href],button,input,select,textarea,option,summary,label,iframe,[role=button],' +
  '[role=link],[role=checkbox],[role=radio],[role=tab],[role=menuitem],[role=option],' +
  '[role=switch],[role=treeitem],[role=combobox],[role=textbox],[contenteditable=true]';
const HOSTS = /^(article|aside|blockquote|div|footer|h[1-6]|header|main|nav|p|section|span|.*-.*)$/;
const MOST = 20000, MOST_FOUND = 400, MOST_INSIDE = 30;
const listens = e => EVENTS.some(name => e['on' + name]) ||
  Object.keys(getEventListeners(e)).some(name => EVENTS.includes(name));
const within = e => { for (let each = e; each; each = up(each))
  if (each.matches(ROLES)) return true; return false; };
const isDeep = e => { let depth = 0;
  for (let each = e; each; each = up(each)) if (++depth > deepest) return true; return false; };
const TYPED = 'textarea,input:not([type=button],[type=submit],[type=reset],[type=checkbox],' +
  '[type=radio],[type=image],[type=file],[type=color],[type=range])';
const UNNAMED = 'button,a[href],[role=button],[role=link],input[type=image]';
const labelOf = e => (e.innerText || '').trim() || e.title || e.getAttribute('aria-label') ||
  e.getAttribute('aria-labelledby') || e.alt || e.value ||
  e.querySelector('[alt],[title],[aria-label],title');
const found = []; let seen = 0, secrets = 0; state.hollow = [];
for (const e of everything(document)) {
  if (++seen > MOST || found.length >= MOST_FOUND) break;
  if (e.localName === 'input' && (e.type === 'password' || /password/.test(e.autocomplete)))
    secrets++;
  if (e === document.body || e === document.documentElement) continue;
  if (!e.firstChild && !e.shadowRoot && state.hollow.length < """
    + str(_MOST_HOLLOW)
    + r""" &&
      HOSTS.test(e.localName) && isSeen(e)) state.hollow.push(e);
  if (e.localName === 'textarea' && isSeen(e))
    found.push({ref: '', role: 'multiline', name: '', box: boxOf(e), chain: []});
  if (e.matches(UNNAMED) && isSeen(e) && !labelOf(e)) {
    const hint = textOf(e);
    if (/^[#.]/.test(hint))
      found.push({ref: '', role: 'hint', name: hint, box: boxOf(e), chain: []});
  }
  const isControl = e.matches(ROLES);
  if (isControl ? !isDeep(e) : !listens(e) || within(e)) continue;
  if (!isSeen(e) || e.getElementsByTagName('*').length > MOST_INSIDE) continue;
  let ref = state.refs.get(e);
  if (!ref) { ref = 'x' + next++; state.refs.set(e, ref); }
  state.elements.set(ref, new WeakRef(e));
  const role = e.matches(TYPED) ? 'textbox' : 'clickable';
  found.push({ref, role, name: textOf(e), box: boxOf(e), chain: chainOf(e)});
}
return {token: state.token, next, secrets, found, hollow: state.hollow.length};
})"""
)

MULTILINE: Final = "multiline"
"""Role of what the tree shows as a textbox, and in which Enter begins a new line."""
HINT: Final = "hint"
"""Role of what the tree shows without a name: its id and classes say what it may be."""

_HOLLOW: Final = "globalThis[Symbol.for('page-reader')].hollow[%d]"
DOCUMENT: Final = "() => (globalThis[Symbol.for('page-reader')] || {}).token"
_LOOK_UP: Final = (
    "ref => {"
    + STATE
    + COMMON
    + """
const held = state.elements.get(ref); const e = held && held.deref();
return e && e.isConnected ? {paths: pathOf(e), name: textOf(e)} : null; }"""
)
_IS: Final = (
    "(e, ref) => { const held = globalThis[Symbol.for('page-reader')].elements.get(ref);"
    " return !!held && held.deref() === e; }"
)


@dataclass(frozen=True, slots=True)
class Listening:
    """An element that can be acted on."""

    ref: str
    role: str
    name: str
    box: Box
    around: tuple[Box, ...]
    """The boxes of what it is in, from the nearest outwards."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What was found in all frames of a page."""

    listening: Mapping[str, tuple[Listening, ...]]
    """By token of the document; only documents that have any."""
    main: str
    """The main document's token."""
    secrets: int
    """Password inputs."""
    unasked: int
    """Frames with a process of their own, of which nothing of this is known."""
    closed: tuple[str, ...]
    """Tags of elements whose shadow root cannot be read."""


class _Debugger:
    """What is kept of a page: its debugger's session, its frames' contexts, the next ref."""

    def __init__(self, session: "CDPSession") -> None:
        self.session = session
        self.contexts: dict[int, str] = {}
        """Id and frame of the contexts in which pages' own scripts run."""
        self.next = 1
        self.lock = asyncio.Lock()
        session.on("Runtime.executionContextCreated", self._created)
        session.on("Runtime.executionContextDestroyed", self._destroyed)
        session.on("Runtime.executionContextsCleared", self._cleared)

    def __repr__(self) -> str:
        return f"<_Debugger {len(self.contexts)} contexts, next x{self.next}>"

    def _created(self, event: dict[str, Any]) -> None:
        context = event["context"]
        if context.get("auxData", {}).get("isDefault"):
            self.contexts[context["id"]] = context["auxData"]["frameId"]

    def _destroyed(self, event: dict[str, Any]) -> None:
        self.contexts.pop(event["executionContextId"], None)

    def _cleared(self, _: dict[str, Any]) -> None:
        self.contexts.clear()


_debuggers: "WeakKeyDictionary[Page, asyncio.Task[_Debugger]]" = WeakKeyDictionary()


async def sweep(page: "Page") -> Sweep:
    """Ask every frame of a page who listens for clicks."""
    debugger = await _debugger(page)
    async with debugger.lock:
        main = (await debugger.session.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        answers = {}
        for context, frame in tuple(debugger.contexts.items()):
            answer = await _ask(debugger, context)
            if answer is not None:
                answers[frame] = answer
                debugger.next = answer["next"]
    listening = {
        answer["token"]: tuple(_listening(each) for each in answer["found"])
        for answer in answers.values()
        if answer["found"]
    }
    closed = sorted({tag for answer in answers.values() for tag in answer["closed"]})
    secrets = sum(answer["secrets"] for answer in answers.values())
    token = answers[main]["token"] if main in answers else ""
    unasked = max(0, len(page.frames) - len(answers))
    return Sweep(listening, token, secrets, unasked, tuple(closed))


async def _debugger(page: "Page") -> _Debugger:
    # A task, so that two that ask at once share one.
    if page not in _debuggers:
        _debuggers[page] = asyncio.ensure_future(_attached(page))
    try:
        return await asyncio.shield(_debuggers[page])
    except BaseException:
        if page in _debuggers and _debuggers[page].done():
            _debuggers.pop(page)
        raise


async def _attached(page: "Page") -> _Debugger:
    debugger = _Debugger(await page.context.new_cdp_session(page))
    await debugger.session.send("Runtime.enable")
    return debugger


async def _ask(debugger: _Debugger, context: int) -> dict[str, Any] | None:
    """Ask one frame; None when it is gone."""
    from playwright.async_api import Error  # noqa: PLC0415  (slow to import)

    asked = {
        "expression": f"{_SWEEP}({debugger.next}, {DEEPEST})",
        "contextId": context,
        "includeCommandLineAPI": True,
        "returnByValue": True,
    }
    try:
        reply = await debugger.session.send("Runtime.evaluate", asked)
        answer: dict[str, Any] | None = reply["result"].get("value")
        if answer is not None:
            hollow = [_closed(debugger, context, at) for at in range(answer["hollow"])]
            answer["closed"] = [tag for tag in await asyncio.gather(*hollow) if tag]
    except Error:
        return None
    return answer


async def _closed(debugger: _Debugger, context: int, index: int) -> str | None:
    """Give the tag of an element that looks empty, when it has a closed shadow root."""
    asked = {"expression": _HOLLOW % index, "contextId": context}
    found = (await debugger.session.send("Runtime.evaluate", asked))["result"].get("objectId")
    if found is None:
        return None
    described = await debugger.session.send("DOM.describeNode", {"objectId": found})
    node = described["node"]
    kinds = [root.get("shadowRootType") for root in node.get("shadowRoots", ())]
    return scrubbed(node["localName"]) if "closed" in kinds else None


def _listening(found: dict[str, Any]) -> Listening:
    x, y, width, height = found["box"]
    around = tuple((each[0], each[1], each[2], each[3]) for each in found["chain"])
    return Listening(
        found["ref"], found["role"], scrubbed(found["name"]), (x, y, width, height), around
    )


async def find(page: "Page", ref: str) -> "tuple[Locator, str] | None":
    """Find the element of an `x` ref, and its name now; None when it is not there any more."""
    from playwright.async_api import Error  # noqa: PLC0415  (slow to import)

    for frame in page.frames:
        try:
            answer = await frame.evaluate(_LOOK_UP, ref)
            locator = await _located(frame, answer["paths"], ref) if answer else None
        except Error:
            continue
        if locator is not None:
            return locator, scrubbed(answer["name"])
    return None


async def _located(frame: "Frame", paths: list[str], ref: str) -> "Locator | None":
    locator = frame.locator(f"css={paths[0]}")
    for path in paths[1:]:
        locator = locator.locator(f"css={path}")
    for at in range(await locator.count()):
        if await locator.nth(at).evaluate(_IS, ref):
            return locator.nth(at)
    return None
