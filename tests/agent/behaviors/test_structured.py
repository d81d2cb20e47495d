"""A model's answers in a fixed form: mended by the loop, bounded, and typed when there is none."""

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from agent.behaviors.structured import CALL_IT, MOST_FAILURES, MOST_REQUESTS, Asker
from agent.behaviors.tally import NoAnswerError, Why
from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, Gate, HttpError, Text, reply
from agent.jobs.context import JobCancelledError
from tests.agent.behaviors.answering import (
    DOWN,
    PROSE,
    REFUSAL,
    UNREACHABLE,
    Reports,
    calls,
    work_of,
)


class Fruit(BaseModel):
    """A fruit that was named."""

    name: Annotated[str, Field(max_length=10)]
    count: int


PEAR = {"name": "pear", "count": 2}
WRONG = calls({"name": "pear", "number": 2})


@asynccontextmanager
async def asking(folder, replies, *, seconds=60.0, reports=None):
    """Lend an asker, and the server that it asks."""
    async with LoopbackModel(replies) as server:
        work = work_of(folder, server.url, reports)
        async with Asker(work, "You know fruit.", seconds=seconds) as asker:
            yield asker, server
        assert server.refused == []


async def failure(asker, question="Which?"):
    with pytest.raises(NoAnswerError) as failed:
        await asker.ask(Fruit, question)
    return failed.value.why


async def test_the_answer_is_the_checked_form_and_nothing_follows_it(tmp_path):
    async with asking(tmp_path, [calls(PEAR)]) as (asker, server):
        assert await asker.ask(Fruit, "Which fruit?") == Fruit(name="pear", count=2)
    [request] = server.requests
    [tool] = request.body["tools"]
    assert (tool["name"], request.body["messages"][0]["content"][-1]["text"]) == (
        "answer",
        "Which fruit?",
    )
    assert "You know fruit." in json.dumps(request.body["system"])
    assert tool["input_schema"]["$defs"]["Fruit"]["required"] == ["name", "count"]


@pytest.mark.parametrize(
    "first",
    [
        WRONG,
        PROSE,
        reply(Text("")),
        reply(Call("toolu_9", "answers", {"answer": PEAR})),
        reply(Call("toolu_9", "answer", PEAR)),
        reply(Call("toolu_9", "answer", '{"answer": {"name": "pea')),
        reply(Call("toolu_9", "answer", {"answer": PEAR}), stop_reason="max_tokens"),
        calls({"name": "much too long a name", "count": 2}),
    ],
    ids=["form", "prose", "empty", "tool", "unwrapped", "no JSON", "cut", "too long"],
)
async def test_what_does_not_fit_goes_back_to_the_model_which_mends_it(tmp_path, first):
    second = reply(Call("toolu_2", "answer", {"answer": PEAR}))
    async with asking(tmp_path, [first, second]) as (asker, server):
        assert await asker.ask(Fruit, "Which?") == Fruit(name="pear", count=2)
    assert len(server.requests) == 2


async def test_the_model_reads_which_field_is_wrong(tmp_path):
    second = reply(Call("toolu_2", "answer", {"answer": PEAR}))
    async with asking(tmp_path, [WRONG, second]) as (asker, server):
        await asker.ask(Fruit, "Which?")
    told = json.dumps(server.requests[1].body["messages"][-1])
    assert "answer.count" in told
    assert "answer.number" in told
    assert CALL_IT not in told


async def test_a_model_that_calls_nothing_is_told_to(tmp_path):
    async with asking(tmp_path, [PROSE, calls(PEAR)]) as (asker, server):
        await asker.ask(Fruit, "Which?")
    assert server.requests[1].body["messages"][-1]["content"][-1]["text"] == CALL_IT


async def test_of_two_answers_the_first_counts(tmp_path):
    apple = {"name": "apple", "count": 1}
    both = reply(
        Call("toolu_1", "answer", {"answer": PEAR}), Call("toolu_2", "answer", {"answer": apple})
    )
    async with asking(tmp_path, [both]) as (asker, _):
        assert await asker.ask(Fruit, "Which?") == Fruit(name="pear", count=2)


@pytest.mark.parametrize(
    ("script", "why", "requests"),
    [
        (lambda n: reply(Call(f"toolu_{n}", "answer", {})), Why.WRONG_FORM, MOST_REQUESTS),
        (lambda _: PROSE, Why.WRONG_FORM, MOST_REQUESTS),
        (lambda _: REFUSAL, Why.REFUSED, 1),
        (lambda _: DOWN, Why.NO_REPLY, 1),
        (lambda _: HttpError(401, "authentication_error", "no"), Why.NO_REPLY, 1),
        (lambda _: reply(Text("a"), stop_reason="something_new"), Why.NO_REPLY, 1),
    ],
    ids=["wrong form for ever", "prose for ever", "refusal", "error", "key", "stop reason"],
)
async def test_what_is_wrong_is_typed_and_bounded(tmp_path, script, why, requests):
    async with asking(tmp_path, lambda _, number: script(number)) as (asker, server):
        assert await failure(asker) is why
        assert asker.tally.told()["failures"] == {why.value: 1}
        assert len(asker.tally.errors) == 1
    assert len(server.requests) == requests


async def test_an_error_that_passes_is_tried_again(tmp_path):
    busy = HttpError(529, "overloaded_error", "busy")
    async with asking(tmp_path, [busy, calls(PEAR)]) as (asker, _):
        assert await asker.ask(Fruit, "Which?") == Fruit(name="pear", count=2)


async def test_no_server_is_no_reply(tmp_path):
    async with Asker(work_of(tmp_path, UNREACHABLE), "role", seconds=60) as asker:
        assert await failure(asker) is Why.NO_REPLY


async def test_no_configured_model_is_no_model(tmp_path):
    work = work_of(tmp_path, UNREACHABLE, model=None)
    async with Asker(work, "role", seconds=60) as asker:
        assert await failure(asker) is Why.NO_MODEL


async def test_the_time_for_all_questions_is_bounded(tmp_path):
    async with asking(tmp_path, [reply(Gate("shut"), Text("late"))], seconds=0.3) as (asker, _):
        assert await failure(asker) is Why.OUT_OF_TIME
        assert await failure(asker) is Why.OUT_OF_TIME


async def test_after_failures_in_a_row_nothing_is_asked_any_more(tmp_path):
    async with asking(tmp_path, lambda *_: DOWN) as (asker, server):
        whys = [await failure(asker) for _ in range(MOST_FAILURES + 2)]
    assert whys == [*[Why.NO_REPLY] * MOST_FAILURES, Why.GIVEN_UP, Why.GIVEN_UP]
    assert len(server.requests) == MOST_FAILURES


async def test_an_answer_between_failures_starts_the_count_again(tmp_path):
    row = [DOWN] * (MOST_FAILURES - 1)
    async with asking(tmp_path, [*row, calls(PEAR), *row, calls(PEAR)]) as (asker, _):
        for _ in range(2):
            for _ in row:
                assert await failure(asker) is Why.NO_REPLY
            assert (await asker.ask(Fruit, "Which?")).name == "pear"


async def test_questions_at_once_get_their_own_answers(tmp_path):
    def answer(body, number):
        name = body["messages"][0]["content"][-1]["text"]
        return calls({"name": name, "count": number})

    names = [f"fruit {number}" for number in range(12)]
    async with asking(tmp_path, answer) as (asker, _):
        made = await asyncio.gather(*(asker.ask(Fruit, name) for name in names))
    assert [each.name for each in made] == names


async def test_sessions_do_not_pile_up_and_their_folder_is_removed(tmp_path):
    async with asking(tmp_path, lambda *_: calls(PEAR)) as (asker, _):
        for _ in range(3):
            await asker.ask(Fruit, "Which?")
        [agent] = asker._agents.values()
        assert agent.sessions.opened == {}
        assert await asyncio.to_thread(lambda: [*asker._folder.rglob("*.jsonl")]) == []
        assert await asyncio.to_thread(asker._folder.is_dir)
    assert not await asyncio.to_thread(asker._folder.exists)


async def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    left = tmp_path / "data" / "behaviors"
    async with asking(tmp_path, []) as (asker, _):
        me = asker._folder.name.rpartition(" ")[0]
    gone = f"{me.split(':')[0]}:{2**22 + 5}:1.00 abc"  # above any process's id
    for name in (gone, f"{me} another", "of:another:host"):
        await asyncio.to_thread((left / name).mkdir)
    async with asking(tmp_path, []):
        there = await asyncio.to_thread(lambda: {each.name for each in left.iterdir()})
    assert {f"{me} another", "of:another:host"} < there
    assert gone not in there


async def test_a_job_that_is_to_stop_asks_nothing(tmp_path):
    reports = Reports(stop=JobCancelledError())
    async with Asker(work_of(tmp_path, UNREACHABLE, reports), "role", seconds=60) as asker:
        stopped = await asyncio.gather(asker.ask(Fruit, "Which?"), return_exceptions=True)
    assert isinstance(stopped[0], JobCancelledError)
    assert (asker.tally.asked, asker._agents) == (0, {})


async def test_a_cancelled_question_leaves_nothing_behind(tmp_path):
    async with asking(tmp_path, [reply(Text("Wait."), Gate("shut"))]) as (asker, server):
        task = asyncio.create_task(asker.ask(Fruit, "Which?"))
        await server.reached("shut")
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        [agent] = asker._agents.values()
        assert (agent.sessions.opened, asker._answers) == ({}, {})
