"""A session whose process is killed, or whose disk fails, at every step; and what comes after."""

import asyncio
import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.claude.checking import problem
from agent.claude.script import Call, Text, reply
from agent.errors import DamagedJournalError, JournalError, SessionBusyError
from agent.session.disk import FileDisk
from agent.session.files import SessionFiles
from agent.session.journal import Journal
from agent.session.lines import scan
from agent.session.session import Session
from tests.agent.crash_child import CALLS, Job, PlayedModel, acting, agent_in, spelled

ROOT = Path(__file__).parents[2]
EFFECTS = ("none", "idempotent", "effectful")
WHEN = {"pwrite": ("before", "torn", "after"), "sync": ("before", "after")}
"""For each of the disk's steps: when a process is killed there."""


# -- children ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def children():
    """Give a function that runs jobs in processes of their own, and gives their exit codes."""
    command = [sys.executable, "-m", "tests.agent.crash_child"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as server:

        def run(jobs):
            server.stdin.write(spelled(jobs))
            server.stdin.flush()
            return json.loads(server.stdout.readline())

        yield run
        server.stdin.close()


def folder_in(path):
    path.mkdir()
    return path


def killed_everywhere(children, tmp_path, effect):
    """Kill a turn before, within and after each of its steps, and after each line of its journal.

    Gives the folders that are left. Effectful calls have nearly every line written by itself.
    """
    whole = folder_in(tmp_path / "whole")
    assert children([Job(str(whole), effect)]) == [0], text(whole / "error")
    jobs = []
    for number, step in enumerate(text(whole / "steps").splitlines(), 1):
        for when in WHEN.get(step, ()):
            folder = folder_in(tmp_path / f"{number:02}-{step}-{when}")
            jobs.append(Job(str(folder), effect, number, when))
    for number in range(len(entries(whole)) if effect != "effectful" else 0):
        folder = folder_in(tmp_path / f"line-{number}")
        jobs.append(Job(str(folder), effect, line=f'"seq":{number},'))
    codes = children(jobs)
    assert set(codes) <= {0, -9}, [text(Path(job.folder) / "error") for job in jobs]
    assert codes.count(-9) > len(jobs) - 10  # how many steps there are differs a little by run
    return [Path(job.folder) for job in jobs]


# -- what is on the disk ------------------------------------------------------------------------


def text(file):
    return file.read_text() if file.exists() else ""


def journals(folder):
    return sorted((folder / "data" / "sessions").glob("*.jsonl"))


def journal(folder):
    """Give the bytes of the one journal that there is; none before it was made."""
    return journals(folder)[0].read_bytes() if journals(folder) else b""


def entries(folder, kind=None):
    found = scan(journal(folder)).entries
    return [entry for entry in found if kind in {None, entry["type"]}]


def blocks_of(folder, kind):
    return {(entry["reply"], entry["block"]) for entry in entries(folder, kind)}


def keys(folder, event):
    """Give the calls of which something was told."""
    told = [line.split() for line in text(folder / "told").splitlines()]
    return {tuple(map(int, key.split("."))) for name, key in told if name == event}


def state(folder):
    """Give all that the next process can tell two crashes apart by."""
    members = ("type", "reply", "block", "status", "kept")
    kinds = tuple(tuple(map(entry.get, members)) for entry in entries(folder))
    has_tail = scan(journal(folder)).tail > 0
    return kinds, has_tail, bool(journals(folder)), text(folder / "effects")


# -- after a crash ------------------------------------------------------------------------------


def assert_durable(folder, effect):
    """What was acted upon or told is in the journal, as the design's section 5 orders it."""
    written = folder / "written"
    assert journal(folder).startswith(written.read_bytes() if written.exists() else b"")
    if effect == "none":
        return
    places = {name: (0, place) for place, name in enumerate(CALLS)}
    acted = {places[name] for name in text(folder / "effects").split()}
    assert acted <= blocks_of(folder, "intent")
    assert keys(folder, "ToolStarted") <= blocks_of(folder, "intent")
    assert keys(folder, "ToolFinished") <= blocks_of(folder, "result")
    if "TurnFinished" in text(folder / "told"):
        assert entries(folder)[-1]["type"] == "turn"


async def assert_goes_on(folder, effect, how):
    """Open the session, see that this alone changes nothing, and go on with it."""
    before, acted = journal(folder), text(folder / "effects").split()
    whole = before[: scan(before).good_bytes]
    has_lost = effect != "none" and whole != before
    model = PlayedModel(reply(Text("I see.")))
    tool = acting(effect, folder, lambda: asyncio.sleep(0))
    async with agent_in(folder, model, tool) as agent:
        session = await agent.session("crash")
        await session.flush()
        found = entries(folder)
        assert journal(folder).startswith(whole)
        added = found[len(scan(before).entries) :]
        assert [entry["type"] for entry in added] == ["set_aside"] * (whole != before)
        assert model.bodies == []
        assert text(folder / "effects").split() == acted
        result = await how(session)
        if result is None:
            return
        assert (result.stop_reason, result.error) == ("end_turn", "")
        live = session.history.transcript.as_json()
    body = json.loads(model.bodies[0])
    assert problem(body) is None
    run = text(folder / "effects").split()[len(acted) :]
    assert run == [] or how is resume
    assert_answered(body, found, run, effect, has_lost=has_lost)
    if how is resume:
        return
    async with agent_in(folder, model, tool) as agent:
        session = await agent.session("crash")
        assert session.history.transcript.as_json() == live
        assert not session.can_resume


async def send(session: Session):
    return await session.ask("What happened?")


async def resume(session: Session):
    """Go on without a message; None when there is nothing to go on with."""
    return await session.resume().result() if session.can_resume else None


def assert_answered(body, found, run, effect, *, has_lost):
    """Each call that stands in the request is told what the journal knows of it.

    Args:
        body: of the request.
        found: the entries of the journal before it.
        run: the calls that the session ran again.
        effect: of the calls.
        has_lost: whether intents may have stood in a damaged tail.
    """
    blocks = [block for message in body["messages"] for block in message["content"]]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    told = {
        block["tool_use_id"]: block["content"][0]["text"]
        for block in blocks
        if block["type"] == "tool_result"
    }
    assert list(told) == [call["id"] for call in calls]
    results = {entry["block"]: entry for entry in found if entry["type"] == "result"}
    intents = {entry["block"] for entry in found if entry["type"] == "intent"}
    assert results.keys() | intents <= set(range(len(calls)))  # nothing that happened is left out
    unknown: set[str] = set()
    for place, call in enumerate(calls):
        answer, name = told[call["id"]], call["input"]["name"]
        touched = "the workspace" if effect == "effectful" else call["input"]["path"]
        if place in results:
            assert answer == results[place]["content"][0]["text"]
            assert name not in run
        elif effect != "none" and (place in intents or (has_lost and "unknown" in answer)):
            assert "outcome unknown" in answer
            assert name not in run
            unknown.add(touched)
        elif name in run:
            assert answer == f"did {name}"
            assert run.count(name) == 1
            assert touched not in unknown
        else:
            assert "not executed" in answer.lower()


@pytest.mark.parametrize("effect", EFFECTS)
async def test_a_session_goes_on_after_its_process_was_killed_at_any_step(
    effect, children, tmp_path
):
    checked = set()
    folders = killed_everywhere(children, tmp_path, effect)
    numbers = {len(entries(folder)) for folder in folders}
    assert effect == "effectful" or numbers >= set(range(1, max(numbers) - 1))
    for folder in folders:
        assert_durable(folder, effect)
        if state(folder) in checked or not entries(folder):
            continue  # without a header: see below
        checked.add(state(folder))
        other = tmp_path / f"{folder.name}-resumed"
        shutil.copytree(folder, other)
        await assert_goes_on(folder, effect, send)
        await assert_goes_on(other, effect, resume)


NO_HEADER = "a journal that was made and whose header was not written keeps its name for ever"


@pytest.mark.parametrize("written", [0, 40])
async def test_a_session_whose_header_was_not_written_can_begin_again(written, tmp_path):
    async with agent_in(tmp_path, PlayedModel()) as agent:
        session = await agent.session("crash")
    file = journals(tmp_path)[0]
    file.write_bytes(file.read_bytes()[:written])

    async with agent_in(tmp_path, PlayedModel()) as agent:
        session = await agent.session("crash")
        assert (await session.ask("Hello.")).text == "Done."


@pytest.mark.parametrize("does", ["turn", "resume"])
async def test_a_process_that_is_killed_while_it_goes_on_leaves_a_session_that_goes_on(
    does, children, tmp_path
):
    killed = folder_in(tmp_path / "killed")
    last = {"turn": '"type":"reply"', "resume": '"type":"result","reply":0,"block":0'}[does]
    assert children([Job(str(killed), "effectful", line=last)]) == [-9]
    done = ["first", "second"] if does == "turn" else ["first"]
    assert text(killed / "effects").split() == done
    assert len(blocks_of(killed, "intent")) == len(done)
    jobs = [
        Job(str(tmp_path / f"again-{n}"), "effectful", n, "after", does=does)
        for n in range(2, 26, 2)
    ]
    for job in jobs:
        shutil.copytree(killed, job.folder)
    codes = children(jobs)
    assert -9 in codes
    assert set(codes) <= {0, -9}, [text(Path(job.folder) / "error") for job in jobs]
    for job in jobs:
        folder = Path(job.folder)
        acted = text(folder / "effects")
        model = PlayedModel()
        async with agent_in(folder, model, acting("effectful", folder, asyncio.Event)) as agent:
            session = await agent.session("crash")
            assert (await send(session)).stop_reason == "end_turn"
        body = json.loads(model.bodies[0])
        assert problem(body) is None
        assert text(folder / "effects") == acted
        told = {
            block["tool_use_id"]: block["content"][0]["text"]
            for message in body["messages"]
            for block in message["content"]
            if block["type"] == "tool_result"
        }
        assert told["toolu_first"] == "did first"
        if does == "turn":
            assert "outcome unknown" in told["toolu_second"]
            continue
        for name in ("second", "third"):
            assert acted.split().count(name) <= 1
            has_acted = name in acted.split()
            assert not ("not executed" in told[f"toolu_{name}"].lower() and has_acted)


# -- damage -------------------------------------------------------------------------------------


async def test_a_line_that_is_zeroed_is_set_aside_or_told_and_never_thrown_away(children, tmp_path):
    whole = folder_in(tmp_path / "whole")
    assert children([Job(str(whole), "idempotent")]) == [0]
    lines = journal(whole).splitlines(keepends=True)
    safe = [json.loads(line)["safe"] for line in lines]
    damaged = []
    for number in range(1, len(lines)):
        folder = tmp_path / str(number)
        shutil.copytree(whole, folder)
        zeros = bytes(len(lines[number]))
        data = b"".join([*lines[:number], zeros, *lines[number + 1 :]])
        journals(folder)[0].write_bytes(data)
        if max(safe[number + 1 :], default=0) > number:
            damaged.append(number)
            await assert_damaged(folder, line=number + 1)
            continue
        await assert_goes_on(folder, "idempotent", send)
        (tail,) = journals(folder)[0].parent.glob("*.tail-*")
        assert tail.read_bytes() == data[scan(data).good_bytes :]
    assert 0 < len(damaged) < len(lines) - 2


async def assert_damaged(folder, *, line):
    """The error names file and line, nothing is changed, and another session can be had."""
    file, before = journals(folder)[0], journal(folder)
    async with agent_in(folder, PlayedModel(), acting("none", folder, asyncio.Event)) as agent:
        with pytest.raises(DamagedJournalError, match=f"line {line}") as caught:
            await agent.session("crash")
        assert (caught.value.file, caught.value.line) == (str(file), line)
        assert str(file) in str(caught.value)
        other = await agent.session("another")
        assert (await other.ask("Hello.")).text == "Done."
    assert file.read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
async def test_a_torn_last_line_is_set_aside_and_the_session_goes_on(share, children, tmp_path):
    whole = folder_in(tmp_path / "whole")
    assert children([Job(str(whole), "none")]) == [0]
    data = journal(whole)
    start = data.rindex(b"\n", 0, -1) + 1
    journals(whole)[0].write_bytes(data[: start + int((len(data) - start) * share)])
    await assert_goes_on(whole, "none", send)


async def test_a_person_is_told_of_a_tail_that_was_set_aside(tmp_path):
    async with agent_in(tmp_path, PlayedModel()) as agent:
        await (await agent.session("crash")).ask("Hello.")
    with journals(tmp_path)[0].open("ab") as file:
        file.write(b"half a line")
    async with agent_in(tmp_path, PlayedModel()) as agent:
        session = await agent.session("crash")
        assert any("tail-" in notice for notice in session.notices)


# -- a disk that fails --------------------------------------------------------------------------


class FailingDisk:
    """Lets a number of calls to the disk pass, and fails from there on until it is mended."""

    def __init__(self, patch, call, number, *, takes_half=False):
        self.left = None
        self.calls = 0
        self._real = getattr(FileDisk, call)
        self._error = errno.ENOSPC if call == "pwrite" else errno.EIO
        self._takes_half = takes_half
        self._fails_at = number

        def called(disk, *given):
            return self._called(disk, *given)

        patch.setattr(FileDisk, call, called)

    def mend(self):
        self._fails_at = sys.maxsize

    @property
    def has_failed(self):
        return self.calls >= self._fails_at

    def _called(self, disk, *given):
        self.calls += 1
        if self.calls < self._fails_at:
            return self._real(disk, *given)
        if self._takes_half and len(given[0]) > 1:
            return self._real(disk, given[0][: len(given[0]) // 2], given[1])
        raise OSError(self._error, os.strerror(self._error))


ACTS = [{"name": name, "path": path} for name, path in CALLS.items()]


def a_turn():
    calls = [Call(f"toolu_{number}", "act", given) for number, given in enumerate(ACTS)]
    return PlayedModel(reply(*calls), reply(Text("All done.")))


FAILURES = {
    "full": ("pwrite", "free some space"),
    "full in the middle of a line": ("pwrite", "free some space"),
    "broken": ("sync", "could not be written"),
}


@pytest.mark.parametrize(
    ("effect", "failure"),
    [
        *((effect, failure) for effect in EFFECTS for failure in ("full", "broken")),
        ("effectful", "full in the middle of a line"),
    ],
)
async def test_a_turn_on_a_failing_disk_ends_unsaved_and_the_session_goes_on_when_it_is_mended(
    effect, failure, tmp_path, monkeypatch
):
    call, told = FAILURES[failure]
    takes_half = "middle" in failure
    number = first = 3 if call == "sync" else 2  # the first ones make the file, and its header
    has_failed = True
    while has_failed:
        folder = folder_in(tmp_path / str(number))
        with monkeypatch.context() as patch:
            disk = FailingDisk(patch, call, number, takes_half=takes_half)
            has_failed = await goes_on_when_mended(folder, effect, disk, told)
        number += 1
    assert number - first >= 2


async def goes_on_when_mended(folder, effect, disk, told):
    model = a_turn()
    tool = acting(effect, folder, lambda: asyncio.sleep(0))
    async with agent_in(folder, model, tool) as agent:
        session = await agent.session("crash")
        result = await session.ask("Act.")
        has_failed = disk.has_failed
        if has_failed:
            assert result.stop_reason == "unsaved"
            assert told in result.error
        found = scan(journal(folder))
        assert (found.tail, found.damage) == (0, None)
        if effect != "none":
            places = [entry["block"] for entry in found.entries if entry["type"] == "intent"]
            intended = {ACTS[place]["name"] for place in places}
            assert set(text(folder / "effects").split()) <= intended
        disk.mend()
        assert (await session.ask("And now?")).stop_reason == "end_turn"
        assert [problem(json.loads(body)) for body in model.bodies] == [None] * len(model.bodies)
        live = session.history.transcript.as_json()
    async with agent_in(folder, model, tool) as agent:
        assert (await agent.session("crash")).history.transcript.as_json() == live
    return has_failed


def lock(folder, mode=0o555):
    """Let nobody write into a folder and those of its sessions, but for the file `error`."""
    (folder / "error").touch()
    (folder / "error").chmod(0o666)
    for each in (folder, folder / "data", folder / "data" / "sessions"):
        if each.exists():
            each.chmod(mode)


NOT_OURS = "what the system refuses in making the folder or its index is told as it comes"


@pytest.mark.parametrize("has_sessions", [False, True])
async def test_a_folder_that_cannot_be_written_is_told_in_our_words(has_sessions, children):
    with TemporaryDirectory() as made:  # pytest's own folders are closed to other users
        folder = Path(made)
        if has_sessions:
            async with agent_in(folder, PlayedModel()) as agent:
                await agent.session("crash")
        lock(folder)
        codes = children([Job(str(folder), does="without_rights")])
        told = text(folder / "error")
        lock(folder, 0o755)  # so that it can be removed
    assert codes == [3], told
    assert str(folder) in told


# -- who may write ------------------------------------------------------------------------------


async def test_a_second_process_is_refused_at_once(children, tmp_path):
    async with agent_in(tmp_path, PlayedModel()) as agent:
        session = await agent.session("crash")
        assert children([Job(str(tmp_path), does="second_writer")]) == [3]
        assert (await session.ask("Hello.")).text == "Done."
    assert children([Job(str(tmp_path), does="second_writer")]) == [0], text(tmp_path / "error")


async def test_a_second_agent_of_one_process_is_refused_and_the_first_is_not_disturbed(tmp_path):
    async with agent_in(tmp_path, PlayedModel()) as agent, agent_in(tmp_path, PlayedModel()) as two:
        session = await agent.session("crash")
        with pytest.raises(SessionBusyError, match="open for writing already"):
            await two.session("crash")
        assert issubclass(SessionBusyError, JournalError)
        assert (await session.ask("Hello.")).text == "Done."


async def test_a_session_that_is_asked_for_twice_is_one_object(tmp_path):
    async with agent_in(tmp_path, PlayedModel()) as agent:
        one, other = await asyncio.gather(agent.session("crash"), agent.session("crash"))
        assert one is other
        assert await agent.session(one.id) is one


async def test_a_session_that_is_asked_for_by_name_and_by_id_at_a_time_is_one_object(
    tmp_path, monkeypatch
):
    async with agent_in(tmp_path, PlayedModel()) as agent:
        known = (await agent.session("crash")).id
    both, find, opened = threading.Barrier(2), SessionFiles.find, Journal.open

    def found(files, name):
        result = find(files, name)
        both.wait(10)
        return result

    async def open_late(*given, **more):
        for _ in range(3000):  # until the other has been told of its find, too
            await asyncio.sleep(0)
        return await opened(*given, **more)

    async with agent_in(tmp_path, PlayedModel()) as agent:
        monkeypatch.setattr(SessionFiles, "find", found)
        monkeypatch.setattr(Journal, "open", open_late)
        one, other = await asyncio.gather(agent.session("crash"), agent.session(known))
        assert one is other
