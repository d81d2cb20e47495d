"""Whether an element can be clicked where it is: seen, enabled, and nothing above it.

The point is the middle of the element's first box, where Playwright clicks. It is asked for in the
element's own frame, and then in each frame around that, since a banner of the outer page covers
what is in an inner one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tools.browser.aria import Box
from tools.browser.scripts import COMMON
from tools.browser.untrusted import scrubbed

if TYPE_CHECKING:
    from playwright.async_api import ElementHandle, Frame, Locator

_DESCRIBE: Final = (
    COMMON
    + r"""
const within = (inner, outer) => { for (let e = inner; e; e = up(e)) if (e === outer) return true;
  return false; };
const hit = (root, x, y) => { let e = root.elementFromPoint(x, y);
  while (e && e.shadowRoot) { const inner = e.shadowRoot.elementFromPoint(x, y);
    if (!inner || inner === e) break; e = inner; }
  return e; };
const ROLES = {A: 'link', BUTTON: 'button', INPUT: 'input', DIALOG: 'dialog', IFRAME: 'iframe',
  IMG: 'img', HEADER: 'banner', NAV: 'navigation'};
const labelled = e => { for (let each = e; each && each !== document.body; each = up(each))
  if (each.getAttribute('role') || each.localName === 'dialog' || each.id) return each; return e; };
const cover = (e, x, y) => {
  const top = hit(document, x, y);
  if (!top || within(top, e)) return null;
  // What stands around the element is not above it: it shows through, as with `pointer-events`.
  const named = labelled(top);
  const shown = within(e, named) ? top : named;
  return {role: shown.getAttribute('role') || ROLES[shown.nodeName] || shown.localName,
    name: textOf(shown, 80), boxes: [boxOf(shown), ...chainOf(shown, 6)]};
};
"""
)

_PROBE: Final = (
    "e => {"
    + _DESCRIBE
    + r"""
if (!e.isConnected) return {state: 'gone'};
let box = [...e.getClientRects()].find(r => r.width > 0 && r.height > 0);
if (!box || !isSeen(e)) return {state: 'unseen'};
const disabled = e.matches(':disabled') || !!e.closest('[aria-disabled=true]');
const middle = () => { box = [...e.getClientRects()].find(r => r.width > 0 && r.height > 0) || box;
  return [box.x + box.width / 2, box.y + box.height / 2]; };
let [x, y] = middle();
if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight || (hit(document, x, y) || 0) !== e) {
  if (cover(e, x, y) || x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) {
    e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
    [x, y] = middle();
  }
}
const inView = x >= 0 && y >= 0 && x < innerWidth && y < innerHeight;
return {state: disabled ? 'disabled' : inView ? 'ready' : 'outside', x, y,
  text: (e.innerText || '').slice(0, 400), cover: inView ? cover(e, x, y) : null};
}"""
)

_IN_FRAME: Final = (
    "(e, [x, y]) => {"
    + _DESCRIBE
    + """
const box = e.getBoundingClientRect();
const style = getComputedStyle(e);
const left = box.x + e.clientLeft + parseFloat(style.paddingLeft) + x;
const top = box.y + e.clientTop + parseFloat(style.paddingTop) + y;
const inView = left >= 0 && top >= 0 && left < innerWidth && top < innerHeight;
return {x: left, y: top, cover: inView ? cover(e, left, top) : null};
}"""
)


@dataclass(frozen=True, slots=True)
class Cover:
    """What lies above an element at the point of a click."""

    role: str
    name: str
    boxes: tuple[Box, ...]
    """Of that, and of what it is in."""
    is_outside: bool = False
    """Whether it is in a frame around that of the element."""

    def __str__(self) -> str:
        return f'{self.role} "{self.name}"' if self.name else self.role


@dataclass(frozen=True, slots=True)
class Probe:
    """How an element stands."""

    state: str
    """`ready`, `disabled`, `unseen`, `outside` (of what can be scrolled to) or `gone`."""
    text: str = ""
    cover: Cover | None = None


async def probe(locator: "Locator", *, is_framed: bool, seconds: float) -> Probe:
    """Look at an element, and bring it into view.

    Raises:
        playwright.async_api.Error: it is gone, or the page does not answer.
    """
    handle = await locator.element_handle(timeout=seconds * 1000)
    answer: dict[str, Any] = await handle.evaluate(_PROBE)
    cover = _cover(answer.get("cover"))
    if cover is None and is_framed and answer["state"] == "ready":
        cover = await _outer_cover(handle, answer["x"], answer["y"])
    return Probe(answer["state"], scrubbed(answer.get("text", "")), cover)


async def _outer_cover(handle: "ElementHandle", x: float, y: float) -> Cover | None:
    frame: Frame | None = await handle.owner_frame()
    while frame is not None and frame.parent_frame is not None:
        element = await frame.frame_element()
        answer = await element.evaluate(_IN_FRAME, [x, y])
        if answer["cover"]:
            return _cover(answer["cover"], is_outside=True)
        x, y, frame = answer["x"], answer["y"], frame.parent_frame
    return None


def _cover(answer: dict[str, Any] | None, *, is_outside: bool = False) -> Cover | None:
    if not answer:
        return None
    boxes = tuple((each[0], each[1], each[2], each[3]) for each in answer["boxes"])
    return Cover(scrubbed(answer["role"])[:40], scrubbed(answer["name"]), boxes, is_outside)
