"""Cookie banners and newsletters go away; what somebody has to decide stays."""

import pytest

from tools.browser.banners import dismiss

from .fixture_pages import (  # noqa: F401  (fixtures)
    BANNERS,
    LOOK_ALIKES,
    opened_page,
    started_browser,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

REMOVES = """<script>{
  const roots = [document, ...[...document.querySelectorAll('*')].map(e => e.shadowRoot)];
  for (const root of roots.filter(Boolean))
    for (const button of root.querySelectorAll('button,a,[role=button]'))
      button.addEventListener('click', () => {
        document.title += button.innerText;
        const host = button.getRootNode().host;
        (host || document.querySelector('#around > *')).remove();
      });
}</script>"""


@pytest.mark.parametrize("name", BANNERS)
async def test_a_banner_is_dismissed_with_the_least_consent(page, name):
    banner = BANNERS[name]
    await page.set_content(f"<main>Page</main><div id=around>{banner.html}</div>{REMOVES}")
    [dismissed] = await dismiss(page)
    kind = "newsletter" if "newsletter" in name else "cookie banner"
    assert (dismissed.kind, dismissed.button) == (kind, banner.button)
    assert await page.title() == banner.button
    assert str(dismissed) == f'{kind} "{dismissed.name}": clicked "{banner.button}"'
    assert await dismiss(page) == []


@pytest.mark.parametrize("name", LOOK_ALIKES)
async def test_what_only_looks_like_a_banner_is_not_touched(page, name):
    await page.set_content(f"<div id=around>{LOOK_ALIKES[name]}</div>{REMOVES}")
    assert await dismiss(page) == []
    assert await page.title() == ""


async def test_a_banner_in_a_frame_is_dismissed(page):
    inner = (
        "<h2>We use cookies</h2><button onclick=parent.document.title=1;"
        "parent.document.querySelector(`iframe`).remove()>Reject all</button>"
    )
    await page.set_content(f"<iframe srcdoc='{inner}'></iframe>")
    await dismiss(page)
    assert await page.title() == "1"


async def test_a_button_that_does_nothing_is_not_reported_and_not_clicked_for_ever(page):
    await page.set_content(
        "<div role=dialog>We use cookies<button onclick='document.title += 1'>OK</button></div>"
    )
    assert await dismiss(page) == []
    assert await page.title() == "1"
