"""Several providers at once: all asked before any answers, none spoils another, none is left."""

import asyncio

import pytest

from tests.clock import run
from tools.web import Found, Http, Kind, Query, Request, SearchLimits
from tools.web.errors import ProviderError
from tools.web.fan_out import Answers, ask_all

from .calling import Fake, refused

QUERY = Query(Kind.WEB, "tides", 2)
A, B, C = (Found(name, f"https://{name}.example") for name in "abc")


class NoHttp:
    async def send(self, request: Request) -> bytes:
        raise AssertionError(request)


HTTP: Http = NoHttp()


async def ask(*fakes: Fake, **limits: float) -> Answers:
    return await ask_all(fakes, QUERY, HTTP, SearchLimits(**limits))


async def after(seconds: float, gate: asyncio.Event) -> None:
    await asyncio.sleep(seconds)
    gate.set()


def test_all_are_asked_before_any_answers():
    async def main():
        gate = asyncio.Event()
        fakes = [Fake(name, [A], gate=gate) for name in ("one", "two", "three")]
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(ask(*fakes))
            for each in fakes:
                await each.was_asked.wait()
            assert not asking.done()
            gate.set()
        assert asking.result() == Answers({"one": [A], "two": [A], "three": [A]})
        assert [each.asked for each in fakes] == [[QUERY]] * 3

    run(main())


def test_answers_stand_in_the_order_of_the_names_whoever_was_first():
    async def main():
        slow = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(after(3, slow))
            answers = await ask(Fake("slow", [A], gate=slow), Fake("quick", [A]))
        assert [*answers.found] == ["slow", "quick"]

    run(main())


def test_one_that_fails_spoils_no_other():
    answers = run(ask(Fake("good", [A]), Fake("bad", refused())))

    assert answers == Answers({"good": [A]}, {"bad": "it refuses us (HTTP 403)"})


def test_a_bug_in_one_is_logged_and_told_without_its_words(caplog):
    answers = run(ask(Fake("good", [A]), Fake("bad", KeyError("words of theirs"))))

    assert answers == Answers(
        {"good": [A]}, {"bad": "it failed with an error of its own, which is logged"}
    )
    assert "words of theirs" in caplog.text


@pytest.mark.parametrize("given", [["text"], [None], [{"title": "x"}], 7])
def test_one_that_gives_no_results_but_something_else_spoils_no_other(given, caplog):
    answers = run(ask(Fake("good", [A]), Fake("bad", given)))

    assert answers == Answers(
        {"good": [A]}, {"bad": "it failed with an error of its own, which is logged"}
    )
    assert "the search provider bad failed" in caplog.text


def test_one_that_never_answers_is_cancelled_after_its_time():
    async def main():
        never = Fake("never", [A], gate=asyncio.Event())
        answers = await ask(Fake("good", [A]), never, provider=8, total=10)
        assert answers == Answers({"good": [A]}, {"never": "no answer within 8 s"})
        assert never.was_cancelled
        assert asyncio.get_running_loop().time() == 8

    run(main())


def test_the_time_of_all_together_is_limited_too():
    async def main():
        never = Fake("never", gate=asyncio.Event())
        answers = await ask(never, provider=60, total=10)
        assert answers == Answers({}, {"never": "it had not answered when the search ended"})
        assert never.was_cancelled
        assert asyncio.get_running_loop().time() == 10

    run(main())


def test_once_enough_is_found_the_others_have_a_short_grace():
    async def main():
        late, later = asyncio.Event(), asyncio.Event()
        never = Fake("later", [C], gate=later)
        async with asyncio.TaskGroup() as group:
            group.create_task(after(0.5, late))
            answers = await ask(Fake("quick", [A, B]), Fake("late", [C], gate=late), never, grace=1)
        assert answers == Answers(
            {"quick": [A, B], "late": [C]},
            {"later": "it had not answered when the search ended"},
        )
        assert never.was_cancelled
        assert asyncio.get_running_loop().time() == 1

    run(main())


@pytest.mark.parametrize(
    "found", [[A], [A, A], [], [A, Found("a", "http://www.a.example/#top")]], ids=len
)
def test_fewer_results_than_asked_for_are_not_enough(found):
    async def main():
        gate = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(after(5, gate))
            answers = await ask(Fake("quick", found), Fake("late", [B], gate=gate), grace=1)
        assert answers == Answers({"quick": found, "late": [B]})

    run(main())


def test_the_grace_does_not_outlast_the_time_of_all_together():
    async def main():
        gate = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(after(9.5, gate))
            slow, never = Fake("slow", [A, B], gate=gate), Fake("never", gate=asyncio.Event())
            await ask(slow, never, provider=60, total=10, grace=5)
            assert asyncio.get_running_loop().time() == 10

    run(main())


def test_a_cancelled_search_leaves_nothing_open():
    async def main():
        fakes = [Fake(name, gate=asyncio.Event()) for name in ("one", "two")]
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(ask(*fakes))
            for each in fakes:
                await each.was_asked.wait()
            asking.cancel()
        assert asking.cancelled()
        assert [each.was_cancelled for each in fakes] == [True, True]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_nobody_to_ask_is_no_answer():
    assert run(ask()) == Answers()


def test_a_failure_of_all_is_a_failure_of_each():
    fakes = [Fake("one", refused()), Fake("two", ProviderError("it cannot be reached"))]

    assert run(ask(*fakes)) == Answers(
        {}, {"one": "it refuses us (HTTP 403)", "two": "it cannot be reached"}
    )
