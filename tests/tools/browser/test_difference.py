"""What changed on a page, in lines that a model can act on."""

import random

import pytest

from tools.browser.aria import read_lines
from tools.browser.difference import difference
from tools.browser.snapshot import Snapshot, elements_of, take

from .fixture_pages import opened_page, started_browser, table  # noqa: F401  (fixtures)

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIDE = [f'  - link "Link {at}" [ref=e{at + 100}]' for at in range(30)]


def snapshot_of(*written, url="http://a/"):
    lines = read_lines("\n".join(written))
    return Snapshot(url, "A", lines, elements_of(lines))


async def test_nothing_changed():
    page = snapshot_of("- main [ref=e1]", *SIDE)
    assert difference(page, page) == "No element of the page changed."


async def test_added_removed_and_changed_lines_stand_in_what_they_are_in():
    before = snapshot_of(
        "- main [ref=e1]:",
        *SIDE,
        '  - list "Things" [ref=e2]:',
        '    - listitem "One" [ref=e3]',
        '    - listitem "Two" [ref=e4]',
        '  - button "Old" [ref=e5]',
        "  - contentinfo [ref=e9]",
    )
    after = snapshot_of(
        "- main [ref=e1]:",
        *SIDE,
        '  - list "Things" [ref=e2]:',
        '    - listitem "One" [ref=e3]',
        '    - listitem "Two" [ref=e4]',
        '    - listitem "Three" [ref=e6]',
        '  - button "New" [disabled] [ref=e7]',
        "  - contentinfo [ref=e9]",
    )
    assert difference(before, after).split("\n") == [
        "  main [ref=e1]",
        '    list [ref=e2] "Things"',
        'gone   button [ref=e5] "Old"',
        '+     listitem [ref=e6] "Three"',
        '+   button [ref=e7] "New" [disabled]',
    ]
    assert difference(after, before).split("\n") == [
        "  main [ref=e1]",
        '    list [ref=e2] "Things"',
        'gone     listitem [ref=e6] "Three"',
        'gone   button [ref=e7] "New" [disabled]',
        '+   button [ref=e5] "Old"',
    ]


async def test_what_lives_on_is_told_as_it_is_now_and_what_replaces_its_like_by_both_refs():
    before = snapshot_of(
        "- main [ref=e1]:", *SIDE, '  - textbox "Name" [ref=e2]', '  - paragraph [ref=e3]: "old"'
    )
    after = snapshot_of(
        "- main [ref=e1]:",
        *SIDE,
        '  - textbox "Name" [active] [ref=e2]: "Ada"',
        '  - paragraph [ref=e9]: "new"',
    )
    assert difference(before, after).split("\n") == [
        "  main [ref=e1]",
        '~   textbox [ref=e2] "Name" [active]: "Ada"',
        '~   paragraph [ref=e9]: "new" (was e3)',
    ]


async def test_the_focus_alone_is_told_only_where_one_types():
    before = snapshot_of("- main [ref=e1] [active]:", *SIDE, '  - textbox "Name" [ref=e2]')
    button = snapshot_of(
        "- main [ref=e1]:",
        SIDE[0].replace("[ref", "[active] [ref"),
        *SIDE[1:],
        '  - textbox "Name" [ref=e2]',
    )
    field = snapshot_of("- main [ref=e1]:", *SIDE, '  - textbox "Name" [active] [ref=e2]')
    assert difference(before, button) == "No element of the page changed."
    assert difference(before, field) == "[focus: e2]"


async def test_a_part_that_is_gone_is_told_by_its_outermost_element():
    menu = ['  - menu "More" [ref=e2]:', *[f'    - menuitem "{at}" [ref=e{at}]' for at in (3, 4)]]
    before = snapshot_of("- main [ref=e1]:", *SIDE, *menu, '  - link "After" [ref=e5]')
    after = snapshot_of("- main [ref=e1]:", *SIDE, '  - link "After" [ref=e5]')
    assert difference(before, after).split("\n") == [
        "  main [ref=e1]",
        'gone   menu [ref=e2] "More" (and 2 in it)',
    ]


async def test_what_only_lies_deeper_now_keeps_its_refs_and_is_no_change():
    before = snapshot_of("- generic [ref=e2]:", *SIDE, "- generic [ref=e4]")
    deeper = [f"  {each}" for each in ("- generic [ref=e2]:", *SIDE, "- generic [ref=e4]")]
    after = snapshot_of("- generic [ref=e1]:", *deeper, '  - generic [ref=e7]: "START"')
    assert difference(before, after).split("\n") == [
        "+ generic [ref=e1]",
        '+   generic [ref=e7]: "START"',
    ]


async def test_each_change_stands_in_the_innermost_part_that_was_not_told():
    def shop(one, two):
        return snapshot_of(
            "- generic [ref=e9]:",
            '  - main "Shop" [ref=e1]:',
            *[f"  {each}" for each in SIDE],
            '    - group "One" [ref=e2]:',
            f'      - button "{one}" [ref=e3]',
            '    - group "Two" [ref=e4]:',
            f'      - button "{two}" [ref=e5]',
        )

    before, after = shop("a", "b"), shop("c", "d")
    assert difference(before, after).split("\n") == [
        '  main [ref=e1] "Shop"',
        '    group [ref=e2] "One"',
        '~     button [ref=e3] "c"',
        '    group [ref=e4] "Two"',
        '~     button [ref=e5] "d"',
    ]


async def test_what_was_moved_is_told_with_its_new_place():
    def entries(*order):
        names = {3: "a", 4: "b", 5: "c"}
        items = [f'    - listitem "{names[at]}" [ref=e{at}]' for at in order]
        return snapshot_of("- main [ref=e1]:", *SIDE, '  - list "L" [ref=e2]:', *items)

    assert difference(entries(3, 4, 5), entries(4, 5, 3)).split("\n") == [
        "  main [ref=e1]",
        '    list [ref=e2] "L"',
        '~     listitem [ref=e3] "a" (moved, behind e5)',
    ]
    assert difference(entries(3, 4, 5), entries(5, 3, 4)).split("\n")[-1] == (
        '~     listitem [ref=e5] "c" (moved, first in e2)'
    )


async def test_a_removed_end_is_told():
    before = snapshot_of("- main [ref=e1]:", *SIDE, '  - button "Last" [ref=e2]')
    after = snapshot_of("- main [ref=e1]:", *SIDE)
    assert difference(before, after) == '  main [ref=e1]\ngone   button [ref=e2] "Last"'


async def test_new_refs_of_what_looks_the_same_are_told_in_one_line():
    before = snapshot_of("- main [ref=e1]:", *SIDE)
    after = snapshot_of("- main [ref=e1]:", *SIDE[:28], *[each[:-1] + "7]" for each in SIDE[28:]])
    assert difference(before, after) == (
        "[Same as before, with new refs: e128 is e1287, e129 is e1297]"
    )


async def test_many_new_refs_are_counted():
    many = [f'  - link "Link {at}" [ref=e{at + 100}]' for at in range(70)]
    before = snapshot_of("- main [ref=e1]:", *many)
    after = snapshot_of("- main [ref=e1]:", *[each[:-1] + "7]" for each in many])
    text = difference(before, after)
    assert text.startswith("[Same as before, with new refs: e100 is e1007, ")
    assert text.endswith("; and 10 more: read the page again before you use others]")


async def test_when_much_changed_the_whole_page_is_shown():
    before = snapshot_of("- main [ref=e1]:", *SIDE)
    after = snapshot_of("- main [ref=e1]:", *[each.replace("Link", "Text") for each in SIDE])
    assert difference(before, after) == (
        f"Much of the page changed; this is all of it:\n{after.text}"
    )


async def test_another_address_is_another_page_and_another_fragment_is_not():
    before = snapshot_of("- main [ref=e1]:", *SIDE)
    other = snapshot_of("- main [ref=e1]:", *SIDE, url="http://b/")
    same = snapshot_of("- main [ref=e1]:", *SIDE, url="http://a/#x")
    assert difference(before, other).startswith("Another page is shown now; this is all of it:\n")
    assert difference(before, same).startswith("No element")


async def test_it_is_never_longer_than_asked_for():
    before = snapshot_of(*[f'- text: "{at} {"x" * 90}"' for at in range(900)])
    after = snapshot_of(*[f'- text: "{at} {"y" if at % 4 else "x"}"' for at in range(900)])
    assert len(difference(before, after, most=5_000)) <= 5_000


async def test_large_snapshots_of_few_different_lines_are_compared_within_the_time_limit():
    draw = random.Random(5)
    words = [f'- cell "{draw.choice("ab")}" [ref=e{at}]' for at in range(20_000)]
    other = [f'- cell "{draw.choice("ab")}" [ref=e{at}]' for at in range(20_000)]
    assert difference(snapshot_of(*words), snapshot_of(*other)).startswith("Much of the page")


async def test_one_changed_row_of_2000_is_all_that_is_told(page):
    await page.set_content(table(2000))
    before = await take(page, seconds=20)
    await page.evaluate("() => { document.querySelectorAll('button')[999].textContent = 'Undo' }")
    after = await take(page, seconds=20)
    text = difference(before, after)
    changed = [line for line in text.split("\n") if line[0] in "+-~"]
    assert [line[0] + line.split("]", 1)[1] for line in changed] == ['~ "Undo" (was e7004)']
    assert len(text) < 200
