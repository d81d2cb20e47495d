"""From a ref to an element: only if it is what the model saw, and can be clicked now."""

import pytest

from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.refs import check, locate
from tools.browser.snapshot import Element, take

from .fixture_pages import (  # noqa: F401  (fixtures)
    COVERED,
    LISTENERS,
    opened_page,
    started_browser,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def seen(page, name):
    snapshot = await take(page)
    [found] = [
        (ref, each) for ref, each in snapshot.elements.items() if name in (each.name, each.text)
    ][-1:]
    return found


async def refusal(page, ref, element, **options):
    with pytest.raises(BrowserError) as caught:
        await check(page, ref, element, **options)
    return caught.value.code, caught.value.message


async def test_an_element_that_is_as_it_was_is_given(page):
    await page.set_content("<button onclick='document.title = 1'>Go</button>")
    await (await check(page, *await seen(page, "Go"))).click()
    assert await page.title() == "1"


async def test_a_removed_element_is_stale(page):
    await page.set_content("<button>Go</button>")
    ref, element = await seen(page, "Go")
    await page.evaluate("() => document.querySelector('button').remove()")
    assert await refusal(page, ref, element) == (
        BrowserCode.STALE_REF,
        f"{ref} is not on the page any more; nothing was done.",
    )


async def test_an_element_that_was_replaced_by_its_like_is_stale(page):
    await page.set_content("<div><button>Go</button></div>")
    ref, element = await seen(page, "Go")
    await page.evaluate("() => { document.querySelector('div').innerHTML += '' }")
    assert (await refusal(page, ref, element))[0] is BrowserCode.STALE_REF


async def test_a_moved_element_is_the_same(page):
    await page.set_content("<button>Go</button><main>x</main>")
    ref, element = await seen(page, "Go")
    await page.evaluate(
        "() => document.querySelector('main').append(document.querySelector('button'))"
    )
    assert await (await check(page, ref, element)).inner_text() == "Go"


@pytest.mark.parametrize(
    ("html", "name", "change", "now"),
    [
        ("<button>Submit</button>", "Submit", "e.textContent = 'DELETE'", 'button "DELETE"'),
        ("<button>Submit</button>", "Submit", "e.role = 'link'", 'link "Submit"'),
        ("<button>Submit</button>", "Submit", "e.innerText = ''", "button without a name"),
        ("<div tabindex=0>Buy one</div>", "Buy one", "e.innerText = 'All'", 'generic "All"'),
        ("<p>a <span onclick='1'>Yes</span></p>", "Yes", "e.innerText = 'No'", 'clickable "No"'),
        ("<a href=/><b>Logo</b> Home</a>", "Logo Home", "e.innerText = 'Out'", 'link "Out"'),
    ],
)
async def test_an_element_that_is_something_else_now_is_named(page, html, name, change, now):
    await page.set_content(html)
    ref, element = await seen(page, name)
    await page.evaluate(
        f"() => {{ const e = document.querySelector('button,div,span,a'); {change} }}"
    )
    assert await refusal(page, ref, element) == (
        BrowserCode.REF_CHANGED,
        f'{ref} was {element.role} "{name}" and is {now} now; nothing was done.',
    )


async def test_a_changed_value_does_not_make_an_input_another_one(page):
    await page.set_content("<input value=a placeholder=Here><input>")
    snapshot = await take(page)
    await page.evaluate("() => { for (const e of document.querySelectorAll('input')) e.value = 9 }")
    boxes = [(ref, each) for ref, each in snapshot.elements.items() if each.role == "textbox"]
    for ref, each in boxes:
        await check(page, ref, each)
    assert len(boxes) == 2


async def test_a_name_with_characters_that_nobody_sees_is_the_same(page):
    await page.set_content("<button>Go&#x200b; on&#x202e;</button>")
    await check(page, *await seen(page, "Go on"))


@pytest.mark.parametrize(
    ("html", "change", "why"),
    [
        ("<button disabled>Go</button>", "", "is disabled"),
        ("<fieldset disabled><button>Go</button></fieldset>", "", "is disabled"),
        ("<button aria-disabled=true>Go</button>", "", "is disabled"),
        ("<button>Go</button>", "e.style.display = 'none'", "is not visible"),
        ("<button>Go</button>", "e.style.visibility = 'hidden'", "is not visible"),
        ("<button>Go</button>", "e.style = 'position: fixed; top: -99px'", "cannot be scrolled"),
    ],
)
async def test_what_cannot_be_clicked_is_told_at_once(page, html, change, why):
    await page.set_content(html)
    ref, element = await seen(page, "Go")
    await page.evaluate(f"() => {{ const e = document.querySelector('button'); {change} }}")
    code, message = await refusal(page, ref, element)
    assert code is BrowserCode.ACTION_FAILED
    assert why in message


async def test_what_covers_an_element_is_named_with_its_ref(page):
    await page.set_content(COVERED)
    above, _ = await seen(page, "Small one")
    ref, element = await seen(page, "Low")
    assert await refusal(page, ref, element) == (
        BrowserCode.COVERED_BY,
        f'{ref} (button "Low") is covered by dialog "Small one" [ref={above}]; nothing was done.',
    )
    await check(page, *await seen(page, "Go"))
    await check(page, ref, element, for_click=False)


async def test_a_label_over_its_input_is_named_since_it_takes_the_click(page):
    await page.set_content(
        "<input id=c type=checkbox aria-label=Agree><label for=c style='position: absolute; "
        "left: 0; top: 0; width: 99px; height: 99px'>I do</label>"
    )
    code, message = await refusal(page, *await seen(page, "Agree"))
    assert code is BrowserCode.COVERED_BY
    assert 'covered by label "I do" [ref=e' in message


async def test_a_cover_in_the_page_around_a_frame_is_found(page):
    await page.set_content(
        "<iframe srcdoc='<button>In</button>' style='border: 9px solid'></iframe>"
        "<div id=veil style='position: fixed; inset: 0'>Please wait</div>"
    )
    ref, element = await seen(page, "In")
    code, message = await refusal(page, ref, element)
    assert code is BrowserCode.COVERED_BY
    assert '"Please wait"' in message
    await page.evaluate("() => document.querySelector('#veil').remove()")
    await (await check(page, ref, element)).click()


@pytest.mark.parametrize(
    "html",
    [
        "<button><b><i>Go</i></b></button>",
        "<label>Go<input type=checkbox></label>",
        "<p style='margin-top: 3000px'><button>Go</button></p>",
        "<div style='height: 9px; overflow: auto'><p style='height: 900px'></p><button>Go</button>",
        "<a href='#' style='display: inline'>Go</a>",
    ],
)
async def test_what_can_be_clicked_is_not_refused(page, html):
    await page.set_content(html)
    snapshot = await take(page)
    [(ref, element)] = [
        (ref, each)
        for ref, each in snapshot.elements.items()
        if each.role in ("button", "checkbox", "link")
    ]
    await (await check(page, ref, element)).click()


@pytest.mark.parametrize(
    "ref", ["", "e", "12", "e1 >> body", "css=body", "e1\n", "E1", "x", "[e1]"]
)
async def test_what_is_no_ref_never_gets_into_a_selector(page, ref):
    await page.set_content("<button>Go</button>")
    await take(page)
    code, message = await refusal(page, ref, Element("button", "Go"))
    assert code is BrowserCode.STALE_REF
    assert "is no ref; they look like e12, f1e2 or x3" in message


async def test_a_check_leaves_all_other_refs_as_they_are(page):
    await page.set_content(f"{LISTENERS}<iframe srcdoc='<button>In</button>'></iframe>{COVERED}")
    snapshot = await take(page)
    for ref, element in snapshot.elements.items():
        try:
            await check(page, ref, element)
        except BrowserError as error:
            assert error.code is BrowserCode.COVERED_BY  # noqa: PT017  (most are not refused)
    for ref in snapshot.elements:
        await locate(page, ref)
