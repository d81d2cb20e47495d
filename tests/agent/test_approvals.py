"""Questions of a session: asked at once, answered in any order, never in anybody's way."""

import asyncio
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from agent import Limits, RetryLimits
from agent import events as told
from agent.approvals import ByTool, Rule, RuleBook
from agent.claude.checking import problem
from agent.errors import ConfigurationError, SessionError, StreamBrokenError
from agent.session.entries import Decision, Question, Request
from agent.session.log import SessionLog
from tests.agent.approvals.asking import GETS, Diary, Stage, calls_of
from tests.agent.approvals.judged import judged
from tests.agent.memory import MemoryStore
from tests.agent.test_interrupt import PacedModel
from tests.clock import run
from tests.scheduler.stage import is_clean
from tests.scheduler.test_cancellation import SteppedClock

RENAMES = Rule("allow", "rename")


def journalled(stage, kind):
    """Give what the journal holds of a kind, shortened."""
    found = [each for each in stage.store.entries if each["type"] == kind.type]
    if kind is Question:
        return [(each["reply"], each["block"]) for each in found]
    return [(each["reply"], each["block"], each["allows"], each["reason"]) for each in found]


# -- questions and calls ---------------------------------------------------------------------------


def test_a_question_keeps_only_those_calls_waiting_that_conflict_with_its_call():
    async def main():
        stage = Stage(calls_of("get a", "put b", "get c", "get b", "get d"))
        turn = stage.begin()
        await stage.asked(1)
        await asyncio.sleep(10)
        assert stage.diary.began == [(0, "get a"), (0, "get c"), (0, "get d")]
        (question,) = stage.session.questions
        assert (question.id, question.name, question.input) == ("0.1", "run", {"command": "put b"})
        assert question.why == "run changes something, and no rule allows it"
        assert question.always == "allow run with command 'put b' in /w"
        assert question.is_asked
        await stage.session.answer("0.1", "once")
        assert stage.open == []
        await turn
        assert stage.diary.began[3:] == [(10, "put b"), (11, "get b")]
        assert stage.told() == [f"{each} is done" for each in stage_order]
        assert stage.settled == [("0.1", "allowed")]
        assert is_clean(stage.scheduler)

    stage_order = ("get a", "put b", "get c", "get b", "get d")
    run(main())


def test_all_questions_of_a_reply_are_asked_at_once_and_answered_in_any_order():
    names = ["a", "b", "c", "d", "a"]

    async def main():
        stage = Stage(calls_of(*(f"put {name}" for name in names)))
        turn = stage.begin()
        await stage.asked(5)
        asked = [f"0.{block}" for block in range(5)]
        assert [event.id for event in stage.of(told.ApprovalAsked)] == asked == stage.open
        assert journalled(stage, Question) == [(0, block) for block in range(5)]
        for key in reversed(asked):
            await stage.session.answer(key, "once")
            await asyncio.sleep(3)
        await turn
        assert stage.diary.began == [
            *((3, "put d"), (6, "put c"), (9, "put b"), (12, "put a"), (13, "put a"))
        ]
        assert stage.told() == [f"put {name} is done" for name in names]
        assert stage.settled == [(key, "allowed") for key in reversed(asked)]

    run(main())


def test_a_question_is_asked_while_the_reply_is_still_coming():
    async def main():
        gate = asyncio.Event()

        async def reply():
            *most, end = calls_of("put a", "get b")
            for event in most:
                yield [event]
            await gate.wait()
            yield [end]

        stage = Stage(reply())
        turn = stage.begin()
        await stage.asked(1)
        await stage.session.answer("0.0", "once")
        await asyncio.sleep(5)
        assert stage.diary.ended == ["put a"]
        gate.set()
        await turn
        assert stage.told() == ["put a is done", "get b is done"]

    run(main())


def test_the_model_reads_why_a_call_was_denied():
    reasons = {"0.0": " Use the other one. ", "0.1": "", "0.2": "no\nway", "0.3": "x" * 3000}

    async def main():
        stage = Stage(calls_of("put a", "put b", "put c", "put d", "get a"))
        turn = stage.begin()
        await stage.asked(4)
        for key, reason in reasons.items():
            await stage.session.answer(key, "deny", reason)
        await turn
        assert stage.told() == [
            "Not executed: it was denied: the user said: Use the other one.",
            "Not executed: it was denied: the user denied it.",
            "Not executed: it was denied: the user said: no\nway.",
            f"Not executed: it was denied: the user said: {'x' * 2000}.",
            "get a is done",
        ]
        assert set(stage.statuses.values()) == {"denied", "finished"}
        assert stage.settled == [(key, "denied") for key in reasons]
        assert stage.diary.commands == ["get a"]
        assert stage.of(told.TurnFinished)[0].why == "end_turn"

    run(main())


def test_what_a_rule_denies_is_never_asked_about():
    async def main():
        stage = Stage(calls_of("put a", "get a"), rules=[GETS, Rule("deny", command="put *")])
        await stage.begin()
        assert stage.of(told.ApprovalAsked) == []
        reason = "a rule of the user says: deny any tool with command 'put *'"
        assert stage.told() == [f"Not executed: it was denied: {reason}.", "get a is done"]

    run(main())


def test_a_question_that_nobody_answers_is_a_denial_after_its_time():
    async def main():
        stage = Stage(calls_of("put a", "put a", "get b"), limits=Limits(approval_seconds=60))
        turn = stage.begin()
        await stage.asked(2)
        await asyncio.sleep(59)
        await stage.session.answer("0.1", "once")
        await turn
        late = "nobody approved it within 60 s"
        assert stage.told()[0] == f"Not executed: it was denied: {late}."
        assert stage.diary.began == [(0, "get b"), (60, "put a")]
        assert stage.settled == [("0.1", "allowed"), ("0.0", "timed_out")]
        assert journalled(stage, Decision) == [(0, 1, True, ""), (0, 0, False, late)]
        assert stage.statuses["0.0"] == "denied"

    run(main())


def test_an_answer_counts_that_comes_in_the_very_step_in_which_time_is_over():
    async def main():
        stage = Stage(calls_of("put a"), limits=Limits(approval_seconds=60))
        turn = stage.begin()
        await stage.asked(1)

        def answer():
            with suppress(StopIteration):
                stage.session.answer("0.0", "once").send(None)

        asyncio.get_running_loop().call_at(60 - 1e-10, answer)
        await turn
        assert stage.settled == [("0.0", "allowed")]
        assert journalled(stage, Decision) == [(0, 0, True, "")]
        assert stage.diary.commands == ["put a"]

    run(main())


def test_a_question_that_is_asked_anew_stays_when_the_one_before_is_gone():
    async def main():
        stage = Stage()
        stage.session._log.record(Request(0))
        call = judged(stage.tools.get("run"), Path("/w"), command="put a")
        loop, questions = asyncio.get_running_loop(), stage.session._questions
        first, second = [loop.create_task(questions.ask((0, 0), call, "so")) for _ in range(2)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        await stage.session.answer("0.0", "once")
        assert await second is True

    run(main())


# -- for good --------------------------------------------------------------------------------------


def test_what_is_allowed_for_good_answers_the_other_questions_that_it_is_about():
    async def main():
        book = RuleBook([GETS])
        one = Stage(calls_of("put a", "put b", "put a"), calls_of("put a"), book=book)
        other = Stage(calls_of("put a", "put b"), book=book)
        turns = [one.begin(), other.begin()]
        await one.asked(3)
        await other.asked(2)
        await one.session.answer("0.2", "always")
        await asyncio.sleep(5)
        assert (one.open, other.open) == (["0.1"], ["0.1"])
        assert one.settled == [("0.2", "allowed"), ("0.0", "allowed")]
        assert other.settled == [("0.0", "allowed")]
        assert book.rules == [GETS, Rule("allow", "run", command="put a", workspace="/w")]
        for stage in (one, other):
            await stage.session.answer("0.1", "deny")
        await asyncio.gather(*turns)
        assert one.diary.commands == ["put a", "put a", "put a"]
        assert other.diary.commands == ["put a"]
        assert len(one.of(told.ApprovalAsked)) == 3

    run(main())


def test_a_session_that_is_closed_hears_of_no_more_rules():
    async def main():
        stage = Stage(calls_of("put a"))
        turn = stage.begin()
        await stage.asked(1)
        assert len(stage.book._watchers) == 1
        await stage.session.close()
        await turn
        assert stage.book._watchers == []

    run(main())


def test_what_cannot_be_kept_is_told_and_the_call_runs(monkeypatch):
    async def refuse(_):
        raise ConfigurationError("the rule could not be kept")

    async def main():
        stage = Stage(calls_of("put a"))
        monkeypatch.setattr(stage.book, "remember", refuse)
        turn = stage.begin()
        await stage.asked(1)
        with pytest.raises(ConfigurationError, match="could not be kept"):
            await stage.session.answer("0.0", "always")
        await turn
        assert stage.diary.commands == ["put a"]

    run(main())


# -- answers that cannot be ------------------------------------------------------------------------


def test_an_answer_that_cannot_be_is_told_and_changes_nothing():
    async def main():
        stage = Stage(calls_of("put a", "put b"))
        turn = stage.begin()
        await stage.asked(2)
        answers = [
            ("0.7", "once", "no question '0.7' is open; open are: 0.0, 0.1"),
            ("", "once", "no question '' is open"),
            ("put a_0", "deny", "no question 'put a_0' is open"),
            ("0.0", "maybe", "answer 'maybe': it is one of once, always, deny"),
        ]
        for key, answer, text in answers:
            with pytest.raises(SessionError, match=text):
                await stage.session.answer(key, answer)
        assert stage.open == ["0.0", "0.1"]
        await stage.session.answer("0.0", "once")
        for answer in ("deny", "once", "always"):
            with pytest.raises(SessionError, match=r"no question '0.0' is open; open are: 0\.1"):
                await stage.session.answer("0.0", answer)
        await stage.session.answer("0.1", "deny")
        await turn
        with pytest.raises(SessionError, match=r"no question '0\.1' is open; open are: none"):
            await stage.session.answer("0.1", "once")
        assert journalled(stage, Decision) == [
            (0, 0, True, ""),
            (0, 1, False, "the user denied it"),
        ]
        assert stage.diary.commands == ["put a"]
        await stage.session.close()
        with pytest.raises(SessionError, match="is closed"):
            await stage.session.answer("0.1", "once")

    run(main())


@pytest.mark.parametrize("book", [ByTool({"run": "ask"}), RuleBook([Rule("ask", command="*")])])
def test_always_is_no_answer_where_it_would_not_help(book):
    async def main():
        stage = Stage(calls_of("put a"), book=book)
        turn = stage.begin()
        await stage.asked(1)
        assert stage.session.questions[0].always == ""
        with pytest.raises(
            SessionError, match=r"'0\.0': calls like this one cannot be allowed for"
        ):
            await stage.session.answer("0.0", "always")
        await stage.session.answer("0.0", "once")
        await turn
        assert stage.diary.commands == ["put a"]

    run(main())


# -- questions that go -----------------------------------------------------------------------------


def renaming(*commands):
    """Give a reply that first changes what a name means."""
    reply = calls_of("put a", *commands)
    reply[1]["content_block"]["name"] = "rename"
    return reply


def test_a_call_whose_resources_change_is_asked_about_anew():
    async def main():
        stage = Stage(renaming("put a"), rules=[RENAMES], diary=Diary(put_a=5))
        turn = stage.begin()
        await stage.asked(1)
        await asyncio.sleep(2)
        await stage.session.answer("0.1", "once")
        await stage.asked(2)
        assert asyncio.get_running_loop().time() == 5
        await asyncio.sleep(20)
        assert stage.open == ["0.1"]
        assert stage.diary.commands == ["put a"]
        await stage.session.answer("0.1", "deny", "not there")
        await turn
        assert stage.told()[1] == "Not executed: it was denied: the user said: not there."
        assert stage.settled == [("0.1", "allowed"), ("0.1", "denied")]

    run(main())


def test_an_open_question_is_withdrawn_when_the_resources_of_its_call_change():
    async def main():
        stage = Stage(renaming("put a"), rules=[RENAMES], diary=Diary(put_a=5))
        turn = stage.begin()
        await stage.asked(2)
        assert stage.settled == [("0.1", "withdrawn")]
        assert stage.open == ["0.1"]
        assert [each.id for each in stage.session.questions] == ["0.1"]
        await stage.session.answer("0.1", "once")
        await turn
        assert stage.diary.began == [(0, "put a"), (5, "put a")]
        assert journalled(stage, Question) == [(0, 1), (0, 1)]

    run(main())


def test_an_interruption_withdraws_the_open_questions():
    async def main():
        stage = Stage(calls_of("put a", "put b", "get a", "get c"))
        turn = stage.begin()
        await stage.asked(2)
        await asyncio.sleep(3)
        stage.session.interrupt()
        last = await turn
        assert last.why == "interrupted"
        assert sorted(stage.settled) == [("0.0", "withdrawn"), ("0.1", "withdrawn")]
        assert stage.open == []
        with pytest.raises(SessionError, match="open are: none"):
            await stage.session.answer("0.0", "once")
        assert stage.diary.commands == ["get c"]
        assert (await stage.session.ask("And?")).text == "Done."
        assert stage.told() == [
            *["Not executed: the user interrupted the turn before this call started."] * 3,
            "get c is done",
        ]
        assert is_clean(stage.scheduler)

    run(main())


def test_a_question_that_was_withdrawn_does_not_come_back_with_the_session():
    async def main():
        stage = Stage(calls_of("put a"))
        turn = stage.begin()
        await stage.asked(1)
        stage.session.interrupt()
        await turn
        assert stage.reopened().open == []

    run(main())


BROKEN = StreamBrokenError("gone")


def broken(*commands):
    """Give a reply that breaks off at its end, a while after its calls."""

    async def reply():
        for event in calls_of(*commands, "get z", after=()):
            yield [event]
        await asyncio.sleep(30)
        raise BROKEN

    return reply()


def test_a_stream_that_breaks_withdraws_the_questions_of_its_reply():
    async def main():
        limits = Limits(retry=RetryLimits(first=10.0))
        stage = Stage(
            broken("put a", "get b"),
            calls_of("put a"),
            limits=limits,
            rules=[Rule("allow", command="look *")],
        )
        turn = stage.begin()
        await stage.asked(2)
        assert stage.open == ["0.0", "0.1"]
        await asyncio.sleep(35)
        assert stage.settled == [("0.0", "withdrawn"), ("0.1", "withdrawn")]
        assert stage.open == []
        with pytest.raises(SessionError, match="open are: none"):
            await stage.session.answer("0.0", "once")
        await stage.asked(3)
        assert stage.open == ["1.0"]
        await stage.session.answer("1.0", "once")
        await turn
        assert stage.diary.commands == ["put a"]
        assert stage.model.problems == []

    run(main())


def test_a_stream_that_breaks_after_something_was_done_leaves_its_questions_open():
    async def main():
        stage = Stage(broken("put a", "get b"))
        turn = stage.begin()
        await stage.asked(1)
        await asyncio.sleep(40)
        assert stage.diary.ended == ["get b"]
        assert stage.open == ["0.0"]
        await stage.session.answer("0.0", "once")
        await turn
        assert stage.told()[:2] == ["put a is done", "get b is done"]

    run(main())


# -- at every step ---------------------------------------------------------------------------------


class Play:
    """A turn with questions of every kind, to which something happens at a step of the loop."""

    def __init__(self):
        self.stage = None
        self.was_over = True

    def at(self, step, happens):
        def now():
            self.was_over = self.stage is None or not self.stage.session.is_running
            if not self.was_over:
                happens(self.stage)

        with asyncio.Runner(loop_factory=lambda: SteppedClock(step, now)) as runner:
            runner.run(self.main())

    async def main(self):
        reply = renaming("put a", "get c", "put d", "put e", "get d", "put f")
        rules = [GETS, RENAMES]
        limits = Limits(approval_seconds=20)
        stage = Stage(rules=rules, limits=limits, diary=Diary(put_a=5), store=MemoryStore(sync=1))
        stage.model.__class__ = PacedModel
        stage.model.replies.insert(0, reply)
        self.stage = stage
        turn = stage.begin()
        person = asyncio.get_running_loop().create_task(self.answer())
        await turn
        person.cancel()
        await asyncio.wait({person})
        await self.check()

    async def answer(self):
        session = self.stage.session
        await self.stage.asked(4)
        await session.answer("0.1", "once")  # does not count: what it touches changes
        await asyncio.sleep(2)
        await session.answer("0.3", "always")
        await asyncio.sleep(2)
        await session.answer("0.4", "deny", "no")
        await self.stage.asked(5)
        await session.answer("0.1", "once")

    async def check(self):
        stage = self.stage
        await stage.scheduler.drained()
        assert is_clean(stage.scheduler)
        assert stage.open == []
        asked = [event.id for event in stage.of(told.ApprovalAsked)]
        assert sorted(asked) == sorted(key for key, _ in stage.settled), "each is settled, once"
        assert isinstance(stage.events[-1], told.TurnFinished)
        allowed = {key for key, how in stage.settled if how == "allowed"} | {"0.0", "0.2", "0.5"}
        assert set(stage.started) <= allowed
        loaded = SessionLog(MemoryStore(), stage.store.entries).history
        assert loaded.transcript.as_json() == stage.session.history.transcript.as_json()
        if not stage.session.is_closed:
            assert (await stage.session.ask("And?")).text == "Done."
            assert [problem(body) for body in stage.model.bodies] == [None] * len(
                stage.model.bodies
            )
            assert stage.model.problems == []


def test_a_turn_with_questions_can_be_left_alone():
    play = Play()
    play.at(-1, None)
    assert play.stage.settled == [
        *(("0.1", "allowed"), ("0.3", "allowed"), ("0.4", "denied"), ("0.1", "allowed")),
        ("0.6", "timed_out"),
    ]
    assert play.stage.diary.commands == ["put a", "get c", "put d", "get d", "put a"]


def test_a_turn_with_questions_can_be_interrupted_at_every_step():
    seen = set()
    for step in count():
        play = Play()
        play.at(step, lambda stage: stage.session.interrupt())
        seen.add(tuple(play.stage.settled))
        if step > 20 and play.was_over:
            break
    assert len(seen) > 8
    assert step > 60


def test_a_session_with_questions_can_be_closed_at_every_step():
    for step in count():
        play, closing = Play(), []

        def happens(stage, closing=closing):
            loop = stage.session._running.get_loop()
            closing.append(loop.create_task(stage.session.close()))

        play.at(step, happens)
        if step > 20 and play.was_over:
            break
    assert step > 60
