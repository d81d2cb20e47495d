"""Calls of one reply and of several sessions at once, on pages that note what happens to them."""

import asyncio
import json

import pytest
import pytest_asyncio

from agent.events import ToolFinished, ToolStarted
from scheduler import certify

from .conftest import SECONDS
from .hands import Hands, page_of
from .pages import HELD, Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTING = """<title>-</title><h1>%s</h1>
<button>1</button><button>2</button><button>3</button><input aria-label=F><p>nothing</p><script>
const notes = [], p = document.querySelector('p');
const note = text => { notes.push(text); p.textContent = notes.join(' '); };
const act = async name => { note(`<${name}`); await fetch('/a-while'); note(`${name}>`); };
document.querySelectorAll('button').forEach(e => e.onclick = () => act(e.textContent));
document.querySelector('input').onchange = () => act('typed');
</script>"""
"""Each action begins, asks the server for something, and ends when that has come."""


@pytest_asyncio.fixture(loop_scope="module")
async def several(module_agent):
    """Three sessions of one agent."""
    agent, mouth = module_agent
    sessions = [await agent.session() for _ in range(3)]
    yield [Hands(session, mouth) for session in sessions]
    for session in sessions:
        await session.close()


async def open_noting(hands, site, name):
    site.pages["/a-while"] = Answer("x", seconds=0.05)
    await hands("navigate", url=site.show(NOTING % name))
    return {name: hands.ref("button", name) for name in "123"}


async def test_mutators_keep_order_and_never_overlap_whatever_other_sessions_do(
    several, module_site, module_agent
):
    async def clicks(hands, order):
        refs = await open_noting(hands, module_site, order)
        calls = [("click", {"ref": refs[each]}) for each in order]
        read = ("read_page", {"mode": "text"})
        ended = await hands.all(calls[0], read, calls[1], read, calls[2], read)
        assert [each.status for each in ended] == ["finished"] * 6, ended
        return [page_of(each.text).split("\n")[-1] for each in ended[1::2]]

    orders = ("123", "321", "213")
    shown = await asyncio.gather(*map(clicks, several, orders))
    for order, notes in zip(orders, shown, strict=True):
        whole = [f"<{each} {each}>" for each in order]
        assert notes == [" ".join(whole[: at + 1]) for at in range(3)]
    agent, _ = module_agent
    assert certify(agent._scheduler.records).is_serial


def asking(hands, *calls):
    return hands.session.send(
        "calls: " + json.dumps([(f"browser_{name}", given) for name, given in calls])
    )


async def test_reads_run_beside_each_other_and_a_mutator_waits_for_them(
    hands, module_site, module_browsing
):
    """The first read ends only after the second has: so they were under way together."""
    refs = await open_noting(hands, module_site, "reads")

    async def release(_session, tab):
        await tab.page.evaluate("document.querySelector('h1').textContent = 'go'")

    told, released = [], None
    async for event in asking(
        hands,
        ("wait", {"text": "go", "seconds": 15}),
        ("read_page", {"mode": "text"}),
        ("click", {"ref": refs["1"]}),
    ):
        if isinstance(event, ToolStarted | ToolFinished):
            told.append((type(event).__name__, event.name.removeprefix("browser_")))
        if isinstance(event, ToolFinished) and event.name == "browser_read_page":
            assert page_of(event.text).split("\n")[-1] == "nothing"
            work = module_browsing.manager.use(hands.session.id, release, timeout=SECONDS)
            released = asyncio.ensure_future(work.result())
        if isinstance(event, ToolFinished) and event.name == "browser_wait":
            assert page_of(event.text).startswith("['go' is visible]")
    await released
    assert told[:2] == [("ToolStarted", "wait"), ("ToolStarted", "read_page")]
    assert told[2:] == [
        ("ToolFinished", "read_page"),
        ("ToolFinished", "wait"),
        ("ToolStarted", "click"),
        ("ToolFinished", "click"),
    ]


async def test_local_work_runs_beside_a_navigation_that_waits(hands, module_site):
    module_site.release.clear()
    asked = json.dumps(
        [
            ("browser_navigate", {"url": module_site.url(HELD)}),
            ("file_write", {"path": "meanwhile.txt", "content": "x"}),
        ]
    )
    told = []
    async for event in hands.session.send(f"calls: {asked}"):
        if isinstance(event, ToolFinished):
            told.append((event.name, event.status))
            module_site.release.set()
    assert told == [("file_write", "finished"), ("browser_navigate", "finished")]
    module_site.release.clear()


async def test_a_session_goes_on_while_another_ones_navigation_waits(several, module_site):
    one, other, _ = several
    module_site.release.clear()
    module_site.arrived.clear()
    held = asyncio.ensure_future(one("navigate", url=module_site.url(HELD)))
    assert await asyncio.to_thread(module_site.arrived.wait, SECONDS)
    refs = await open_noting(other, module_site, "other")
    assert "<1 1>" in await other("click", ref=refs["1"])
    assert not held.done()
    module_site.release.set()
    await held
    module_site.release.clear()


STORING = """<p>-</p><button>Keep</button><script>
const p = document.querySelector('p');
const show = () => { p.textContent = `cookie ${document.cookie} local ${localStorage.a}`; };
document.querySelector('button').onclick = () => {
  document.cookie = 'a=1'; localStorage.a = 'kept'; show(); };
show();</script>"""


async def test_cookies_and_storage_of_a_session_are_its_own_and_end_with_it(
    several, module_site, module_agent
):
    url = module_site.show(STORING)
    one, other, _ = several
    await one("navigate", url=url)
    assert "cookie a=1 local kept" in await one("click", ref=one.ref("button", "Keep"))
    assert "cookie a=1 local kept" in await one("navigate", url=url)
    assert "cookie local undefined" in await other("navigate", url=url)
    agent, mouth = module_agent
    again = await agent.session()
    await Hands(again, mouth)("navigate", url=url)
    await Hands(again, mouth)("click", ref="e3")
    await again.close()
    again = await agent.session()
    assert "cookie local undefined" in await Hands(again, mouth)("navigate", url=url)
    await again.close()


async def test_a_ref_of_one_session_is_of_no_use_in_another(several, module_site):
    one, other, _ = several
    refs = await open_noting(one, module_site, "one")
    refused = await other.fails("click", ref=refs["1"])
    assert refused.startswith(f"stale_ref: ref '{refs['1']}' was not in what you saw last of t1")
    await other("navigate", url=module_site.show("<p>no buttons</p>"))
    refused = await other.fails("click", ref=refs["3"])
    assert refused.startswith(f"stale_ref: ref '{refs['3']}' was not in what you saw last of t1")
    assert "nothing" in await one("read_page")


async def test_a_session_that_ends_lets_go_of_its_way_out_and_gets_a_new_one(
    module_agent, module_site, module_browsing
):
    agent, mouth = module_agent
    assert module_browsing._ports == set()
    session = await agent.session()
    await Hands(session, mouth)("navigate", url=module_site.url("/other"))
    (port,) = module_browsing._ports
    await session.close()
    assert module_browsing._ports == set()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port.port)
    again = await agent.session()
    await Hands(again, mouth)("navigate", url=module_site.url("/other"))
    assert len(module_browsing._ports) == 1
    await again.close()
