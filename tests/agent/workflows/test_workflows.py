"""Approval workflows through a real agent, the real client and a scripted model."""

import asyncio
import sqlite3

import pytest

from agent.claude.script import Call, Gate, Text
from agent.database import DatabaseError
from agent.events import ToolFinished
from agent.workflows import Phase, WorkflowNotFoundError, Workflows
from agent.workflows.answers import decision_answer, live_status
from agent.workflows.workflow import CycleOutcome
from agent.workflows.workflows import WorkflowError
from tests.agent.workflows.worker import BROKEN, PLAN, Worker, at_work, finish, planned


def write(text):
    return Call("toolu", "file_write", {"path": "out.txt", "content": text})


async def content(folder):
    return await asyncio.to_thread((folder / "out.txt").read_text)


# -- the plan ----------------------------------------------------------------------------------


async def test_a_plan_is_made_and_nothing_is_done_before_it_is_approved(tmp_path):
    worker = Worker()
    worker.said["plan"] = [write("too early")]
    async with at_work(tmp_path, worker) as (workflows, server, agent):
        found = await planned(workflows)
        assert (found.phase, found.plan) == (Phase.AWAITING_APPROVAL, "That is it.")
        session = await agent.session(found.session)
        assert b"this turn may only look" in session.history.transcript.body(b"{", is_marked=False)
        assert server.refused == []
    assert not await asyncio.to_thread((tmp_path / "out.txt").exists)


async def test_a_plan_that_cannot_be_made_fails_the_workflow_with_the_error(tmp_path):
    worker = Worker()
    worker.said["plan"] = BROKEN
    async with at_work(tmp_path, worker) as (workflows, _, __):
        found = await planned(workflows)
        decided = await workflows.approve(found.id)
    assert found.phase is Phase.FAILED
    assert found.error.startswith("no plan was made: ")
    assert "the model does not like it" in found.error
    assert not decided.took_effect
    assert decided.message.startswith("It has failed: no plan was made")


async def test_a_plan_that_is_sent_back_is_made_again_with_the_reason(tmp_path):
    worker = Worker()
    async with at_work(tmp_path, worker) as (workflows, _, __):
        found = await planned(workflows)
        worker.said["plan"] = [Text("A better plan.")]
        decided = await workflows.reject(found.id, "too long", asks_for_another=True)
        assert (decided.took_effect, decided.workflow.phase) == (True, Phase.PLANNING)
        again = await workflows.ended(found.id)
    assert (again.plan, again.revision) == ("A better plan.", 2)
    assert worker.heard[-1].startswith("Plan 1 was sent back: too long\n")


# -- approval ----------------------------------------------------------------------------------


async def test_the_whole_way_approve_cycles_complete(tmp_path):
    worker = Worker(
        cycles={1: [write("half")], 2: [write("whole"), Text("Nearly.")], 3: [finish()]}
    )
    async with at_work(tmp_path, worker) as (workflows, server, _):
        found = await planned(workflows)
        assert found.plan == PLAN
        decided = await workflows.approve(found.id)
        told = decision_answer(decided)
        ended = await workflows.ended(found.id)
        status = live_status(await workflows.status(found.id))
        assert server.refused == []
    assert {**told, "updated_at": "", "processing_message": ""} == {
        "status": "success",
        "workflow_id": found.id,
        "approved": True,
        "immediate_response": True,
        "background_processing_started": True,
        "processing_message": "",
        "workflow_status": "processing",
        "updated_at": "",
    }
    assert ended.phase is Phase.COMPLETED
    assert ended.summary == "All of it is done."
    assert [cycle.outcome for cycle in ended.cycles] == [CycleOutcome.DONE] * 3
    assert await content(tmp_path) == "whole"
    assert (status["is_completed"], status["is_processing"], status["cycle"]) == (True, False, 3)
    assert status["background_processing"] is False


async def test_an_approval_is_on_disk_before_it_is_answered(tmp_path):
    worker = Worker(cycles={1: [Gate("in cycle 1"), finish()]})
    async with at_work(tmp_path, worker) as (workflows, server, _):
        found = await planned(workflows)
        await workflows.approve(found.id)
        rows = await asyncio.to_thread(stored_phases, tmp_path)
        assert rows == [("processing",)]
        await server.reached("in cycle 1")
        live = live_status(await workflows.status(found.id))
        assert (live["is_processing"], live["background_processing"]) == (True, True)
        assert (live["cycle"], live["is_completed"]) == (1, False)
        server.open("in cycle 1")
        assert (await workflows.ended(found.id)).phase is Phase.COMPLETED


def stored_phases(folder):
    with sqlite3.connect(folder / "workflows.sqlite") as table:
        rows = table.execute("select phase from workflows").fetchall()
    table.close()
    return rows


async def test_an_approval_that_cannot_be_kept_approves_nothing(tmp_path, monkeypatch):
    async with at_work(tmp_path, Worker()) as (workflows, _, __):
        found = await planned(workflows)

        async def fails(_):
            raise DatabaseError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(workflows._store._database, "run", fails)
            with pytest.raises(DatabaseError, match="the disk is full"):
                await workflows.approve(found.id)
        assert (await workflows.get(found.id)).phase is Phase.AWAITING_APPROVAL


async def test_approving_twice_and_rejecting_after_that_are_answered_for_what_they_are(tmp_path):
    async with at_work(tmp_path, Worker()) as (workflows, _, __):
        found = await planned(workflows)
        first, second, third = await asyncio.gather(
            workflows.approve(found.id), workflows.approve(found.id), workflows.reject(found.id)
        )
        assert [first.took_effect, second.took_effect, third.took_effect] == [True, False, False]
        assert second.message == third.message == "It was approved before; the work goes on."
        await workflows.ended(found.id)
        late = await workflows.approve(found.id)
    assert late.message == "It was approved before, and the work is complete."
    assert decision_answer(late)["approved"]
    assert not decision_answer(late)["background_processing_started"]


async def test_a_rejection_reaches_the_agent_with_its_reason_and_nothing_is_done(tmp_path):
    worker = Worker()
    worker.said["rejected"] = [write("in spite of it")]
    async with at_work(tmp_path, worker) as (workflows, _, __):
        found = await planned(workflows)
        decided = await workflows.reject(found.id, "we do not need it")
        assert decision_answer(decided)["approved"] is False
        ended = await workflows.ended(found.id)
        late = await workflows.approve(found.id)
    assert (ended.phase, ended.feedback) == (Phase.REJECTED, "we do not need it")
    assert worker.heard[-1].startswith("The plan was rejected: we do not need it\n")
    assert late.message == "It was rejected before; begin another workflow."
    assert not await asyncio.to_thread((tmp_path / "out.txt").exists)


async def test_what_is_not_known_is_said(tmp_path):
    async with at_work(tmp_path, Worker()) as (workflows, _, __):
        for asked in (workflows.get, workflows.approve, workflows.reject, workflows.cancel):
            with pytest.raises(WorkflowNotFoundError, match="there is no workflow 'none'"):
                await asked("none")
        for goal, more in [(" ", {}), ("x" * 100_001, {}), ("x", {"most_cycles": 0})]:
            with pytest.raises(WorkflowError):
                await workflows.begin(goal, **more)


# -- cycles ------------------------------------------------------------------------------------


async def test_a_cycle_that_fails_is_recorded_and_the_next_is_tried(tmp_path):
    worker = Worker(cycles={3: BROKEN, 5: [finish()]})
    async with at_work(tmp_path, worker) as (workflows, _, __):
        found = await planned(workflows)
        await workflows.approve(found.id)
        ended = await workflows.ended(found.id)
    assert ended.phase is Phase.COMPLETED
    assert [cycle.outcome.value for cycle in ended.cycles] == [
        "done",
        "done",
        "failed",
        "done",
        "done",
    ]
    assert "the model does not like it" in ended.cycles[2].error
    assert "The last cycle failed: " in worker.heard[4]


async def test_after_fifteen_cycles_it_has_failed_and_says_so(tmp_path):
    async with at_work(tmp_path, Worker(cycles={99: []})) as (workflows, _, __):
        found = await planned(workflows)
        await workflows.approve(found.id)
        ended = await workflows.ended(found.id)
    assert ended.phase is Phase.FAILED
    assert ended.error == "It was not complete after 15 cycles."
    assert len(ended.cycles) == 15


async def test_the_agent_can_say_that_it_cannot_be_done(tmp_path):
    worker = Worker(cycles={1: [finish("The door is locked.", succeeded=False)]})
    async with at_work(tmp_path, worker) as (workflows, _, __):
        found = await planned(workflows)
        await workflows.approve(found.id)
        ended = await workflows.ended(found.id)
    assert (ended.phase, ended.error) == (Phase.FAILED, "The door is locked.")


async def test_what_no_other_cycle_could_mend_ends_the_workflow_with_its_error(
    tmp_path, monkeypatch
):
    async with at_work(tmp_path, Worker()) as (workflows, _, agent):
        found = await planned(workflows)
        session = await agent.session(found.session)
        monkeypatch.setattr(session, "changed_tools", ["file_read"])
        await workflows.approve(found.id)
        ended = await workflows.ended(found.id)
    assert ended.phase is Phase.FAILED
    assert "have changed since it began: file_read" in ended.error
    assert ended.cycles == ()


async def test_three_are_at_work_at_once_and_the_rest_wait(tmp_path):
    worker = Worker(cycles={1: [Gate("at work"), finish()]})
    async with at_work(tmp_path, worker) as (workflows, server, _):
        found = [await planned(workflows, f"Goal {n}.") for n in range(5)]
        for each in found:
            await workflows.approve(each.id)
        await worker.has_heard("Cycle 1", times=3)
        waiting = [(await workflows.status(each.id)).waits_for_its_turn for each in found]
        assert waiting == [False, False, False, True, True]
        server.open("at work")
        ended = [await workflows.ended(each.id) for each in found]
    assert {each.phase for each in ended} == {Phase.COMPLETED}


async def test_a_workflow_is_cancelled_while_it_works_and_nothing_goes_on(tmp_path):
    worker = Worker(cycles={2: [Gate("in cycle 2"), finish()]})
    async with at_work(tmp_path, worker) as (workflows, server, agent):
        found = await planned(workflows)
        await workflows.approve(found.id)
        await server.reached("in cycle 2")
        ended = await workflows.cancel(found.id)
        assert not (await agent.session(found.session)).is_running
        again = await workflows.cancel(found.id)
    assert (ended.phase, ended.error, len(ended.cycles)) == (Phase.FAILED, "cancelled", 1)
    assert again == ended


async def test_finish_workflow_in_a_session_that_has_none_is_refused(tmp_path):
    async with at_work(tmp_path, Worker(cycles={1: [finish()]})) as (_, __, agent):
        session = await agent.session("another")
        result = await session.ask("Cycle 1 of something else.")
    assert [call.status for call in result.calls] == ["failed"]
    assert "no workflow whose plan was approved" in result.calls[0].text


async def test_an_agent_without_the_tool_is_refused(tmp_path):
    class Bare:
        def service(self, _):
            return None

    workflows = Workflows(Bare(), tmp_path / "w.sqlite", host="h", is_gone=lambda _: False)
    with pytest.raises(WorkflowError, match='builtin_tools=\\("workspace", "workflows"\\)'):
        await workflows.__aenter__()
    await workflows.close()


# -- restarts ----------------------------------------------------------------------------------


async def test_a_restart_in_cycle_four_goes_on_there_and_repeats_nothing(tmp_path):
    cycles = {n: [write(f"cycle {n}")] for n in (1, 2, 3)}
    first = Worker(cycles={**cycles, 4: [Gate("in cycle 4"), write("cycle 4")]})
    async with at_work(tmp_path, first) as (workflows, server, _):
        found = await planned(workflows)
        await workflows.approve(found.id)
        await server.reached("in cycle 4")
    second = Worker(cycles={4: [write("cycle 4 again")], 5: [finish()]})
    second._calls = 100
    async with at_work(tmp_path, second, host="host 2", is_gone=lambda h: h == "host 1") as (
        workflows,
        server,
        _,
    ):
        before = await workflows.get(found.id)
        assert (len(before.cycles), before.host) == (3, "host 2")
        ended = await workflows.ended(found.id)
        assert server.refused == []
    assert ended.phase is Phase.COMPLETED
    assert len(ended.cycles) == 5
    assert sum("Cycle 4" in heard for heard in first.heard + second.heard) <= 2
    assert not any("Cycle 3" in heard for heard in second.heard)
    assert await content(tmp_path) == "cycle 4 again"


async def test_a_restart_while_the_plan_waits_keeps_it(tmp_path):
    async with at_work(tmp_path, Worker()) as (workflows, _, __):
        found = await planned(workflows)
    async with at_work(tmp_path, Worker(), host="host 2") as (workflows, _, __):
        assert await workflows.get(found.id) == found
        await workflows.approve(found.id)
        # It is in the hands of a host that may be there: that one goes on with it.
        assert not (await workflows.status(found.id)).is_at_work
        workflows._is_gone = lambda _: True
        await workflows._take_up()
        assert (await workflows.ended(found.id)).phase is Phase.COMPLETED


async def test_a_finish_that_was_kept_before_a_crash_ends_the_workflow_without_a_new_turn(tmp_path):
    first = Worker(cycles={1: [finish(), Text("So it is."), Gate("after it")]})
    async with at_work(tmp_path, first) as (workflows, _, agent):
        found = await planned(workflows)
        is_answered = asyncio.Event()
        (await agent.session(found.session)).subscribe(
            lambda event: is_answered.set() if isinstance(event, ToolFinished) else None
        )
        await workflows.approve(found.id)
        await is_answered.wait()
        assert (await workflows.get(found.id)).finished
    second = Worker()
    async with at_work(tmp_path, second, host="host 2", is_gone=lambda _: True) as (w, _, __):
        ended = await w.ended(found.id)
    assert (ended.phase, ended.summary) == (Phase.COMPLETED, "All of it is done.")
    assert second.heard == []
