"""Behaviours of deployments as real jobs, in the founding shapes."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.behaviors import (
    BEHAVIOR_KINDS,
    SHIPPED,
    BehaviorError,
    Behaviors,
    DeploymentNotFoundError,
    Deployments,
    Triggers,
)
from agent.behaviors.behavior import Behavior
from agent.claude.loopback import LoopbackModel
from agent.claude.script import Gate, Text, reply
from agent.jobs.errors import JobNotFoundError
from agent.jobs.in_process import InProcessEngine
from agent.jobs.jobs import Jobs
from agent.jobs.kinds import Kinds
from agent.jobs.sqlite_store import SqliteJobStore
from agent.jobs.sweeping import SweepTerms
from agent.jobs.watching import Watched
from agent.jobs.workers import is_gone, worker_name
from tests.agent.behaviors import test_group_assignment, test_theme_creator
from tests.agent.behaviors.answering import form_of
from tests.agent.behaviors.behaviors_for_tests import ALL, Given
from tests.agent.behaviors.test_group_assignment import is_sound
from tools.process_members import living_process

LONGEST = 60.0
"""Seconds for anything to happen, on a machine that does much else."""

EMPTY: dict[str, object] = {"groups": {}, "explanations": {}, "metadata": {}}


@dataclass
class Host:
    """Triggers and jobs at work, and a folder."""

    triggers: Triggers
    jobs: Jobs
    folder: Path

    async def deploy(self, behavior, **given):
        steps = {"1": {"behavior": behavior, "input": given}}
        await self.triggers.deployments.put("page", {"behaviors": steps})

    async def begun(self, behavior, **given):
        """Trigger a behaviour in the background; give its task's id when it is under way."""
        await self.deploy(behavior, **given)
        task = (await self.triggers.trigger("page", "1", async_execution=True))["task_id"]
        await self.reached(task, 1)
        return task

    async def reached(self, task, percent):
        async with asyncio.timeout(LONGEST):
            async for event in self.jobs.follow(task):
                if event.name == "progress" and event.data["percent"] >= percent:
                    return
        raise AssertionError(f"it ended: {await self.jobs.get(task)}")

    async def ended(self, task):
        async with asyncio.timeout(LONGEST):
            await self.jobs.wait(task)
        return await self.triggers.status("page", task)


@asynccontextmanager
async def host_of(folder, url=""):
    options = {"model": "m", "base_url": url or "http://127.0.0.1:9", "api_key": "x"}
    options |= {"profile": "claude", "data_dir": str(folder / "data")}
    kinds = Kinds(BEHAVIOR_KINDS)
    store = Watched(SqliteJobStore(folder / "jobs.sqlite"))
    me = await asyncio.to_thread(worker_name)
    engine = InProcessEngine(store, kinds, me, options=options)
    jobs = Jobs(store, engine, kinds, SweepTerms(me, is_gone))
    deployments = Deployments(folder / "deployments.sqlite", Behaviors([*ALL, *SHIPPED]))
    await jobs.start()
    try:
        yield Host(Triggers(deployments, jobs), jobs, folder)
    finally:
        await jobs.close()
        await deployments.close()


@pytest.fixture
async def host(tmp_path):
    async with host_of(tmp_path) as made:
        yield made


@pytest.mark.parametrize("behavior", ["plain", "coroutine"])
async def test_what_is_heavy_answers_at_once_and_can_be_looked_at(host, behavior):
    go = host.folder / "go"
    await host.deploy(behavior, text="a", until=str(go))
    started = await host.triggers.trigger("page", "1")
    task = started["task_id"]
    assert started == {
        "behavior_number": "1",
        "task_id": task,
        "status": "PENDING",
        "message": "Behavior execution started. Use task ID to check progress.",
    }
    await host.reached(task, 40)
    assert await host.triggers.status("page", task) == {
        "task_id": task,
        "state": "PROGRESS",
        "status": "Executing behavior...",
        "progress": 40,
        "stage": "waiting",
        "result": None,
        "error": None,
    }
    await asyncio.to_thread(go.touch)
    ended = await host.ended(task)
    assert ended == {
        "task_id": task,
        "state": "SUCCESS",
        "status": "Behavior completed",
        "progress": 100,
        "stage": "waiting",
        "result": {
            "groups": {"all": ["a"]},
            "explanations": {"all": "There is one."},
            "metadata": ended["result"]["metadata"],
        },
        "error": None,
    }


@pytest.mark.parametrize(
    ("behavior", "is_async"),
    [("light", None), ("light plain", None), ("plain", False), ("coroutine", False)],
)
async def test_the_synchronous_form_has_the_result(host, behavior, is_async):
    await host.deploy(behavior, text="a")
    made = await host.triggers.trigger("page", "1", async_execution=is_async)
    assert re.fullmatch(r"0:0\d:\d\d(\.\d{6})?", made["execution_time"])
    assert made == {
        "behavior_number": "1",
        "success": True,
        "execution_time": made["execution_time"],
        "groups": {"all": ["a"]},
        "explanations": {"all": "There is one."},
        "metadata": made["metadata"],
    }


async def test_what_is_heavy_has_a_process_of_its_own_and_what_is_light_has_not(host):
    pids = []
    for behavior in ("plain", "coroutine", "light", "light plain"):
        await host.deploy(behavior)
        made = await host.triggers.trigger("page", "1", async_execution=False)
        pids.append(made["metadata"]["pid"])
    assert len({*pids}) == 3
    assert pids[2] == pids[3]


async def test_what_is_light_runs_in_the_background_when_that_is_asked_for(host):
    task = await host.begun("light", text="a")
    assert (await host.ended(task))["state"] == "SUCCESS"


async def test_a_failure_is_told_in_both_forms(host):
    await host.deploy("failing", text="no luck")
    made = await host.triggers.trigger("page", "1")
    took = made["execution_time"]
    about = {"error": made["error"], "reason": "error"}
    told = {"behavior_number": "1", "success": False, "execution_time": took, **EMPTY, **about}
    assert made == told
    assert made["error"].startswith("ValueError: no luck")
    task = (await host.triggers.trigger("page", "1", async_execution=True))["task_id"]
    ended = await host.ended(task)
    assert (ended["state"], ended["status"]) == ("FAILURE", "Behavior failed")
    assert ended["error"] == made["error"]


async def test_what_is_no_object_is_no_result(host):
    await host.deploy("wrong result", text="a")
    made = await host.triggers.trigger("page", "1")
    assert "behaviour wrong result gives a list, not an object" in made["error"]


async def test_a_result_overwrites_nothing_of_the_synchronous_form(host):
    await host.deploy("overwriting", text="a")
    made = await host.triggers.trigger("page", "1")
    assert (made["success"], made["behavior_number"]) == (True, "1")
    assert made["execution_time"] != "never"


async def test_a_behaviours_own_limit_holds(host):
    await host.deploy("impatient")
    made = await host.triggers.trigger("page", "1", async_execution=False)
    assert (made["success"], made["reason"]) == (False, "soft_limit")
    assert "soft limit of 0.3 s" in made["error"]


async def test_a_process_lets_go_of_the_input_that_it_was_sent(host):
    await host.deploy("keeping", text="a")
    made = await host.triggers.trigger("page", "1", async_execution=False)
    assert made["kept"] == ["deployment", "number", "reference"]


@pytest.mark.parametrize("behavior", ["plain", "coroutine", "light", "light plain"])
async def test_one_that_runs_is_cancelled_in_its_middle(host, behavior):
    task = await host.begun(behavior, until=str(host.folder / "never"))
    assert await host.triggers.cancel("page", task) == {
        "message": f"Task {task} has been cancelled",
        "task_id": task,
        "cancelled": True,
    }
    ended = await host.ended(task)
    assert (ended["state"], ended["status"], ended["progress"]) == ("FAILURE", "Cancelled", 40)
    assert (await host.triggers.cancel("page", task))["cancelled"] is True


async def test_one_that_has_ended_is_not_cancelled(host):
    task = await host.begun("light")
    await host.ended(task)
    assert await host.triggers.cancel("page", task) == {
        "message": f"Task {task} had ended before: SUCCESS",
        "task_id": task,
        "cancelled": False,
    }


async def test_one_that_was_quicker_than_its_cancellation_is_not_cancelled(host):
    task = await host.begun("stubborn")
    assert (await host.triggers.cancel("page", task))["cancelled"] is True
    assert (await host.ended(task))["state"] == "SUCCESS"
    assert (await host.triggers.cancel("page", task))["cancelled"] is False


async def test_whoever_stops_waiting_for_the_synchronous_form_cancels_it(host):
    await host.deploy("light", until=str(host.folder / "never"))
    waiting = asyncio.create_task(host.triggers.trigger("page", "1"))
    while not (found := await host.jobs.all()):  # noqa: ASYNC110  (the store sets no event)
        await asyncio.sleep(0)
    await host.reached(found[0].id, 40)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert (await host.ended(found[0].id))["status"] == "Cancelled"


async def test_what_is_not_there_is_told(host):
    task = await host.begun("light")
    await host.triggers.deployments.put("other", {"behaviors": {}})
    with pytest.raises(DeploymentNotFoundError, match="there is no deployment 'none'"):
        await host.triggers.trigger("none", "1")
    with pytest.raises(DeploymentNotFoundError, match="no behaviour '2'; there are: 1"):
        await host.triggers.trigger("page", "2")
    for act in (host.triggers.status, host.triggers.cancel):
        with pytest.raises(JobNotFoundError, match="deployment 'other' has no task"):
            await act("other", task)
        with pytest.raises(JobNotFoundError, match="there is no job 'none'"):
            await act("page", "none")


async def test_a_job_that_is_no_behaviours_belongs_to_no_deployment(host):
    job = await host.jobs.submit("light_behavior", None)
    with pytest.raises(JobNotFoundError, match="deployment 'page' has no task"):
        await host.triggers.status("page", job.id)


async def test_an_input_that_is_none_any_more_is_refused(host, tmp_path):
    await host.deploy("plain", text="a")
    later = Behaviors(each for each in SHIPPED)
    triggers = Triggers(Deployments(tmp_path / "deployments.sqlite", later), host.jobs)
    with pytest.raises(BehaviorError, match="there is no behaviour 'plain'; there are: group_"):
        await triggers.trigger("page", "1")
    await triggers.deployments.close()
    assert await host.jobs.all() == []


async def test_a_heavy_behaviour_of_the_programs_script_is_refused(host, tmp_path):
    def function(given, work):
        """Do nothing."""

    function.__module__ = "__main__"
    heavy = Behavior("plain", function, True, Given, 1, 2)
    triggers = Triggers(Deployments(tmp_path / "d.sqlite", Behaviors([heavy])), host.jobs)
    await triggers.deployments.put("page", {"behaviors": {"1": {"behavior": "plain"}}})
    with pytest.raises(BehaviorError, match="defined in the program's own script"):
        await triggers.trigger("page", "1")
    await triggers.deployments.close()


# -- those that ship ---------------------------------------------------------------------------


async def test_groups_are_assigned_in_a_process_of_their_own(tmp_path):
    people = [{"id": f"p{n}", "answers": [f"chess or hike {n}"]} for n in range(120)]
    asked = test_group_assignment.model()
    async with LoopbackModel(asked) as server, host_of(tmp_path, server.url) as host:
        await host.deploy("group_assignment", participants=people, group_size=5)
        started = await host.triggers.trigger("page", "1")
        ended = await host.ended(started["task_id"])
        assert server.refused == []
    assert (ended["state"], ended["error"]) == ("SUCCESS", None)
    assert is_sound(ended["result"], [each["id"] for each in people])
    assert ended["result"]["metadata"]["read_by_model"] == 120


async def test_themes_are_cancelled_in_the_middle_with_their_process(tmp_path):
    """The model answers the first two batches, and then nothing."""
    answers = [f"the price is {number}" for number in range(3_000)]
    asked = test_theme_creator.model()

    def replies(body, number):
        if number >= 2:
            return reply(Gate("shut"), Text("too late"))
        return asked(body, number)

    async with LoopbackModel(replies) as server, host_of(tmp_path, server.url) as host:
        await host.deploy("theme_creator", answers=answers)
        task = (await host.triggers.trigger("page", "1"))["task_id"]
        await host.reached(task, 10)
        await server.reached("shut")
        pids = await asyncio.to_thread(own_folders, tmp_path)
        assert (await host.triggers.cancel("page", task))["cancelled"] is True
        ended = await host.ended(task)
        assert (ended["status"], ended["stage"]) == ("Cancelled", "reading answers")
        assert 10 <= ended["progress"] < 75
        assert len(pids) == 1
        assert await asyncio.to_thread(living_process, pids[0]) is None
        assert form_of(server.requests[0].body) == "FoundThemes"


def own_folders(folder):
    """Give the processes that have a folder of a behaviour."""
    return [int(each.name.split(":")[1]) for each in (folder / "data" / "behaviors").iterdir()]
