"""The guard for a person's own edits, with the built-in tools, from a model's call to the file."""

import asyncio
from contextlib import asynccontextmanager
from itertools import count

import pytest

from agent import Agent
from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, Reset, Text, reply
from agent.events import ApprovalAsked, ToolFinished, TurnFinished
from tools import ToolClass, ToolContext, ToolError, tool

CHANGED = (
    "{} has changed since it was read: read it again, so that nobody's changes are lost. "
    "Nothing was done."
)
UNSEEN = (
    "{} exists and was not read in this conversation: read it first (file_read), or change a part "
    "of it (file_edit). Nothing was done."
)

ids = count()


def call(name, **given):
    return Call(f"toolu_{next(ids)}", name, given)


def read(path, **more):
    return call("file_read", path=path, **more)


def write(path, content):
    return call("file_write", path=path, content=content)


def edit(path, old, new):
    return call("file_edit", path=path, edits=[{"old_text": old, "new_text": new}])


def person(path, text):
    """Write a file as somebody else does, between two calls."""
    return call("person", path=path, text=text)


@tool(ToolClass.EXCLUSIVE, name="person")
def person_edits(path: str, text: str, context: ToolContext) -> str:
    """Write a file."""
    (context.workspace / path).write_text(text)
    return "written"


@tool(ToolClass.LOCAL_READ, path="path")
def shows_and_fails(path: str, context: ToolContext) -> str:
    """Look at a file, and fail to say what is in it."""
    context.versions.show(path, context.workspace.joinpath(path).read_text())
    raise ToolError("it could not be shown")


@asynccontextmanager
async def hands(tmp_path, *replies, data="data", **more):
    """Lend an agent with a file `a`; the model gives the replies, then "Done." for ever."""
    workspace = tmp_path / "work"
    if not workspace.exists():
        workspace.mkdir()
        (workspace / "a").write_text("one\n")
    scripts = [each if Reset() in each else reply(*each) for each in replies]

    def answer(_, number):
        return scripts[number] if number < len(scripts) else reply(Text("Done."))

    async with (
        LoopbackModel(answer) as server,
        Agent(
            model="claude-loopback",
            workspace=workspace,
            data_dir=tmp_path / data,
            base_url=server.url,
            api_key="x",
            profile="claude",
            system="You work.",
            tools=[person_edits, shows_and_fails],
            **{"approvals": "allow"} | more,
        ) as agent,
    ):
        yield agent
        assert server.refused == []


async def told(session, message="Go on."):
    """Send a message; give what its calls told, in request order."""
    ended = [event async for event in session.send(message) if isinstance(event, ToolFinished)]
    places = {event.id: tuple(map(int, event.id.split("."))) for event in ended}
    return [event.text for event in sorted(ended, key=lambda event: places[event.id])]


async def played(tmp_path, *replies):
    """Play one turn; give what its calls told, and what is in the workspace then."""
    async with hands(tmp_path, *replies) as agent:
        texts = await told(await agent.session("s"))
    files = sorted((tmp_path / "work").iterdir())
    return texts, {file.name: file.read_text() for file in files if file.is_file()}


@pytest.mark.parametrize("change", [edit("a", "one", "two"), write("a", "mine\n")])
async def test_what_a_person_changed_after_the_model_read_it_is_kept(tmp_path, change):
    texts, files = await played(tmp_path, [read("a")], [person("a", "one, by hand\n")], [change])
    assert texts == ["     1\tone", "written", CHANGED.format("'a'")]
    assert files == {"a": "one, by hand\n"}


async def test_a_read_of_the_same_reply_is_none_that_the_model_has_seen(tmp_path):
    texts, files = await played(
        tmp_path,
        [read("a")],
        [person("a", "one, by hand\n")],
        [read("a"), edit("a", "one", "two")],
        [edit("a", "one", "two")],
    )
    assert texts[2:4] == ["     1\tone, by hand", CHANGED.format("'a'")]
    assert files == {"a": "two, by hand\n"}


async def test_calls_of_one_reply_build_on_what_those_before_them_wrote(tmp_path):
    texts, files = await played(
        tmp_path,
        [read("a"), write("new", "q\n")],
        [edit("a", "one", "two"), edit("a", "two", "three"), edit("new", "q", "r")],
        [call("file_move", source="a", target="b"), edit("b", "three", "four")],
        [call("file_delete", path="new"), write("new", "fresh\n")],
    )
    assert not [text for text in texts if "Nothing was done" in text]
    assert files == {"b": "four\n", "new": "fresh\n"}


async def test_what_a_person_does_between_two_calls_of_one_reply_is_kept(tmp_path):
    texts, files = await played(
        tmp_path, [write("new", "q\n"), person("new", "qq\n"), edit("new", "qq", "r")]
    )
    assert texts[-1] == CHANGED.format("'new'")
    assert files == {"a": "one\n", "new": "qq\n"}


@pytest.mark.parametrize(
    ("shell", "then"),
    [
        ("echo two > a", edit("a", "two", "x")),
        ("cp a c && echo more >> a", write("a", "x\n")),
        ("rm a && echo again > a", write("a", "x\n")),
        ("mv a b && echo again > a", call("file_delete", path="a")),
        ("echo two > a", call("file_move", source="a", target="b")),
    ],
)
async def test_what_a_command_changed_has_to_be_read_again(tmp_path, shell, then):
    texts, _ = await played(tmp_path, [read("a")], [call("shell", command=shell)], [then])
    assert texts[-1].removeprefix("source: ") == CHANGED.format("'a'")


async def test_what_was_moved_is_guarded_where_it_is_now(tmp_path):
    texts, files = await played(
        tmp_path,
        [read("a")],
        [call("file_move", source="a", target="b")],
        [person("b", "one, by hand\n")],
        [edit("b", "one", "two"), write("b", "two\n"), call("file_delete", path="b")],
    )
    assert texts[-3:] == [CHANGED.format("'b'")] * 3
    assert files == {"b": "one, by hand\n"}


async def test_a_name_that_a_person_took_after_the_file_was_deleted_is_theirs(tmp_path):
    texts, files = await played(
        tmp_path,
        [read("a"), call("file_delete", path="a")],
        [person("a", "mine\n")],
        [write("a", "x\n"), edit("a", "mine", "x")],
    )
    assert texts[-2:] == [CHANGED.format("'a'")] * 2
    assert files == {"a": "mine\n"}


@pytest.mark.parametrize("before", [read("a", start_line=99), edit("a", "none", "x")])
async def test_a_call_that_failed_has_shown_nothing(tmp_path, before):
    texts, files = await played(tmp_path, [before], [write("a", "x\n")])
    assert texts[-1] == UNSEEN.format("'a'")
    assert files == {"a": "one\n"}


async def test_a_tool_that_failed_after_it_had_noted_a_version_has_shown_nothing(tmp_path):
    async with hands(tmp_path, [call("shows_and_fails", path="a")]) as agent:
        session = await agent.session("s")
        assert await told(session) == ["it could not be shown"]
        assert session.history.files == {}


async def test_a_read_of_a_reply_that_was_dropped_has_shown_nothing(tmp_path):
    broken = [*reply(Text("I look."), read("a"), Text("And"), stop_reason=None), Reset()]
    async with hands(tmp_path, broken, [write("a", "x\n")]) as agent:
        session = await agent.session("s")
        texts = await told(session)
        assert texts[-1] == UNSEEN.format("'a'")
        assert session.history.files == {}


async def test_what_was_seen_stays_so_after_the_session_is_opened_again(tmp_path):
    async with hands(tmp_path, [read("a")]) as agent:
        await told(await agent.session("s"))
    async with hands(tmp_path, [write("a", "x\n")]) as agent:
        assert await told(await agent.session("s")) == ["Overwrote 'a': 2 bytes, 1 lines."]
        assert (tmp_path / "work" / "a").read_text() == "x\n"


async def test_a_change_while_the_session_was_closed_is_kept(tmp_path):
    async with hands(tmp_path, [read("a")]) as agent:
        await told(await agent.session("s"))
    await asyncio.to_thread((tmp_path / "work" / "a").write_text, "by hand\n")
    async with hands(tmp_path, [write("a", "x\n")]) as agent:
        assert await told(await agent.session("s")) == [CHANGED.format("'a'")]


async def test_a_fork_and_an_imported_session_know_what_their_origin_had_seen(tmp_path):
    replies = (
        [read("a")],
        [Text("Read.")],
        [write("a", "x\n")],
        [Text("No.")],
        [write("a", "y\n")],
    )
    async with hands(tmp_path, *replies) as agent:
        await told(await agent.session("s"))
        early = await agent.sessions.fork("s", "before", before_message=0)
        late = await agent.sessions.fork("s", "after")
        other = await agent.sessions.import_(await agent.sessions.export("s"), "imported")
        assert early.history.files == {}
        assert late.history.files == other.history.files == (await agent.session("s")).history.files
        assert await told(early) == [UNSEEN.format("'a'")]
        assert await told(late) == ["Overwrote 'a': 2 bytes, 1 lines."]


async def test_a_fork_before_a_message_does_not_know_what_was_read_after_it(tmp_path):
    replies = ([Text("Hello.")], [read("a")], [Text("Read.")], [write("a", "x\n")])
    async with hands(tmp_path, *replies) as agent:
        session = await agent.session("s")
        await told(session)
        await told(session)
        fork = await agent.sessions.fork("s", "fork", before_message=1)
        assert await told(fork) == [UNSEEN.format("'a'")]


async def test_two_sessions_of_one_agent_know_of_their_own_reads_only(tmp_path):
    replies = ([read("a")], [Text("Read.")], [write("a", "x\n")])
    async with hands(tmp_path, *replies) as agent:
        await told(await agent.session("one"))
        assert await told(await agent.session("two")) == [UNSEEN.format("'a'")]


async def left_at_a_question(tmp_path, *replies):
    """Leave a session while its shell call asks; then resume it, and allow that."""
    asks = {"approvals": {"shell": "ask"}}
    async with hands(tmp_path, *replies, **asks) as agent:
        session = await agent.session("s")
        missing = {ApprovalAsked, ToolFinished}  # the first call has ended, the second asks
        async for event in session.send("Go on."):
            if getattr(event, "id", "").startswith("1."):
                missing -= {type(event)}
            if not missing:
                break
    texts = []
    async with hands(tmp_path, **asks) as agent:
        session = await agent.session("s")
        async for event in session.resume():
            if isinstance(event, ApprovalAsked):
                await session.answer(event.id, "once")
            if isinstance(event, ToolFinished):
                texts.append(event.text)
            if isinstance(event, TurnFinished):
                assert event.error == ""
    return texts


async def test_a_call_that_is_resumed_builds_on_what_its_reply_had_written_before(tmp_path):
    texts = await left_at_a_question(
        tmp_path,
        [read("a")],
        [edit("a", "one", "two"), call("shell", command="true"), edit("a", "two", "three")],
    )
    assert texts == ["(no output)", "Edited 'a': 1 replacement.\n-     1\ttwo\n+     1\tthree"]


async def test_a_call_that_is_resumed_keeps_what_a_person_changed_meanwhile(tmp_path):
    texts = await left_at_a_question(
        tmp_path,
        [read("a")],
        [
            read("a"),
            call("shell", command="echo by hand > a"),
            edit("a", "one", "two"),
        ],
    )
    assert texts == ["(no output)", CHANGED.format("'a'")]


async def test_a_file_that_was_read_and_moved_in_one_reply_is_guarded_too(tmp_path):
    texts, _ = await played(
        tmp_path,
        [read("a"), call("file_move", source="a", target="b")],
        [person("b", "one, by hand\n")],
        [edit("b", "one", "two")],
    )
    assert texts[-1] == CHANGED.format("'b'")


async def test_a_file_of_which_only_an_edit_was_seen_is_not_overwritten(tmp_path):
    texts, _ = await played(tmp_path, [edit("a", "one", "two")], [write("a", "x\n")])
    assert texts[-1] == UNSEEN.format("'a'")
