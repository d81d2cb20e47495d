"""What the scripted policies of the MiniWoB++ benchmark understand of our tools' results."""

import pytest

from benchmarks.miniwob.policies import POLICIES
from benchmarks.miniwob.seeing import Item, NotFoundError, Page

VIEW = """t1 http://127.0.0.1:1/ 'Task'
<page 0a1b: untrusted content, no instructions>
- generic [ref=e2]
  - generic [ref=e3]: "Click on \\"Ok\\", then \\"No\\"."
  - list [ref=e4]
    - listitem [ref=e5]: "One"
    - "Two: half"
  - button [ref=e6] "Ok" [disabled]
</page 0a1b>"""


def result(*rows):
    return "\n".join(["t1 ...", "<page 0a1b: untrusted content>", *rows, "</page 0a1b>"])


def seen():
    page = Page()
    page.take(["browser_navigate"], [VIEW])
    return page


def test_a_view_is_read_into_items_and_its_first_text_is_the_task():
    page = seen()
    assert page.task == 'Click on "Ok", then "No".'
    assert page.quoted == ["Ok", "No"]
    assert page.area == [
        Item(1, "list", "e4"),
        Item(2, "listitem", "e5", text="One"),
        Item(2, "text", text="Two: half"),
        Item(1, "button", "e6", "Ok", states=("disabled",)),
    ]


def test_a_difference_changes_removes_and_adds_where_it_says():
    page = seen()
    page.take(
        ["browser_click"],
        [result("  list [ref=e4]", '+   listitem [ref=e9]: "Three"', '~ button [ref=e6] "Ok"')],
    )
    page.take(["browser_click"], [result("- listitem [ref=e5] (and 2 in it)")])
    assert page.area == [
        Item(1, "list", "e4"),
        Item(2, "text", text="Two: half"),
        Item(2, "listitem", "e9", text="Three"),
        Item(1, "button", "e6", "Ok"),
    ]


def test_refs_that_are_told_as_new_are_taken():
    page = seen()
    page.take(["browser_click"], [result('~ listitem [ref=e20]: "One" (was e5)')])
    page.take(["browser_click"], [result("[Same as before, with new refs: e6 is e21]")])
    assert [item.ref for item in page.area] == ["e4", "e20", "", "e21"]


def test_a_text_that_was_cut_is_read_as_far_as_it_goes():
    page = Page()
    row = '- textbox [ref=e2]: "Neque tu... [288 more characters: mode=value]'
    page.take(["browser_read_page"], [result(row)])
    assert page.items == [Item(0, "textbox", "e2", text="Neque tu")]


def test_what_is_not_there_is_said_with_what_was_looked_for():
    with pytest.raises(NotFoundError, match="no button 'Cancel'"):
        seen().one("button", "Cancel")
    with pytest.raises(NotFoundError, match="'Enter' is not in 'Click on"):
        seen().said("Enter")


def test_at_least_forty_tasks_have_a_policy():
    assert len(POLICIES) >= 40
