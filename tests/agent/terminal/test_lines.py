"""Events as lines: what a person reads, whatever a model or a tool wrote."""

from typing import get_args

import pytest

from agent import events as told
from agent.claude.prices import Usage
from agent.event_json import TYPES, to_json
from agent.terminal.lanes import Lanes
from agent.terminal.lines import Narrator, call_title, one_line, summary, used

FINISHED = told.ToolFinished("1.0", "shell", "finished", "ok", 0.25)
FAILED = told.ToolFinished("1.0", "shell", "failed", "exit code 3\nno such file", 0.5)


def lines(*events):
    narrator = Narrator()
    narrator.called("1.0", "shell", {"command": "make test"})
    return [line for event in events for line in narrator.lines(event)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (FINISHED, ["  + shell make test  0.25 s"]),
        (FAILED, ["  x shell make test  0.50 s", "    failed: exit code 3 no such file"]),
        (told.ToolProgress("1.0", "shell", "half", 0.5), ["  . shell: half"]),
        (told.Notice("Look out."), ["! Look out."]),
        (told.Retrying("overloaded", 2.4), ["! overloaded; again in 2 s"]),
        (
            told.ReplyDiscarded("it broke"),
            ["! what was shown of this reply does not count: it broke"],
        ),
        (told.TurnFinished("end_turn", "", Usage()), []),
        (told.TurnFinished("error", "", Usage(), "no server"), ["! no server"]),
        (told.TurnFinished("interrupted", "", Usage()), ["! the turn ended: interrupted"]),
        (
            told.ApprovalAsked("1.0", "shell", {"command": "rm x"}, "no rule", ""),
            ["? shell rm x", "  no rule"],
        ),
    ],
)
def test_each_event_has_its_lines(event, expected):
    assert lines(event) == expected


def test_what_a_tool_wrote_does_not_act_on_the_terminal_and_stays_in_one_line():
    assert one_line("a\x1b[31mb\nc\td") == "a\u241b[31mb c d"
    assert one_line("a\u202eb") == "a<U+202E>b"
    assert one_line("x" * 200, 10) == "xxxxxxx..."


def test_what_a_person_has_to_see_before_it_is_done_is_shown():
    edits = [{"old_text": "a\nb", "new_text": "c\x1b"}]
    asked = told.ApprovalAsked("1.0", "file_edit", {"path": "x", "edits": edits}, "no rule", "")
    assert lines(asked)[1:] == ["    - a", "    - b", "    + c\u241b", "  no rule"]
    long = told.ApprovalAsked("1.0", "file_write", {"content": "x\n" * 30}, "no rule", "")
    assert lines(long)[-2:] == ["    + ... and 10 more lines", "  no rule"]
    several = told.ApprovalAsked("1.0", "shell", {"command": "cd a\nmake"}, "no rule", "")
    assert lines(several)[1:] == ["      cd a", "      make", "  no rule"]


def test_an_input_is_told_by_its_only_text_or_by_its_members():
    assert summary({"path": "a.py"}) == "a.py"
    assert summary({"path": "a.py", "lines": 3}) == "a.py, lines=3"
    assert summary({"count": 3, "edits": [{}, {}]}) == "count=3, edits=[2]"
    assert summary({"path": "a", "content": "x" * 50}) == f"a, content={'x' * 37}..."
    assert summary({}) == ""
    assert call_title("git_status", {}) == "git_status"


def test_what_a_turn_used_is_told_with_its_cost_where_that_is_known():
    usage = Usage(2, 10, 5, 100, cost=0.0123)
    assert used(usage) == "2 requests, 110 tokens in (100 from the cache), 5 out, $0.0123"
    assert used(Usage(1, 10, 5, cost=None)) == "1 requests, 10 tokens in (0 from the cache), 5 out"


def test_every_event_has_a_name_of_its_own_in_json():
    assert len(TYPES) == len(get_args(told.Event))
    assert to_json(FINISHED) == {
        "type": "tool_finished",
        "id": "1.0",
        "name": "shell",
        "status": "finished",
        "text": "ok",
        "seconds": 0.25,
    }


def test_lanes_show_what_waits_runs_and_asks_until_it_is_answered():
    lanes = Lanes()
    for event in (
        told.ToolCalled("1.0", "grep", {"pattern": "x"}, "local_read"),
        told.ToolCalled("1.1", "shell", {"command": "make"}, "shell"),
        told.ToolCalled("1.2", "file_read", {"path": "a"}, "local_read"),
        told.ToolStarted("1.0", "grep"),
        told.ToolProgress("1.0", "grep", "3 files", 0.3),
        told.ApprovalAsked("1.1", "shell", {"command": "make"}, "no rule", ""),
    ):
        lanes.take(event, 10.0)
    assert lanes.lines(11.5) == [
        "  runs 1.5 s  grep x  30% 3 files",
        "  asks you  shell make",
        "  waits  file_read a",
    ]
    assert lanes.lines(11.5, most=1) == ["  runs 1.5 s  grep x  30% 3 files", "  ... and 2 more"]
    lanes.take(told.ApprovalSettled("1.1", "shell", "allowed"), 12.0)
    lanes.take(told.ToolFinished("1.0", "grep", "finished", "", 2.0), 12.0)
    assert lanes.lines(12.0) == ["  waits  shell make", "  waits  file_read a"]
    lanes.take(told.TurnFinished("end_turn", "", Usage()), 12.0)
    assert len(lanes) == 0
