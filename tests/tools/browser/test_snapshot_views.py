"""Views of a page: never longer than asked for, never silent about what is left out."""

import pytest

from tools.browser.aria import read_lines
from tools.browser.errors import BrowserError
from tools.browser.snapshot import Snapshot, elements_of, take
from tools.browser.views import MOST_CHARACTERS, Mode, find, fitting, view
from tools.errors import ToolError

from .fixture_pages import (  # noqa: F401  (fixtures)
    FORM,
    opened_page,
    started_browser,
    table,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def snapshot_of(*written, notes=()):
    lines = read_lines("\n".join(written))
    return Snapshot("http://a/", "A", lines, elements_of(lines), notes)


def rows(count):
    return [f'  - row "Row {at}" [ref=e{at + 2}]' for at in range(count)]


async def test_a_small_page_is_shown_whole():
    page = snapshot_of("- main [ref=e1]:", '  - button "Go" [ref=e2]', notes=("A note.",))
    assert fitting(page).text == '- main [ref=e1]\n  - button [ref=e2] "Go"\n[A note.]'
    assert fitting(page).cursor == ""


async def test_of_2000_rows_the_first_are_shown_and_the_rest_counted(page):
    await page.set_content(table(2000))
    snapshot = await take(page, seconds=20)
    shown = fitting(snapshot)
    first, last = snapshot.text.index("Open 10"), shown.text.index("more: row")
    assert first < last < len(shown.text) <= MOST_CHARACTERS
    lines = shown.text.split("\n")
    rest = [line.strip() for line in lines if "more: row" in line]
    refs = [line.ref for line in snapshot.lines if line.role == "row"]
    assert rest == [f"[... 1,990 more: row, {refs[10]} to {refs[-1]}]"]
    assert lines[-2].endswith('"Add"')
    assert "has 14,005 lines, too many to show" in lines[-1]
    assert shown.cursor == "full:0"
    part = fitting(snapshot, ref=refs[1500])
    assert '"Delete 1501"' in part.text
    for mode in Mode:
        assert len(view(snapshot, mode).text) <= MOST_CHARACTERS


async def test_a_cursor_leads_through_everything_once():
    page = snapshot_of("- table [ref=e1]:", *rows(200))
    shown, cursor, total = [], "full:0", 0
    while cursor:
        part = view(page, cursor=cursor, most=2_000)
        assert len(part.text) <= 2_000
        shown += [line for line in part.text.split("\n") if not line.startswith("[")]
        total, cursor = part.total, part.cursor
    assert shown == page.text.split("\n")
    assert total == 201


async def test_interactive_keeps_what_can_be_acted_on_with_headings(page):
    await page.set_content(f"<main><p>Text</p><section><div>{FORM}</div></section></main>")
    shown = view(await take(page), Mode.INTERACTIVE).text
    kept = [line.split("]", 1)[1].strip() for line in shown.split("\n")]
    assert kept == [
        '"Your data" [level=1]',
        '"Name": "Ada L."',
        '"Password": "(not shown)"',
        '"Again" [placeholder="repeat it"]: "(not shown)"',
        '"Shown": "(not shown)"',
        '"Agree" [checked]',
        '"One" [checked]',
        '"Born": "2001-02-03"',
        '"At": "10:20"',
        '"Kind"',
        "",
        '"Note"',
        '"Send" [disabled]',
        '"More" [expanded]',
    ]
    assert shown.split("\n")[10] == '  - option "large" [selected]'


async def test_text_is_what_there_is_to_read():
    page = snapshot_of(
        "- main [ref=e1]:",
        '  - heading "Top" [level=2] [ref=e2]',
        "  - paragraph [ref=e3]: Some words",
        '  - link "More" [ref=e4]',
        "  - text: end",
    )
    assert view(page, Mode.TEXT).text == "## Top\nSome words\nMore\nend"


async def test_an_outline_says_how_much_is_in_each_part():
    page = snapshot_of(
        "- navigation [ref=e1]:",
        '  - link "A" [ref=e2]',
        '  - link "B" [ref=e3]',
        "- main [ref=e4]:",
        "  - generic [ref=e5]:",
        '    - heading "H" [level=1] [ref=e6]',
        '    - button "C" [ref=e7]',
    )
    assert view(page, Mode.OUTLINE).text.split("\n") == [
        "- navigation [ref=e1]  (2 x link)",
        "- main [ref=e4]  (1 x button)",
        '  - heading [ref=e6] "H" [level=1]',
    ]


async def test_a_page_too_long_for_all_else_falls_to_an_outline():
    parts = [
        line
        for at in range(100)
        for line in (
            f"- region [ref=e{at}]:",
            *[f'  - button "{"long " * 20}{each}" [ref=f{at}e{each}]' for each in range(20)],
        )
    ]
    shown = fitting(snapshot_of(*parts))
    assert len(shown.text) <= MOST_CHARACTERS
    assert shown.text.startswith("- region [ref=e0]  (20 x button)\n- region [ref=e1]")
    assert "only an outline is shown" in shown.text


async def test_a_very_long_text_is_cut_with_what_to_do():
    page = snapshot_of(f"- paragraph [ref=e1]: {'x' * 5000}")
    assert fitting(page).text.endswith(" more characters: mode=value]")


async def test_find_shows_matches_with_what_is_around_them():
    page = snapshot_of("- table [ref=e1]:", *rows(50))
    assert find(page, "row 7").text.split("\n") == [
        '  - row [ref=e7] "Row 5"',
        '  - row [ref=e8] "Row 6"',
        '> - row [ref=e9] "Row 7"',
        '  - row [ref=e10] "Row 8"',
        '  - row [ref=e11] "Row 9"',
        "[1 matching line]",
    ]
    many = find(page, r"row \d+$", is_regex=True)
    assert (many.shown, many.total) == (20, 50)
    assert many.text.endswith("[20 of 50 matching lines; search for something more exact]")
    assert find(page, "nothing").text == "[0 matching lines]"


@pytest.mark.parametrize("pattern", ["(", "a{1001}", "(?=x)", ""])
async def test_an_expression_that_cannot_be_understood_is_refused(pattern):
    with pytest.raises(ToolError, match=r"^pattern: "):
        find(snapshot_of("- main [ref=e1]"), pattern, is_regex=True)


@pytest.mark.parametrize("cursor", ["x", "full", "full:", "full:-1", "nothing:3", "full:1\n"])
async def test_a_cursor_that_is_none_is_refused(cursor):
    with pytest.raises(ToolError, match=r"^cursor: "):
        view(snapshot_of("- main [ref=e1]"), cursor=cursor)


async def test_a_part_that_is_not_there_is_stale():
    with pytest.raises(BrowserError, match=r"^stale_ref: ref: 'e9' is not on the page"):
        view(snapshot_of("- main [ref=e1]"), ref="e9")


async def test_a_cursor_behind_the_end_says_so():
    assert view(snapshot_of("- main [ref=e1]"), cursor="full:9").text == "[0 lines, the last of 1]"
