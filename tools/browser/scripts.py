"""What our scripts in a page share, as JavaScript.

`STATE` is what a document remembers for us, under a symbol: a token of the document, and which
element has which `x` ref. A page could change it, and would harm only what is said about itself.
"""

from typing import Final

STATE: Final = """
const KEY = Symbol.for('page-reader');
const state = globalThis[KEY] || (Object.defineProperty(globalThis, KEY, {value: {
  token: Math.random().toString(36).slice(2) + Date.now().toString(36),
  refs: new WeakMap(), elements: new Map(), hollow: [],
}}), globalThis[KEY]);
"""

COMMON: Final = r"""
const up = e => e.assignedSlot || e.parentElement ||
  (e.getRootNode() instanceof ShadowRoot ? e.getRootNode().host : null);
const boxOf = e => { const r = e.getBoundingClientRect();
  return [r.x, r.y, r.width, r.height].map(Math.round); };
const textOf = (e, most = 200) => {
  const text = e.getAttribute('aria-label') || e.innerText || e.textContent ||
    e.getAttribute('title') || e.getAttribute('alt') ||
    (e.querySelector && e.querySelector('title,[title],[alt]') || {getAttribute() {}})
      .getAttribute('title') || '';
  const own = text.replace(/\s+/g, ' ').trim();
  if (own) return own.slice(0, most);
  const names = typeof e.className === 'string' ? e.className : e.getAttribute('class') || '';
  // Both: of what shows no text, its state is kept in its classes nearly always.
  return ((e.id && '#' + e.id) + (names.trim() && '.' + names.trim().split(/\s+/).join('.')) ||
    e.localName).slice(0, most);
};
const chainOf = (e, most = 520) => {
  const boxes = [];
  for (let each = up(e); each && boxes.length < most; each = up(each)) boxes.push(boxOf(each));
  return boxes;
};
const pathOf = e => {
  const parts = []; let path = [];
  for (let each = e; each; ) {
    const parent = each.parentNode;
    if (parent && parent.children)
      path.unshift(`${CSS.escape(each.localName)}:nth-child(${
        [...parent.children].indexOf(each) + 1})`);
    if (parent instanceof ShadowRoot) { parts.unshift(path.join('>')); path = []; }
    each = parent instanceof ShadowRoot ? parent.host : parent instanceof Element ? parent : null;
  }
  parts.unshift(path.join('>'));
  return parts;
};
const everything = function* (root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT);
  for (let e = walker.nextNode(); e; e = walker.nextNode()) {
    yield e;
    if (e.shadowRoot) yield* everything(e.shadowRoot);
  }
};
const isSeen = e => { const r = e.getBoundingClientRect();
  return r.width > 0 && r.height > 0 &&
    (!e.checkVisibility || e.checkVisibility({visibilityProperty: true})); };
"""
