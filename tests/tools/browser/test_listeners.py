"""Elements that only listen for clicks have refs of our own, which stay."""

import pytest

from tools.browser.listeners import find
from tools.browser.refs import check
from tools.browser.snapshot import take

from .fixture_pages import (  # noqa: F401  (fixtures)
    LISTENERS,
    SHADOWS,
    opened_page,
    started_browser,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def ours(snapshot):
    return {ref: each.name for ref, each in snapshot.elements.items() if ref.startswith("x")}


async def test_each_stands_where_it_is_drawn_and_what_has_a_ref_is_only_marked(page):
    await page.set_content(LISTENERS)
    lines = (await take(page)).lines
    assert [(each.depth, each.role, each.name or each.text, each.clickable) for each in lines] == [
        (0, "generic", "", False),
        (1, "paragraph", "Some first and second words, third", False),
        (2, "clickable", "first", False),
        (2, "clickable", "second", False),
        (1, "generic", "", False),
        (2, "heading", "Post 1", False),
        (2, "clickable", ".like", False),
        (2, "heading", "Post 2", False),
        (2, "clickable", ".like", False),
        (1, "button", "within a button", False),
        (1, "generic", "A block", True),
        (1, "img", "Star", True),
    ]


async def test_a_ref_stays_with_its_element_while_others_come_and_go(page):
    await page.set_content(LISTENERS)
    before = ours(await take(page))
    await page.evaluate(
        """() => {
          const fresh = document.createElement('span');
          fresh.onclick = () => {}; fresh.textContent = 'new';
          document.querySelector('p').prepend(fresh);
          document.querySelector('#a').remove(); }"""
    )
    after = ours(await take(page))
    first = next(ref for ref, name in before.items() if name == "first")
    assert {ref: name for ref, name in after.items() if ref in before} == {
        ref: name for ref, name in before.items() if ref != first
    }
    assert [name for ref, name in after.items() if ref not in before] == ["new"]


async def test_a_ref_is_not_given_again_to_another_document(page):
    await page.set_content(LISTENERS)
    before = set(ours(await take(page)))
    await page.goto("data:text/html,<p><span onclick='1'>other</span> text</p>")
    after = ours(await take(page))
    assert list(after.values()) == ["other"]
    assert not before & set(after)


async def test_it_is_clicked_through_its_ref_also_in_shadow_roots_and_frames(page):
    await page.set_content(
        """<div id=host></div><iframe srcdoc="<p>In <span>a frame</span></p><script>
        document.querySelector('span').onclick = () => { parent.document.title = 'frame'; };
        </script>"></iframe><script>
        host.attachShadow({mode: 'open'}).innerHTML = '<p>A <i>b</i> <span>shadow</span></p>';
        host.shadowRoot.querySelector('span').onclick = () => { document.title = 'shadow'; };
        </script>"""
    )
    snapshot = await take(page)
    titles = []
    for ref in ours(snapshot):
        await (await check(page, ref, snapshot.elements[ref])).click()
        titles.append(await page.title())
    assert sorted(titles) == ["frame", "shadow"]


async def test_an_element_that_is_gone_is_not_found(page):
    await page.set_content(LISTENERS)
    first = next(iter(ours(await take(page))))
    assert await find(page, first) is not None
    await page.evaluate("() => document.querySelector('p').remove()")
    assert await find(page, first) is None
    assert await find(page, "x999") is None


async def test_what_listens_for_everything_inside_is_not_taken_for_a_button(page):
    rows = "<p>text</p>" * 40
    await page.set_content(f"<main onclick='1'>{rows}</main><style>{{}}</style>{SHADOWS}")
    assert [line.clickable for line in (await take(page)).lines if line.role == "main"] == [False]
