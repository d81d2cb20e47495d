"""Jobs as an agent has them: by its tools, under a lease, with calls moved to the background."""

import asyncio
import sys
from contextlib import asynccontextmanager

import pytest

from agent import Agent
from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, Gate, Text, reply
from agent.errors import ConfigurationError, SessionError
from agent.events import ToolStarted
from agent.jobs import JobNotFoundError, Reason, State
from agent.jobs.jobs import Jobs
from agent.jobs.kinds import job_kind
from scheduler import certify
from tests.agent.jobs.kinds_for_tests import all_kinds
from tools import ToolClass, tool


@asynccontextmanager
async def agent_of(folder, *replies, tools=(), kinds=None, **more):
    async with (
        LoopbackModel([*replies, reply(Text("Done."))]) as server,
        Agent(
            model="claude-loopback",
            base_url=server.url,
            api_key="x",
            workspace=folder,
            data_dir=folder / "data",
            builtin_tools=("workspace", "jobs"),
            approvals="allow",
            tells_date=False,
            tools=tools,
            job_kinds=all_kinds() if kinds is None else kinds,
            **more,
        ) as agent,
    ):
        yield agent, server


async def test_a_model_starts_a_job_looks_at_it_and_gets_its_result(tmp_path):
    start = reply(Call("a", "start_job", {"kind": "echo", "input": {"n": 7}, "key": "once"}))
    async with agent_of(tmp_path, start) as (agent, server):
        session = await agent.session("s")
        started = (await session.ask("Go.")).calls[0]
        assert started.status == "finished"
        (job,) = await agent.service(Jobs).all(session=session.id)
        assert started.text.startswith("Started.\n")
        assert f'"job": "{job.id}"' in started.text
        server._replies = [
            *server._replies,
            reply(Call("b", "check_job", {"job": job.id, "wait": 50})),
            reply(Text("It is 7.")),
            reply(Call("c", "list_jobs", {}), Call("d", "cancel_job", {"job": job.id})),
            reply(Text("That is all.")),
        ]
        looked = (await session.ask("Look.")).calls[0].text
        assert '"state": "SUCCESS"' in looked
        assert '"result": {"n": 7}' in looked
        listed, cancelled = (await session.ask("List.")).calls
        assert '"state": "SUCCESS"' in listed.text
        assert '"state": "SUCCESS"' in cancelled.text
        assert server.refused == []


async def test_a_kind_that_is_not_known_and_a_job_of_another_session_are_told(tmp_path):
    first = reply(
        Call("a", "start_job", {"kind": "none"}), Call("b", "check_job", {"job": "nothing"})
    )
    async with agent_of(tmp_path, first) as (agent, _):
        jobs = agent.service(Jobs)
        other = await jobs.submit("echo", 1, session="another")
        unknown, absent = (await (await agent.session("s")).ask("Go.")).calls
        assert unknown.status == absent.status == "failed"
        assert unknown.text.startswith("Not started: there is no kind of job 'none'; there are: ")
        assert "this session has no job 'nothing'" in absent.text
        assert (await jobs.wait(other.id)).result == 1
        with pytest.raises(JobNotFoundError):
            await jobs.get("nothing")


async def test_an_agent_without_jobs_says_so(tmp_path):
    first = reply(Call("a", "start_job", {"kind": "echo"}))
    async with agent_of(tmp_path, first, kinds=()) as (agent, _):
        call = (await (await agent.session("s")).ask("Go.")).calls[0]
    assert "there is no kind of job 'echo'; there are: none" in call.text


async def test_celery_that_is_not_installed_is_told_at_the_start(tmp_path, monkeypatch):
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setitem(sys.modules, "agent.jobs.celery_app", None)
    given = {"model": "m", "workspace": tmp_path, "data_dir": tmp_path, "job_kinds": all_kinds()}
    agent = Agent(**given, builtin_tools=False)
    with pytest.raises(ConfigurationError, match="pip install 'toolloop\\[celery\\]'"):
        await agent.session("s")
    await agent.close()


# -- the lease ---------------------------------------------------------------------------------


@job_kind("in the workspace", heavy=False, uses_workspace=True)
async def in_the_workspace(job):
    BEGUN[job.payload].set()
    await GO[job.payload].wait()
    return "left"


BEGUN: dict[str, asyncio.Event] = {}
GO: dict[str, asyncio.Event] = {}


async def test_a_job_in_the_workspace_holds_back_what_conflicts_and_is_named(tmp_path):
    BEGUN["a"], GO["a"] = asyncio.Event(), asyncio.Event()
    await asyncio.to_thread((tmp_path / "a.txt").write_text, "before\n")
    first = reply(Call("a", "file_read", {"path": "a.txt"}), Call("b", "list_jobs", {}))
    async with agent_of(tmp_path, first, kinds=[in_the_workspace]) as (agent, _):
        jobs = agent.service(Jobs)
        job = await jobs.submit("in the workspace", "a")
        await BEGUN["a"].wait()
        session = await agent.session("s")
        turn = session.send("Read.")
        seen = []
        async for event in turn:
            seen.append(event)
            if isinstance(event, ToolStarted):
                # Beside the job only what does not conflict; the read comes after it.
                assert (event.name == "list_jobs") is not GO["a"].is_set()
                GO["a"].set()
        assert (await jobs.wait(job.id)).result == "left"
        own = [each for each in agent._scheduler.records if each.owner == session.id]
        told = str(certify(own))
        assert certify(agent._scheduler.records).is_serial
    assert f"session 'job {job.id}' had what call" in told


# -- calls that are moved to the background ----------------------------------------------------


class Slow:
    def __init__(self):
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.was_cancelled = False

    def tool(self):
        @tool(ToolClass.SHELL, timeout=30, name="slow")
        async def slow() -> str:
            """Take long."""
            self.begun.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.was_cancelled = True
                raise
            return "at last"

        return slow


async def moved(agent, slow):
    """Run the turn whose one call is moved; give the session, its job and the turn."""
    session = await agent.session("s")
    turn = session.send("Go.")
    await slow.begun.wait()
    job = await session.move_to_background("0.0")
    return session, job, turn


async def test_a_long_call_is_moved_and_its_result_is_the_jobs(tmp_path):
    slow = Slow()
    after = reply(Call("b", "file_write", {"path": "a.txt", "content": "meanwhile"}))
    async with agent_of(tmp_path, reply(Call("a", "slow")), after, tools=[slow.tool()]) as (
        agent,
        server,
    ):
        jobs = agent.service(Jobs)
        session, job, turn = await moved(agent, slow)
        result = await turn.result()
        first, second = result.calls
        assert first.status == second.status == "finished"
        assert first.text.startswith(f"Moved to the background: it goes on as job {job}.")
        found = await jobs.get(job)
        assert (found.state, found.session, found.payload["tool"]) == (
            State.PROGRESS,
            session.id,
            "slow",
        )
        slow.go.set()
        ended = await jobs.wait(job)
        assert (ended.state, ended.result) == (State.SUCCESS, "at last")
        assert server.refused == []
        own = [each for each in agent._scheduler.records if each.owner == session.id]
        assert "left slow in the background running" in str(certify(own))


async def test_a_call_that_was_moved_is_cancelled_as_a_job(tmp_path):
    slow = Slow()
    async with agent_of(tmp_path, reply(Call("a", "slow")), tools=[slow.tool()]) as (agent, _):
        jobs = agent.service(Jobs)
        _, job, turn = await moved(agent, slow)
        await turn.result()
        await jobs.cancel(job)
        ended = await jobs.wait(job)
    assert (ended.state, ended.reason) == (State.FAILURE, Reason.CANCELLED)
    assert slow.was_cancelled


async def test_a_moved_call_goes_on_when_its_turn_is_interrupted_and_ends_with_its_agent(tmp_path):
    slow = Slow()
    gate = reply(Text("Waiting."), Gate("never"))
    async with agent_of(tmp_path, reply(Call("a", "slow")), gate, tools=[slow.tool()]) as (
        agent,
        server,
    ):
        session, job, turn = await moved(agent, slow)
        await server.reached("never")
        session.interrupt()
        await turn.result()
        assert not slow.was_cancelled
        jobs = agent.service(Jobs)
        assert (await jobs.get(job)).state is State.PROGRESS
    assert slow.was_cancelled


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_call_that_does_not_run_is_not_moved(tmp_path, when):
    slow = Slow()
    slow.go.set()
    async with agent_of(tmp_path, reply(Call("a", "slow")), tools=[slow.tool()]) as (agent, _):
        session = await agent.session("s")
        if when == "after":
            await session.ask("Go.")
        with pytest.raises(SessionError, match=r"call '0\.0' does not run"):
            await session.move_to_background("0.0")


async def test_without_jobs_nothing_is_moved(tmp_path):
    slow = Slow()
    async with (
        LoopbackModel([reply(Call("a", "slow")), reply(Text("Done."))]) as server,
        Agent(
            model="m",
            base_url=server.url,
            api_key="x",
            workspace=tmp_path,
            data_dir=tmp_path / "data",
            builtin_tools=False,
            tools=[slow.tool()],
            approvals="allow",
        ) as agent,
    ):
        session = await agent.session("s")
        turn = session.send("Go.")
        await slow.begun.wait()
        with pytest.raises(SessionError, match="cannot be moved: Background jobs are not"):
            await session.move_to_background("0.0")
        slow.go.set()
        assert (await turn.result()).calls[0].text == "at last"
