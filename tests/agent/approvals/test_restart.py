"""Questions that a crash leaves open: they are still there, and nothing runs twice or unasked."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent import events as told
from agent.approvals import AllowAll, Rule, RuleBook
from agent.errors import SessionError
from agent.limits import Limits
from tests.agent.approvals.asking import GETS, Diary, Stage, calls_of
from tests.agent.approvals.killed import COMMANDS, agent_in
from tests.agent.crash_child import PlayedModel
from tests.clock import run

ROOT = Path(__file__).parents[3]


async def crashed(*commands, answers=(), limits=None):
    """Give a stage whose process has ended while a question was open."""
    stage = Stage(calls_of(*commands), limits=limits)
    turn = stage.begin()
    await stage.asked(sum(each.startswith("put") for each in commands))
    for key, answer, reason in answers:
        await stage.session.answer(key, answer, reason)
    await asyncio.sleep(10)
    after = stage.reopened()
    stage.session.interrupt()
    await turn
    stage.diary.began.clear()
    return after


def questions_of(stage):
    return [(each.id, each.input["command"], each.is_asked) for each in stage.session.questions]


def test_an_open_question_is_there_after_a_crash_and_is_asked_again():
    async def main():
        done = [("0.0", "once", ""), ("0.3", "deny", "no")]
        stage = await crashed("put a", "put b", "get c", "put d", "get b", answers=done)
        assert questions_of(stage) == [("0.1", "put b", False)]
        (question,) = stage.session.questions
        assert (question.name, question.always) == ("run", "")
        assert question.why == "run changes something, and no rule allows it"
        turn = stage.begin(stage.session.resume())
        await stage.asked(1)
        assert questions_of(stage) == [("0.1", "put b", True)]
        await asyncio.sleep(10)
        assert stage.diary.commands == []
        await stage.session.answer("0.1", "always")
        await turn
        assert stage.diary.commands == ["put b", "get b"]
        assert stage.told() == [
            "put a is done",
            "put b is done",
            "get c is done",
            "Not executed: it was denied: the user said: no.",
            "get b is done",
        ]
        assert stage.model.problems == []

    run(main())


@pytest.mark.parametrize(("answer", "ran"), [("once", ["put a"]), ("deny", [])])
def test_a_question_can_be_answered_before_its_session_goes_on(answer, ran):
    async def main():
        stage = await crashed("put a", "get a")
        await stage.session.answer("0.0", answer, "not now")
        assert questions_of(stage) == []
        with pytest.raises(SessionError, match=r"no question '0\.0' is open; open are: none"):
            await stage.session.answer("0.0", "once")
        again = stage.reopened()  # the answer survives, too
        assert questions_of(again) == []
        turn = again.begin(again.session.resume())
        await turn
        assert again.of(told.ApprovalAsked) == []
        assert again.diary.commands == [*ran, "get a"]
        denied = "Not executed: it was denied: the user said: not now."
        assert again.told()[0] == ("put a is done" if ran else denied)

    run(main())


def test_what_was_allowed_and_had_not_started_runs_without_a_question():
    async def main():
        stage = Stage(calls_of("put a", "put a", "put b"), diary=Diary(put_a=30))
        turn = stage.begin()
        await stage.asked(3)
        await stage.session.answer("0.1", "once")
        await asyncio.sleep(5)
        after = stage.reopened(diary=Diary())
        stage.session.interrupt()
        await turn
        assert questions_of(after) == [("0.0", "put a", False), ("0.2", "put b", False)]
        await after.session.answer("0.0", "once")
        turn = after.begin(after.session.resume())
        await after.asked(1)
        assert questions_of(after) == [("0.2", "put b", True)]
        await after.session.answer("0.2", "deny")
        await turn
        assert after.diary.commands == ["put a", "put a"]

    run(main())


def test_what_had_started_is_not_run_again_and_not_asked_about():
    async def main():
        stage = Stage(calls_of("put a", "put b"), diary=Diary(put_a=30))
        turn = stage.begin()
        await stage.asked(2)
        await stage.session.answer("0.0", "once")
        await asyncio.sleep(5)
        after = stage.reopened(diary=Diary())
        stage.session.interrupt()
        await turn
        assert questions_of(after) == [("0.1", "put b", False)]
        await after.session.answer("0.1", "once")
        await after.begin(after.session.resume())
        assert after.of(told.ApprovalAsked) == []
        assert after.diary.commands == ["put b"]
        assert after.told()[0].startswith("Interrupted: outcome unknown.")

    run(main())


def test_always_is_answered_once_the_session_goes_on():
    async def main():
        stage = await crashed("put a")
        with pytest.raises(
            SessionError, match=r"'0\.0': resume the session before calls like this"
        ):
            await stage.session.answer("0.0", "always")
        assert questions_of(stage) == [("0.0", "put a", False)]

    run(main())


def test_a_message_closes_the_questions_of_before():
    async def main():
        stage = await crashed("put a", "get b")
        await stage.session.answer("0.0", "once")
        assert (await stage.session.ask("Never mind.")).text == "Done."
        assert questions_of(stage) == []
        assert stage.diary.commands == []
        assert stage.told()[0].startswith("Not executed: the run was interrupted before")

    run(main())


def test_a_rule_that_came_meanwhile_is_no_question_any_more():
    async def main():
        stage = await crashed("put a", "put b")
        rules = [GETS, Rule("allow", command="put a"), Rule("deny", command="put b")]
        after = stage.reopened(book=RuleBook(rules))
        await after.begin(after.session.resume())
        assert after.of(told.ApprovalAsked) == []
        assert after.diary.commands == ["put a"]
        assert after.told()[1].startswith("Not executed: it was denied: a rule of the user")

    run(main())


def test_a_question_that_ran_out_of_time_is_not_asked_again():
    async def main():
        limits = Limits(approval_seconds=5)
        stage = Stage(calls_of("put a", "get b"), limits=limits, diary=Diary(get_b=100))
        turn = stage.begin()
        await asyncio.sleep(10)
        after = stage.reopened(diary=Diary())
        stage.session.interrupt()
        await turn
        assert questions_of(after) == []
        await after.begin(after.session.resume())
        assert after.of(told.ApprovalAsked) == []
        late = "Not executed: it was denied: nobody approved it within 5 s."
        assert after.told()[0] == late

    run(main())


def test_what_a_person_denied_is_not_run_though_a_rule_came_that_allows_it():
    async def main():
        stage = await crashed("put a")
        await stage.session.answer("0.0", "deny")
        after = stage.reopened(book=AllowAll())
        await after.begin(after.session.resume())
        assert after.diary.commands == []

    run(main())


def test_a_question_survives_that_its_session_is_closed():
    async def main():
        stage = Stage(calls_of("put a"))
        turn = stage.begin()
        await stage.asked(1)
        await stage.session.close()
        await turn
        assert questions_of(stage.reopened()) == [("0.0", "put a", False)]

    run(main())


# -- a process that is killed ----------------------------------------------------------------------


def killed(folder, number):
    """Have a process killed that has asked and answered so many questions; give what it did."""
    command = [sys.executable, "-m", "tests.agent.approvals.killed", str(folder), str(number)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return effects(folder)


def effects(folder):
    file = folder / "effects"
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize("answered", range(len(COMMANDS) + 1))
async def test_questions_survive_that_their_process_is_killed(answered, tmp_path):
    did = await asyncio.to_thread(killed, tmp_path, answered)
    assert did == COMMANDS[:answered]
    model = PlayedModel()
    async with agent_in(tmp_path, model) as agent:
        session = await agent.session("killed")
        keys = [f"0.{block}" for block in range(len(COMMANDS))]
        assert [each.id for each in session.questions] == keys[answered:]
        assert not any(each.is_asked for each in session.questions)
        for key in keys[answered:][:1]:
            await session.answer(key, "once")
        asked = []
        async for event in session.resume():
            if isinstance(event, told.ApprovalAsked):
                asked.append(event.id)
                await session.answer(event.id, "deny", "enough")
        assert asked == keys[answered + 1 :]
    assert await asyncio.to_thread(effects, tmp_path) == COMMANDS[: answered + 1]
    results = [
        block["content"][0]["text"]
        for block in json.loads(model.bodies[0])["messages"][-1]["content"]
        if block["type"] == "tool_result"
    ]
    refused = "Not executed: it was denied: the user said: enough."
    done = [f"did {command}" for command in COMMANDS[: answered + 1]]
    assert results == [*done, *[refused] * (len(COMMANDS) - len(done))]
