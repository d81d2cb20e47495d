"""The codes, what errors of Playwright mean, and what is not imported before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.browser.errors import MEANINGS, BrowserCode, BrowserError
from tools.browser.failures import translated
from tools.errors import ToolError

ROOT = Path(__file__).parents[3]


def test_every_code_has_a_meaning_with_a_sentence_to_act_on():
    assert set(MEANINGS) == set(BrowserCode)
    assert all(meaning.hint.endswith(".") for meaning in MEANINGS.values())


def test_an_error_is_read_as_code_message_and_hint():
    error = BrowserError(BrowserCode.NAV_FAILED, "It did not load.")
    assert isinstance(error, ToolError)
    assert (error.code, error.message, error.retryable) == ("nav_failed", "It did not load.", True)
    assert str(error) == (
        "nav_failed: It did not load. Check the address; try once more, or use another one."
    )
    assert repr(error) == "<BrowserError nav_failed: It did not load.>"


def test_nothing_that_may_have_taken_effect_is_called_retryable():
    assert {code for code, meaning in MEANINGS.items() if meaning.retryable} == {
        BrowserCode.NAV_FAILED,
        BrowserCode.BROWSER_UNAVAILABLE,
    }


COVERED = (
    "Locator.click: Timeout 500ms exceeded.\nCall log:\n  - waiting for locator\n"
    '    - <div id="cover">x</div> from <body>…</body> subtree intercepts pointer events\n'
)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (COVERED, "covered_by", '<div id="cover">x</div> is in the way.'),
        ("Page.goto: net::ERR_NAME at x", "nav_failed", "net::ERR_NAME at x."),
        (
            "Page.goto: net::ERR_BLOCKED_BY_CLIENT",
            "blocked_by_policy",
            "net::ERR_BLOCKED_BY_CLIENT.",
        ),
        ("Page.x: a\x1b[31m\nCall log:\n secret", "action_failed", "a\N{SYMBOL FOR ESCAPE}[31m."),
        ("x" * 9999, "action_failed", f"{'x' * 499}…."),
    ],
)
def test_an_error_of_playwrights_is_told_as_a_code_and_a_sentence(text, code, message):
    error = translated(RuntimeError(text))
    assert (error.code, error.message) == (code, message)


def test_playwright_is_not_imported_before_a_browser_is_needed():
    code = (
        "import sys, tools.browser.manager; "
        "sys.exit('playwright' in sys.modules or 'pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
