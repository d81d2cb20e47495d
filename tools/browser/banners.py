"""Dismiss what lies over a page and is no part of what it is for: cookie banners, newsletters.

The rules that this file keeps:

- only what lies over the page is looked at: a dialog, or something fixed; never the page itself;
- a consent dialog is answered with the least consent that it offers; a newsletter is closed;
- what asks for a password, a payment or a decision, such as to delete, is never touched, whatever
  else it says: better a banner that stays than an answer in somebody's name;
- everything that was dismissed is named.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tools.browser.banner_texts import ACCEPT, CLOSE, CONSENT, DECIDES, NEWSLETTER, REJECT
from tools.browser.scripts import COMMON, STATE
from tools.browser.untrusted import scrubbed

if TYPE_CHECKING:
    from playwright.async_api import Frame, Page

_MOST: Final = 4
"""Dismissed at once; a page may show a banner over a banner."""
_MILLISECONDS: Final = 1500
"""For one click."""

_KNOWN: Final = (
    "#onetrust-banner-sdk,#onetrust-consent-sdk,#CybotCookiebotDialog,#usercentrics-root,"
    "#didomi-host,.qc-cmp2-container,#truste-consent-track,#cookie-law-info-bar,"
    ".cky-consent-container,.cc-window,.osano-cm-window,#iubenda-cs-banner,#klaro,#cmpbox,"
    "#tarteaucitronRoot,#axeptio_overlay,#cookiescript_injected,#gdpr-cookie-message,#cookieConsent"
)
"""Of the widely used consent dialogs."""

_FIND: Final = (
    "given => {"
    + STATE
    + COMMON
    + r"""
const has = (pattern, text) => new RegExp(pattern, 'iu').test(text);
const is = (pattern, text) => new RegExp(`^(?:${pattern})$`, 'iu').test(text);
const inside = function* (root) { yield* everything(root);
  if (root.shadowRoot) yield* everything(root.shadowRoot); };
const readable = e => { const texts = [];
  for (const each of [e, ...inside(e)]) {
    if (/^(script|style|noscript|template)$/.test(each.localName)) continue;
    for (const node of each.childNodes) if (node.nodeType === 3) texts.push(node.nodeValue);
    if (texts.length > 400) break;
  }
  return texts.join(' ').replace(/\s+/g, ' ').trim().slice(0, 6000); };
const label = e => (e.innerText || e.value || e.getAttribute('aria-label') || e.title || '')
  .replace(/\s+/g, ' ').trim();
const isDialog = e => e.matches('dialog[open],[role=dialog],[role=alertdialog],[aria-modal=true]');
const isOver = e => { if (isDialog(e)) return true;
  const style = getComputedStyle(e);
  return style.position === 'fixed' || style.position === 'sticky' ||
    (style.position === 'absolute' && Number(style.zIndex) > 0); };
const buttonsOf = e => [...inside(e)].filter(each => isSeen(each) && !each.disabled &&
  (each.matches('button,[role=button],input[type=button],input[type=submit],a,[onclick]') ||
   is(given.close, (each.getAttribute('aria-label') || '').trim())));
const looksClosing = e =>
  [label(e), e.getAttribute('aria-label') || '', e.title || ''].some(each => is(given.close, each));
const FORBIDDEN = 'input[type=password],input[autocomplete^=cc-],input[name*=card i],' +
  'input[autocomplete=one-time-code],input[type=file],iframe[src*=pay i],iframe[src*=captcha i]';
const choose = e => {
  const text = readable(e); const known = e.matches(given.known);
  if ([...inside(e)].some(each => each.matches(FORBIDDEN) && isSeen(each))) return null;
  const buttons = buttonsOf(e);
  const heads = [...inside(e)]
    .filter(each => each.matches('h1,h2,h3,h4,[role=heading]')).map(label);
  const titles = [...heads, e.getAttribute('aria-label') || '', ...buttons.map(label)];
  if (titles.some(each => has(given.decides, each))) return null;
  if (known || has(given.consent, text)) {
    const pick = p => buttons.find(each => is(p, label(each)));
    const button = pick(given.reject) || pick(given.accept) || buttons.find(looksClosing);
    return button ? {button, kind: 'cookie banner'} : null;
  }
  if (has(given.newsletter, text)) {
    const button = buttons.find(looksClosing);
    return button ? {button, kind: 'newsletter'} : null;
  }
  return null;
};
const overs = [];
for (const e of everything(document)) {
  if (overs.length > 40) break;
  if (e === document.body || !(e.matches(given.known) || isOver(e))) continue;
  if (!isSeen(e) && !e.matches(given.known)) continue;
  overs.push(e);
}
if (window !== top && document.body) overs.push(document.body);
for (const e of overs) {
  const known = e.matches(given.known) || isOver(e);
  const chosen = known || window !== top ? choose(e) : null;
  if (!chosen) continue;
  state.banner = e;
  state.button = chosen.button;
  const head = e.querySelector('h1,h2,h3,h4,[role=heading]');
  return {kind: chosen.kind, name: (e.getAttribute('aria-label') || (head && label(head)) ||
    readable(e)).slice(0, 80), button: label(chosen.button).slice(0, 40) || 'Close',
    paths: pathOf(chosen.button)};
}
return null;
}"""
)

_IS_BUTTON: Final = "e => e === globalThis[Symbol.for('page-reader')].button"
_IS_GONE: Final = (
    "() => {"
    + STATE
    + COMMON
    + """
return new Promise(done => requestAnimationFrame(() => setTimeout(() =>
  done(!state.button.isConnected || !isSeen(state.button))))); }"""
)


@dataclass(frozen=True, slots=True)
class Dismissed:
    """What was over a page and is not any more."""

    kind: str
    """`cookie banner` or `newsletter`."""
    name: str
    button: str
    """What was clicked."""

    def __str__(self) -> str:
        return f'{self.kind} "{self.name}": clicked "{self.button}"'


async def dismiss(page: "Page") -> list[Dismissed]:
    """Dismiss the cookie banners and newsletters that lie over a page; say which.

    Raises:
        playwright.async_api.Error: the page is gone.
    """
    dismissed: list[Dismissed] = []
    for frame in tuple(page.frames):
        while len(dismissed) < _MOST and (one := await _dismiss_one(frame)):
            dismissed.append(one)
    return dismissed


async def _dismiss_one(frame: "Frame") -> Dismissed | None:
    from playwright.async_api import Error  # noqa: PLC0415  (slow to import)

    found: dict[str, Any] | None = None
    try:
        found = await frame.evaluate(_FIND, _GIVEN)
        is_gone = (
            found is not None
            and await _clicked(frame, found["paths"])
            and await frame.evaluate(_IS_GONE)
        )
    except Error:
        is_gone = frame.is_detached()  # A frame may go away with the banner that it shows.
    if found is None or not is_gone:
        return None
    return Dismissed(found["kind"], scrubbed(found["name"]), scrubbed(found["button"]))


async def _clicked(frame: "Frame", paths: list[str]) -> bool:
    locator = frame.locator(f"css={paths[0]}")
    for path in paths[1:]:
        locator = locator.locator(f"css={path}")
    for at in range(await locator.count()):
        if await locator.nth(at).evaluate(_IS_BUTTON):
            await locator.nth(at).click(timeout=_MILLISECONDS)
            return True
    return False


_BOUNDARY: Final = r"(?:(?<=[\p{L}\p{N}])(?![\p{L}\p{N}])|(?<![\p{L}\p{N}])(?=[\p{L}\p{N}]))"
"""JavaScript's own boundary of a word knows the letters of ASCII only."""


def _one(texts: tuple[str, ...]) -> str:
    return "|".join(texts).replace(r"\b", _BOUNDARY)


_GIVEN: Final = {
    "known": _KNOWN,
    "consent": _one(CONSENT),
    "reject": _one(REJECT),
    "accept": _one(ACCEPT),
    "close": _one(CLOSE),
    "newsletter": _one(NEWSLETTER),
    "decides": _one(DECIDES),
}
