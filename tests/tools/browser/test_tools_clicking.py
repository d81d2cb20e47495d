"""Clicking, hovering, dragging, scrolling and dialogs, through an agent on a real Chromium."""

import re

import pytest

from .hands import NOT_EXECUTED, page_of
from .pages import Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def opened(hands, site, html):
    return await hands("navigate", url=site.show(html))


async def test_a_click_shows_what_has_changed(hands, module_site):
    await opened(hands, module_site, "<p id=p>0</p><button onclick='p.textContent++'>More</button>")
    told = await hands("click", ref=hands.ref("button", "More"))
    assert page_of(told) == '~ paragraph [ref=e2]: "1"'


async def test_what_covers_an_element_is_named_with_its_ref(hands, module_site):
    await opened(
        hands,
        module_site,
        "<button>Below</button><div role=dialog aria-label=Offer style='position:fixed;inset:0'>"
        "<button>Close offer</button></div>",
    )
    cover = hands.ref("dialog", "Offer")
    button = hands.ref("button", "Below")
    refused = await hands.fails("click", ref=button)
    assert refused == (
        f'covered_by: {button} (button "Below") is covered by dialog "Offer" [ref={cover}]; '
        "nothing was done. Close or answer what covers it first, or scroll."
    )


@pytest.mark.parametrize(
    ("html", "why"),
    [
        ("<button disabled>B</button>", "is disabled"),
        ("<button aria-disabled=true>B</button>", "is disabled"),
        ("<fieldset disabled><button>B</button></fieldset>", "is disabled"),
    ],
)
async def test_a_disabled_element_is_told(hands, module_site, html, why):
    await opened(hands, module_site, html)
    refused = await hands.fails("click", ref=hands.ref("button", "B"))
    assert refused.startswith("action_failed: ")
    assert why in refused


COUNTING = """<p>none</p><div id=d role=button tabindex=0 style='width:90px;height:30px'>Here</div>
<script>const p = document.querySelector('p'); const at = [];
for (const name of ['click', 'dblclick', 'contextmenu', 'auxclick']) d.addEventListener(name, e => {
  e.preventDefault(); at.push(name + e.button + (e.shiftKey ? '+shift' : '') +
  (e.ctrlKey ? '+ctrl' : '')); p.textContent = at.join(' '); });</script>"""


@pytest.mark.parametrize(
    ("more", "events"),
    [
        ({}, "click0"),
        ({"count": 2}, "click0 click0 dblclick0"),
        ({"count": 3}, "click0 click0 dblclick0 click0"),
        ({"button": "right"}, "contextmenu2 auxclick2"),
        ({"button": "middle"}, "auxclick1"),
        ({"modifiers": ["Shift", "Control"]}, "click0+shift+ctrl"),
    ],
)
async def test_a_click_of_each_kind(hands, module_site, more, events):
    await opened(hands, module_site, COUNTING)
    told = await hands("click", ref=hands.ref("button", "Here"), **more)
    assert f'"{events}"' in told or f'"{" ".join(events.split()[::-1])}"' in told


async def test_a_ref_that_is_gone_is_stale_at_once(hands, module_site):
    await opened(
        hands,
        module_site,
        "<button onclick='other.remove()'>Remove</button><button id=other>Other</button>",
    )
    other = hands.ref("button", "Other")
    await hands("click", ref=hands.ref("button", "Remove"))
    assert await hands.fails("click", ref=other) == (
        f"stale_ref: ref '{other}' was not in what you saw last of t1; nothing was done. Read the "
        "page again before you go on, and use a ref of the new text."
    )


async def test_a_ref_that_the_page_takes_away_by_itself_is_stale(hands, module_site):
    await opened(
        hands,
        module_site,
        "<button>Goes</button><p></p><script>onkeydown = () => {"
        "document.querySelector('button').remove() }</script>",
    )
    goes = hands.ref("button", "Goes")
    calls = await hands.all(("press", {"key": "a"}), ("click", {"ref": goes}))
    assert [each.status for each in calls] == ["finished", "failed"]
    assert calls[1].text.startswith("stale_ref: ")


async def test_an_element_that_was_relabelled_is_not_clicked(hands, module_site, module_browsing):
    await opened(hands, module_site, "<button onclick='document.title = 1'>Submit</button>")
    button = hands.ref("button", "Submit")

    async def relabel(_session, tab):
        await tab.page.evaluate("document.querySelector('button').textContent = 'DELETE'")

    await module_browsing.manager.use(hands.session.id, relabel, timeout=20)
    refused = await hands.fails("click", ref=button)
    assert refused.startswith(
        f'ref_changed: {button} was button "Submit" and is button "DELETE" now; nothing was done.'
    )
    assert (await hands("read_page")).splitlines()[0].endswith(" ''")


async def test_a_tab_that_closes_itself_under_a_click_is_told(hands, module_site):
    await hands("navigate", url=module_site.url("/opener"))
    await hands("click", ref=hands.ref("button", "open"))
    await hands("tab", action="switch", tab="t2")
    shown = await hands("navigate", url=module_site.url("/closing"))
    assert shown.startswith("t2 ")
    told = await hands("click", ref=hands.ref("button", "close"))
    assert told.splitlines()[0].startswith(f"t1 {module_site.url('/opener')}")


async def test_what_was_never_shown_cannot_be_clicked(hands):
    refused = await hands.fails("click", ref="e1")
    assert refused.startswith("stale_ref: ref 'e1' was not in what you saw last of t1")


@pytest.mark.parametrize("ref", ["", "button", "e5 >> css=*", "[ref=e5]", "\0"])
async def test_what_is_no_ref_is_told(hands, module_site, ref):
    await opened(hands, module_site, "<button>B</button>")
    assert (await hands.fails("click", ref=ref)).startswith("stale_ref: ")


async def test_what_only_listens_is_clicked_through_a_ref_of_its_own(hands, module_site):
    shown = await opened(
        hands, module_site, "<p>Some <span id=s>word</span></p><script>"
        "s.addEventListener('click', () => { document.title = 'heard' })</script>",
    )  # fmt: skip
    assert "clickable" in shown
    assert "'heard'" in await hands("click", ref=hands.ref("clickable", "word"))


async def test_frames_and_open_shadow_roots_are_clicked_into(hands, module_site):
    inner = module_site.show("<button onclick='parent.document.title = `frame`'>In</button>")
    await opened(
        hands,
        module_site,
        f"<iframe src='{inner}'></iframe><div id=h></div><script>"
        "h.attachShadow({mode: 'open'}).innerHTML = '<button>Shadow</button>';"
        "h.shadowRoot.firstChild.onclick = () => { document.title = 'shadow' }</script>",
    )
    shadow = hands.ref("button", "Shadow")
    assert "'frame'" in await hands("click", ref=hands.ref("button", "In"))
    assert "'shadow'" in await hands("click", ref=shadow)


async def test_a_click_that_opens_a_tab_tells_of_it(hands, module_site):
    await hands("navigate", url=module_site.url("/opener"))
    told = await hands("click", ref=hands.ref("link", "link"))
    assert "t2" in told
    assert "'Other'" in (await hands("tab", action="switch", tab="t2")).splitlines()[1]


async def test_hovering_opens_what_opens(hands, module_site):
    await opened(
        hands,
        module_site,
        "<style>ul { display: none } li:hover ul { display: block }</style>"
        "<ol><li>Menu<ul><li><button>Inside</button></ul></ol>",
    )
    told = await hands("hover", ref=hands.ref("listitem"))
    assert '"Inside"' in told


DRAG = """<ul><li draggable=true id=a>Apple<li draggable=true id=b>Pear</ul>
<div id=box aria-label=Box role=group style='width:200px;height:80px;border:1px solid'>Box</div>
<script>for (const e of document.querySelectorAll('li'))
  e.ondragstart = event => event.dataTransfer.setData('text', e.id);
box.ondragover = event => event.preventDefault();
box.ondrop = event => { event.preventDefault();
  box.append(document.getElementById(event.dataTransfer.getData('text'))); };</script>"""


async def test_an_element_is_dragged_onto_another(hands, module_site):
    await opened(hands, module_site, DRAG)
    pear, box = hands.ref("listitem"), hands.ref("group", "Box")
    await hands("drag", source=pear, target=box)
    shown = await hands("read_page", ref=box)
    assert "Apple" in shown
    assert "Pear" not in shown
    assert (await hands.fails("drag", source=pear, target="e99")).startswith("stale_ref: ")


SORTED = """<ul style='padding:0;width:99px'><li style='height:30px'>a
<li style='height:30px'>b<li style='height:30px'>c</ul><script>let held = null;
const list = document.querySelector('ul');
const at = y => [...list.children].filter(e => e !== held).find(e => {
  const r = e.getBoundingClientRect(); return y < r.y + r.height / 2; }) || null;
list.onmousedown = e => { e.preventDefault(); held = e.target; };
onmousemove = e => { if (held) list.insertBefore(held, at(e.clientY)); };
onmouseup = () => { held = null; };</script>"""


@pytest.mark.parametrize(("at", "order"), [("after", "bac"), ("before", "abc")])
async def test_an_entry_is_put_before_or_after_another(hands, module_site, at, order):
    await opened(hands, module_site, SORTED)
    first = hands.ref("listitem")
    second = re.findall(r"listitem \[ref=(\w+)\]", hands.shown)[1]
    await hands("drag", source=first, target=second, at=at)
    found = re.findall(r'listitem \[ref=\w+\][^"]*"(\w)"', await hands("read_page"))
    assert "".join(found) == order


async def test_what_fades_out_is_waited_for_before_it_counts_as_a_cover(hands, module_site):
    await opened(
        hands,
        module_site,
        "<button onclick='document.title = `sent`'>Send</button><div id=c style='position:fixed;"
        "inset:0'><button onclick='setTimeout(() => c.remove(), 400)' style='margin-top:99px'>"
        "Close</button></div>",
    )
    send = hands.ref("button", "Send")
    await hands("click", ref=hands.ref("button", "Close"))
    assert "'sent'" in await hands("click", ref=send)


async def test_what_changes_under_the_pointer_gets_the_click(hands, module_site):
    """The picture that it shows then has to come first: without a size nothing is hit."""
    svg = "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='20'/>"
    module_site.pages["/a.svg"] = Answer(svg, kind="image/svg+xml")
    module_site.pages["/b.svg"] = Answer(svg, kind="image/svg+xml", seconds=0.1)
    await opened(
        hands,
        module_site,
        "<style>i { content: url(/a.svg) } i:hover { content: url(/b.svg) }</style><i id=i></i>"
        "<script>i.addEventListener('click', () => { document.title = 'hit' })</script>",
    )
    await hands("wait", seconds=0.2)
    found = re.search(r"ref=(\w+)\] (\[clickable\] )?(\[hint=)?\"#i", hands.shown)
    assert "'hit'" in await hands("click", ref=found[1])


async def test_a_page_and_a_part_are_scrolled(hands, module_site):
    await opened(
        hands,
        module_site,
        "<p id=y>0 0</p><div id=d role=region aria-label=Part tabindex=0 style='height:99px;"
        "overflow:auto'><div style='height:3000px'>tall</div></div><div style='height:5000px'>"
        "</div><button>Bottom</button><script>const told = () => { y.textContent ="
        " `${Math.round(scrollY)} ${Math.round(d.scrollTop)}` }; onscroll = d.onscroll = told"
        "</script>",
    )
    part, bottom = hands.ref("region", "Part"), hands.ref("button", "Bottom")
    assert '"700 0"' in await hands("scroll", dy=700)
    await hands("scroll", dy=-700)
    assert '"0 250"' in await hands("scroll", ref=part, dy=250)
    told = await hands("scroll", ref=bottom, dy=0)
    assert '"0 250"' not in told.split("+")[-1]


@pytest.mark.parametrize(
    ("role", "answer", "told", "title"),
    [
        ("confirm", {"accept": True}, "confirm 'sure?' was accepted", "'true'"),
        ("confirm", {"accept": False}, "confirm 'sure?' was dismissed", "'false'"),
        ("confirm", None, "confirm 'sure?' was dismissed", "'false'"),
        ("prompt", {"accept": True, "text": "Ada"}, "prompt 'who?' was accepted with 'Ada'",
         "'Ada'"),
        ("prompt", {"accept": True}, "prompt 'who?' was accepted", "'me'"),
        ("prompt", None, "prompt 'who?' was dismissed", "'null'"),
    ],
)  # fmt: skip
async def test_a_dialog_is_answered_as_was_said_before(  # noqa: PLR0917  (each is a case's)
    hands, module_site, role, answer, told, title
):
    await opened(
        hands,
        module_site,
        "<button onclick='document.title=String(confirm(`sure?`))'>confirm</button>"
        "<button onclick='document.title=String(prompt(`who?`, `me`))'>prompt</button>",
    )
    click = ("click", {"ref": hands.ref("button", role)})
    calls = await hands.all(*([("dialog", answer)] if answer else []), click)
    assert [each.status for each in calls] == ["finished"] * len(calls)
    assert f"t1: {told}" in calls[-1].text
    assert title in calls[-1].text.splitlines()[0]


async def test_after_an_action_that_failed_only_the_later_browser_calls_are_left_out(
    hands, module_site, workspace
):
    del workspace
    await opened(hands, module_site, "<button onclick='document.title = `clicked`'>B</button>")
    button = hands.ref("button", "B")
    calls = await hands.all(
        ("click", {"ref": "e99"}),
        ("click", {"ref": button}),
        ("read_page", {}),
        ("tabs", {}),
        ("file_write", {"path": "beside.txt", "content": "done"}),
    )
    assert [each.status for each in calls] == ["failed", *["not_executed"] * 3, "finished"]
    assert [each.text for each in calls[1:4]] == [NOT_EXECUTED] * 3
    assert "clicked" not in await hands("read_page")
