"""The logs of a session, and when a browser is idle: without a browser."""

from tools.browser.events import Log, Since, page_text, page_url
from tools.browser.idle import Idle


def test_a_log_tells_what_came_since_it_was_last_asked_and_what_was_lost():
    log = Log(3)
    for entry in "ab":
        log.add(entry)
    assert log.news() == Since(("a", "b"), 2)
    assert log.news() == Since((), 2)
    for entry in "cdefg":
        log.add(entry)
    assert log.news() == Since(("e", "f", "g"), 7, 2)
    assert log.since(6) == Since(("g",), 7)
    assert log.since(-1) == Since(("e", "f", "g"), 7, 4)
    assert log.since(99) == Since((), 7)
    assert repr(log) == "<Log 3 of 7, 7 told>"


def test_a_pages_text_is_cleaned_and_cut_with_a_mark():
    assert page_text("a\x1bb\ud800") == "a\N{SYMBOL FOR ESCAPE}b\ufffd"
    assert page_text("x" * 10, 10) == "x" * 10
    assert page_text("x" * 11, 10) == "x" * 9 + "…"
    assert len(page_url("data:" + "x" * 99_999)) == 2000


class Timers:
    def __init__(self):
        self.live = []

    def __call__(self, _seconds, callback):
        self.live.append(callback)
        return self

    def cancel(self):
        self.live.clear()


def test_idle_is_told_when_the_last_user_has_gone_and_nobody_comes():
    timers, told = Timers(), []
    idle = Idle(5, lambda: told.append(True), timers)
    idle.enter()
    idle.enter()
    idle.leave()
    assert timers.live == []
    idle.leave()
    assert len(timers.live) == 1
    idle.enter()
    assert timers.live == []
    idle.leave()
    timers.live[0]()
    assert told == [True]
    idle.stop()
    assert repr(idle) == "<Idle 0 users, timer not set>"
