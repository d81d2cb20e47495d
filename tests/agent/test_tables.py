"""The loop's tables are complete, and say what they should."""

import pytest

from agent.answers import STATUS_OF, Status
from agent.claude.stop_reasons import STOP_REASONS, Next
from agent.loop import TOLD, Ended, following
from scheduler import Outcome
from tools import CLASSES, ToolClass

RAN = {Outcome.WAITING, Outcome.RUNNING, Outcome.FINISHED}
"""Outcomes that no call has that was not run."""


def test_every_outcome_of_a_call_that_was_not_run_has_its_status():
    assert {*STATUS_OF} == {*Outcome} - RAN
    assert Status.FINISHED not in STATUS_OF.values()


def test_every_limit_that_ends_a_turn_is_told_in_words():
    assert {*TOLD} == {*Ended} - {Ended.INTERRUPTED, Ended.ERROR, Ended.UNSAVED}


def test_every_class_of_tools_has_its_meaning():
    assert {*CLASSES} == {*ToolClass}


@pytest.mark.parametrize("has_calls", [False, True])
@pytest.mark.parametrize("has_messages", [False, True])
@pytest.mark.parametrize("reason", [*STOP_REASONS, "something new", None])
def test_what_follows_a_reply(reason, has_messages, has_calls):
    step = following(reason, was_cut=False, has_calls=has_calls, has_messages=has_messages)

    if reason in {"pause_turn", "compaction"} or (reason == "max_tokens" and has_calls):
        assert step is Next.CONTINUE
    elif has_messages or (reason == "tool_use" and has_calls):
        assert step is Next.ANSWER
    elif reason in {"end_turn", "stop_sequence", "tool_use"}:
        assert step is Next.END
    else:
        assert step is Next.STOP


def test_a_reply_that_was_cut_is_gone_on_with():
    assert following(None, was_cut=True, has_calls=False, has_messages=False) is Next.ANSWER
