"""Sessions through the public API: made, found, moved about, and gone on with."""

import asyncio
import gc
import json
import sqlite3
import unicodedata
from itertools import pairwise

import pytest

from agent import Agent
from agent.claude.checking import Checker, parsed, problem
from agent.claude.script import Call, Text, Thinking, Whole, reply
from agent.errors import AgentError, SessionError, SessionNotFoundError
from agent.events import Notice, TurnFinished, TurnStarted
from tests.agent.crash_child import PlayedModel
from tools import ToolClass, tool

MARKER = b',"cache_control":{"type":"ephemeral"}'


@tool(ToolClass.NETWORK)
async def look(place: str = "here") -> str:
    """Look at a place."""
    return f"saw {place}"


@tool(ToolClass.NETWORK, name="look")
async def look_far(place: str, distance: int = 3) -> str:
    """Look at a place, from afar."""
    return f"saw {place} from {distance}"


@tool(ToolClass.NETWORK)
async def listen() -> str:
    """Listen."""
    return "silence"


def agent_in(folder, model=None, tools=(look,), **others):
    settings = {"profile": "claude", "tells_date": False, "workspace": folder, **others}
    settings = {"builtin_tools": False} | settings
    return Agent(model=model or PlayedModel(), data_dir=folder / "data", tools=tools, **settings)


def folder_of(tmp_path):
    return tmp_path / "data" / "sessions"


def bare(body):
    """Give a body up to the end of its last message, without its cache markers."""
    return body.replace(MARKER, b"").removesuffix(b"]}")


def messages(body):
    return json.loads(body.replace(MARKER, b""))["messages"]


def thoughtful():
    """Give a model that thinks, calls a tool, and answers."""
    called = reply(Thinking("hm", "c2ln"), Call("toolu_1", "look", {"place": "é"}))
    return PlayedModel(called, reply(Thinking("oh", "c2ln"), Text("I saw it.")))


async def a_conversation(folder, name="notes", model=None):
    """Have a turn in a session, and close it; give the model with its requests."""
    model = model or thoughtful()
    async with agent_in(folder, model) as agent:
        session = await agent.session(name)
        assert (await session.ask("Look!")).stop_reason == "end_turn"
    return model


def assert_all_valid(bodies):
    checker = Checker()
    assert [checker.problem(parsed(body)) for body in bodies] == [None] * len(bodies)


# -- made and found -----------------------------------------------------------------------------


async def test_sessions_are_listed_the_one_last_used_first(tmp_path):
    async with agent_in(tmp_path) as agent:
        assert await agent.sessions.infos() == []
        for name in ("one", "two", "three"):
            await (await agent.session(name)).flush()
        await (await agent.session("one")).ask("Hello.")
        infos = await agent.sessions.infos()
        assert infos[0].name == "one"
        assert {info.name for info in infos} == {"one", "two", "three"}
        assert all(info.bytes > 100 for info in infos)
        assert [info.updated for info in infos] == sorted(
            (info.updated for info in infos), reverse=True
        )


async def test_a_session_without_a_name_is_a_new_one_each_time(tmp_path):
    async with agent_in(tmp_path) as agent:
        one, other = await agent.session(), await agent.session()
        assert one is not other
        assert one.name != other.name
        assert await agent.session(one.name) is one


async def test_a_session_that_is_opened_again_goes_on_with_the_same_bytes(tmp_path):
    model = await a_conversation(tmp_path)
    async with agent_in(tmp_path, model) as agent:
        session = await agent.session("notes")
        assert (await session.ask("And now?")).stop_reason == "end_turn"
    for earlier, later in pairwise(model.bodies):
        assert bare(later).startswith(bare(earlier) + b",")
    assert_all_valid(model.bodies)


async def test_opening_sends_nothing_and_writes_nothing(tmp_path):
    model = await a_conversation(tmp_path)
    (file,) = folder_of(tmp_path).glob("*.jsonl")
    before = file.read_bytes()
    sent = len(model.bodies)
    async with agent_in(tmp_path, model) as agent:
        session = await agent.session("notes")
        assert not session.can_resume
        with pytest.raises(SessionError, match="nothing to resume"):
            session.resume()
    assert (file.read_bytes(), len(model.bodies)) == (before, sent)


NAMES = [
    "a/b/../c",
    ".",
    "..",
    "x" * 10_000,
    "naïve \U0001f600 \u202e\u200b name",
    "line\nbreak\ttab",
    "nul\0inside",
    "'; drop table sessions; --",
    "%_*?[a-z]",
    "session",
    " surrounded ",
    unicodedata.normalize("NFD", "é"),
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
async def test_any_name_is_kept_as_it_is(name, tmp_path):
    async with agent_in(tmp_path) as agent:
        session = await agent.session(name)
        known = session.id
        assert session.name == name
    assert {file.parent for file in tmp_path.rglob("*.jsonl")} == {folder_of(tmp_path)}
    async with agent_in(tmp_path) as agent:
        session = await agent.session(name)
        assert (session.id, session.name) == (known, name)
        assert [info.name for info in await agent.sessions.infos()] == [name]


async def test_half_a_character_is_no_name_or_a_name_like_any(tmp_path):
    async with agent_in(tmp_path) as agent:
        try:
            session = await agent.session("half \ud83d")
        except SessionError:
            return
        assert await agent.session("half \ud83d") is session


@pytest.mark.parametrize("name", ["", " ", "\n\t", "\u2003"])
async def test_a_blank_name_is_refused(name, tmp_path):
    async with agent_in(tmp_path) as agent:
        with pytest.raises(SessionError, match="blank"):
            await agent.session(name)
        assert await agent.sessions.infos() == []


@pytest.mark.parametrize("how", ["rename", "fork", "import"])
async def test_no_session_gets_a_blank_name_in_another_way(how, tmp_path):
    async with agent_in(tmp_path) as agent:
        await agent.session("notes")
        exported = await agent.sessions.export("notes")
        move, what = {
            "rename": (agent.sessions.rename, "notes"),
            "fork": (agent.sessions.fork, "notes"),
            "import": (agent.sessions.import_, exported),
        }[how]
        with pytest.raises(SessionError, match="blank"):
            await move(what, "  ")


async def test_many_who_ask_for_a_session_at_a_time_get_one(tmp_path):
    async with agent_in(tmp_path) as agent:
        sessions = await asyncio.gather(*(agent.session("notes") for _ in range(20)))
        assert set(sessions) == {sessions[0]}
        assert len(await agent.sessions.infos()) == 1


# -- renamed and deleted ------------------------------------------------------------------------


@pytest.mark.parametrize("is_open", [True, False])
async def test_a_session_is_renamed(is_open, tmp_path):
    model = await a_conversation(tmp_path)
    async with agent_in(tmp_path, model) as agent:
        before = await agent.session("notes") if is_open else None
        await agent.sessions.rename("notes", "minutes")
        session = await agent.session("minutes")
        assert session.name == "minutes"
        assert session is before or not is_open
        assert session.history.replies == 2
        assert (await agent.session("notes")).id != session.id
    async with agent_in(tmp_path, model) as agent:
        assert (await agent.session("minutes")).name == "minutes"


async def test_a_name_that_is_taken_is_no_new_name(tmp_path):
    async with agent_in(tmp_path) as agent:
        one, _ = await agent.session("one"), await agent.session("two")
        with pytest.raises(SessionError, match="named 'two' already"):
            await agent.sessions.rename("one", "two")
        assert one.name == "one"
        await agent.sessions.rename("one", "one")
        with pytest.raises(SessionNotFoundError, match="'three'"):
            await agent.sessions.rename("three", "four")
        assert {info.name for info in await agent.sessions.infos()} == {"one", "two"}


@pytest.mark.parametrize("is_open", [True, False])
async def test_a_session_is_deleted_with_its_files(is_open, tmp_path):
    await a_conversation(tmp_path)
    async with agent_in(tmp_path) as agent:
        session = await agent.session("notes") if is_open else None
        await agent.sessions.delete("notes")
        assert list(folder_of(tmp_path).glob("*.jsonl*")) == []
        assert await agent.sessions.infos() == []
        if session is not None:
            with pytest.raises(SessionError, match="closed"):
                session.send("Still there?")
        with pytest.raises(SessionNotFoundError):
            await agent.sessions.delete("notes")
        assert (await agent.session("notes")).history.replies == 0


async def test_deleting_a_session_ends_its_turn(tmp_path):
    runs, never = asyncio.Event(), asyncio.Event()

    async def wait():
        runs.set()
        await never.wait()

    start, *rest = reply(Text("Hm."))
    async with agent_in(tmp_path, PlayedModel([start, wait, *rest])) as agent:
        session = await agent.session("notes")
        turn = session.send("Hello.")
        await runs.wait()
        await agent.sessions.delete("notes")
        assert (await turn.result()).stop_reason == "interrupted"
        assert list(folder_of(tmp_path).glob("*.jsonl*")) == []


@pytest.mark.parametrize("damage", ["damaged", "gone"])
async def test_a_session_whose_file_is_damaged_or_gone_can_be_deleted(damage, tmp_path):
    await a_conversation(tmp_path)
    await a_conversation(tmp_path)  # so that the first one is known to be safe
    (file,) = folder_of(tmp_path).glob("*.jsonl")
    async with agent_in(tmp_path) as agent:
        await agent.session("another")
        if damage == "gone":
            file.unlink()
        else:
            file.write_bytes(file.read_bytes().replace(b"Look!", b"Loot!"))
        await agent.sessions.delete("notes")
        assert [info.name for info in await agent.sessions.infos()] == ["another"]


async def test_a_session_whose_file_went_away_is_told_in_our_words(tmp_path):
    await a_conversation(tmp_path)
    async with agent_in(tmp_path) as agent:
        for file in folder_of(tmp_path).glob("*.jsonl"):
            file.unlink()
        with pytest.raises(AgentError):
            await agent.session("notes")


# -- forked -------------------------------------------------------------------------------------


async def test_a_fork_with_the_same_tools_sends_the_same_bytes(tmp_path):
    model = await a_conversation(tmp_path)
    async with agent_in(tmp_path, model) as agent:
        fork = await agent.sessions.fork("notes", "other")
        assert (await fork.ask("And now?")).stop_reason == "end_turn"
        original = await agent.session("notes")
        assert original.history.replies == 2
        assert fork.id != original.id
    assert bare(model.bodies[2]).startswith(bare(model.bodies[1]) + b",")
    assert_all_valid(model.bodies)


async def test_a_fork_with_other_tools_leaves_the_earlier_thinking_out(tmp_path):
    model = await a_conversation(tmp_path)
    async with agent_in(tmp_path, model, tools=(look_far,)) as agent:
        fork = await agent.sessions.fork("notes", "other")
        await fork.ask("And now?")
        await fork.ask("And then?")
    *_, before, after = (messages(body) for body in model.bodies)
    kinds = [[block["type"] for block in each["content"]] for each in before]
    assert kinds == [["text"], ["tool_use"], ["tool_result"], ["text"], ["text"]]
    assert [block["type"] for block in after[-2]["content"]] == ["thinking", "text"]
    offered = json.loads(model.bodies[-1])["tools"]
    assert "distance" in offered[0]["input_schema"]["properties"]
    assert_all_valid(model.bodies[2:])


async def test_a_fork_of_such_a_fork_leaves_it_out_too(tmp_path):
    model = await a_conversation(tmp_path)
    async with agent_in(tmp_path, model, tools=(look_far,)) as agent:
        await agent.sessions.fork("notes", "other")
        again = await agent.sessions.fork("other", "third")
        await again.ask("And now?")
    assert b"thinking" not in model.bodies[-1]


async def test_a_fork_before_a_message_leaves_out_that_and_all_after_it(tmp_path):
    model = await a_conversation(tmp_path)
    async with agent_in(tmp_path, model) as agent:
        session = await agent.session("notes")
        await session.ask("Second.")
        fork = await agent.sessions.fork("notes", "other", before_message=1)
        await fork.ask("Instead.")
        whole = await agent.sessions.fork("notes", "empty", before_message=0)
        await whole.ask("Instead of all.")
        for message in (-1, 2):
            with pytest.raises(SessionError, match=f"no message {message}: the session has 2"):
                await agent.sessions.fork("notes", "third", before_message=message)
        with pytest.raises(SessionError, match="named 'other' already"):
            await agent.sessions.fork("notes", "other")
    second, instead, of_all = model.bodies[2:]
    assert b"Second." not in instead
    assert bare(instead) == bare(second).replace(b"Second.", b"Instead.")
    assert messages(of_all) == [
        {"role": "user", "content": [{"type": "text", "text": "Instead of all."}]}
    ]
    assert_all_valid(model.bodies)


async def test_a_session_is_forked_while_its_turn_runs(tmp_path):
    runs, may_end = asyncio.Event(), asyncio.Event()

    async def wait():
        runs.set()
        await may_end.wait()

    start, *rest = reply(Text("Hm."))
    model = PlayedModel([start, wait, *rest], reply(Text("Done.")))
    async with agent_in(tmp_path, model) as agent:
        session = await agent.session("notes")
        turn = session.send("Hello.")
        await runs.wait()
        fork = await agent.sessions.fork("notes", "other")
        assert (await fork.ask("And you?")).text == "Done."
        may_end.set()
        assert (await turn.result()).text == "Hm."
    assert_all_valid(model.bodies)


@pytest.mark.parametrize("how", ["fork", "import"])
async def test_a_copy_of_a_renamed_session_has_the_name_that_it_was_given(how, tmp_path):
    async with agent_in(tmp_path) as agent:
        await agent.session("first")
        await agent.sessions.rename("first", "second")
        if how == "fork":
            copy = await agent.sessions.fork("second", "third")
        else:
            copy = await agent.sessions.import_(await agent.sessions.export("second"), "third")
        assert copy.name == "third"


# -- exported -----------------------------------------------------------------------------------


async def test_an_exported_session_is_imported_as_the_same_conversation(tmp_path):
    model = await a_conversation(tmp_path)
    async with agent_in(tmp_path, model) as agent:
        exported = await agent.sessions.export("notes")
    (tmp_path / "there").mkdir()
    async with agent_in(tmp_path / "there", model, workspace=tmp_path) as agent:
        session = await agent.sessions.import_(exported)
        assert session.name == "notes"
        await session.ask("And now?")
        with pytest.raises(SessionError, match="named 'notes' already"):
            await agent.sessions.import_(exported)
        assert (await agent.sessions.import_(exported, "again")).name == "again"
    assert bare(model.bodies[2]).startswith(bare(model.bodies[1]) + b",")
    assert json.loads(exported)["entries"][0]["type"] == "header"


BAD_EXPORTS = [
    "",
    "no JSON",
    "[]",
    "{}",
    '{"entries": []}',
    '{"entries": 5}',
    '{"entries": [5]}',
    '{"entries": [{"type": "message"}]}',
    '{"entries": [{"type": "header", "tools": [], "name": "x"}, {"type": "message"}]}',
    '{"entries": [{"type": "header"}, {"type": "result", "reply": 3, "block": 0, "content": []}]}',
]


@pytest.mark.parametrize("exported", BAD_EXPORTS, ids=range(len(BAD_EXPORTS)))
async def test_what_is_no_exported_session_is_refused_and_leaves_nothing(exported, tmp_path):
    async with agent_in(tmp_path) as agent:
        with pytest.raises(SessionError):
            await agent.sessions.import_(exported, "new")
        assert await agent.sessions.infos() == []
        assert list(folder_of(tmp_path).glob("*.jsonl")) == []


HEADER = {"type": "header", "system": "s", "tools": [], "name": "x"}
WORSE_EXPORTS = {
    "a header's tools are a number": [{**HEADER, "tools": 5}],
    "a header's thinks_from is a word": [{**HEADER, "thinks_from": "late"}],
    "a member that is the journal's own": [HEADER, {"type": "renamed", "name": "y", "seq": 9}],
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("entries", WORSE_EXPORTS.values(), ids=list(WORSE_EXPORTS))
async def test_an_export_that_somebody_changed_is_refused_and_leaves_nothing(entries, tmp_path):
    async with agent_in(tmp_path) as agent:
        try:
            await agent.sessions.import_(json.dumps({"entries": entries}), "new")
            told = None
        except Exception as error:  # noqa: BLE001  (kept, it would keep the file open)
            told = type(error)
        gc.collect()
        assert told is SessionError
        assert await agent.sessions.infos() == []


async def test_a_session_as_markdown_shows_what_was_said_and_done(tmp_path):
    await a_conversation(tmp_path)
    async with agent_in(tmp_path) as agent:
        shown = await agent.sessions.export("notes", "markdown")
    assert shown == (
        "# notes\n\n## Person\n\nLook!\n\n*(thinking)*\n\n**look**\n\n"
        '```json\n{\n "place": "é"\n}\n```\n\n```\nsaw é\n```\n\n'
        "*(thinking)*\n\nI saw it.\n"
    )


async def test_only_a_session_that_is_there_can_be_exported_or_forked(tmp_path):
    async with agent_in(tmp_path) as agent:
        with pytest.raises(SessionNotFoundError, match="'notes'"):
            await agent.sessions.export("notes")
        with pytest.raises(SessionNotFoundError, match="'notes'"):
            await agent.sessions.fork("notes", "other")


# -- the index ----------------------------------------------------------------------------------


async def two_sessions(folder):
    async with agent_in(folder) as agent:
        await (await agent.session("one")).ask("Hello.")
        await agent.session("two")
        await agent.sessions.rename("two", "second")


async def assert_both_are_found(folder):
    async with agent_in(folder) as agent:
        assert {info.name for info in await agent.sessions.infos()} == {"one", "second"}
        assert (await agent.session("one")).history.replies == 1
        assert (await agent.session("second")).history.replies == 0


@pytest.mark.parametrize(
    "content", [None, b"", b"SQLite format 3\0" + b"x" * 500, b"no database at all\n" * 99]
)
async def test_an_index_that_is_lost_or_damaged_is_made_again(content, tmp_path):
    await two_sessions(tmp_path)
    for file in folder_of(tmp_path).glob("index.sqlite*"):
        file.unlink()
    if content is not None:
        (folder_of(tmp_path) / "index.sqlite").write_bytes(content)
    await assert_both_are_found(tmp_path)


async def test_a_session_that_was_put_into_the_folder_is_found(tmp_path):
    await two_sessions(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    async with agent_in(other) as agent:
        await agent.session("moved here")
        await agent.session("one")
    for file in folder_of(other).glob("*.jsonl"):
        file.rename(folder_of(tmp_path) / file.name)
    async with agent_in(tmp_path) as agent:
        names = {info.name for info in await agent.sessions.infos()}
        assert {"one", "second", "moved here"} < names
        assert len(names) == 4


async def test_an_index_that_is_busy_is_not_removed(tmp_path, monkeypatch):
    await two_sessions(tmp_path)
    index = folder_of(tmp_path) / "index.sqlite"
    known = index.stat().st_ino
    connect = sqlite3.connect
    other = connect(index, isolation_level=None)
    other.execute("pragma locking_mode = exclusive")
    other.execute("begin exclusive")
    monkeypatch.setattr(sqlite3, "connect", lambda path, **_: connect(path, timeout=0))
    try:
        with pytest.raises(AgentError, match="locked"):
            async with agent_in(tmp_path):
                pass
    finally:
        other.close()
    assert index.stat().st_ino == known


async def test_an_index_that_cannot_be_written_is_told_in_our_words(tmp_path, monkeypatch):
    connect = sqlite3.connect
    async with agent_in(tmp_path) as agent:
        await agent.session("notes")
        other = connect(folder_of(tmp_path) / "index.sqlite", isolation_level=None)
        other.execute("begin immediate")
        monkeypatch.setattr(sqlite3, "connect", lambda path, **_: connect(path, timeout=0))
        try:
            with pytest.raises(AgentError, match="locked"):
                await agent.session("another")
        finally:
            other.close()


# -- turns --------------------------------------------------------------------------------------


async def test_a_message_that_comes_while_a_turn_runs_goes_with_its_next_request(tmp_path):
    runs, may_end = asyncio.Event(), asyncio.Event()

    async def wait():
        """Wait."""
        runs.set()
        await may_end.wait()
        return "waited"

    model = PlayedModel(reply(Call("toolu_1", "wait", {})), reply(Text("Done.")))
    async with agent_in(tmp_path, model, tools=(tool(ToolClass.NETWORK)(wait),)) as agent:
        session = await agent.session("notes")
        first = session.send("Wait!")
        await runs.wait()
        second = session.send("And hurry.")
        may_end.set()
        one, other = await first.result(), await second.result()
        assert (
            (one.text, one.stop_reason) == (other.text, other.stop_reason) == ("Done.", "end_turn")
        )
        assert not session.is_running
    assert len(model.bodies) == 2
    assert [block["type"] for block in messages(model.bodies[1])[-1]["content"]] == [
        "tool_result",
        "text",
    ]
    assert_all_valid(model.bodies)


async def test_a_message_that_comes_in_the_last_reply_is_answered_by_the_same_turn(tmp_path):
    runs, may_end = asyncio.Event(), asyncio.Event()

    async def wait():
        runs.set()
        await may_end.wait()

    *before, end, stop = reply(Text("First."))
    model = PlayedModel([*before, wait, end, stop], reply(Text("Second.")))
    async with agent_in(tmp_path, model) as agent:
        session = await agent.session("notes")
        first = session.send("One.")
        await runs.wait()
        second = session.send("Two.")
        may_end.set()
        assert (await first.result()).text == (await second.result()).text == "Second."
    assert_all_valid(model.bodies)


async def test_the_events_of_a_turn_begin_and_end_it(tmp_path):
    async with agent_in(tmp_path) as agent:
        session = await agent.session("notes")
        events = [event async for event in session.send("Hello.")]
    assert events[0] == TurnStarted(0)
    assert isinstance(events[-1], TurnFinished)


@pytest.mark.parametrize("content", ["", " \n", [], [{"type": "text", "text": " "}]])
async def test_a_blank_message_is_refused_and_leaves_nothing(content, tmp_path):
    async with agent_in(tmp_path) as agent:
        session = await agent.session("notes")
        with pytest.raises(SessionError, match="not blank"):
            session.send(content)
        assert session.history.messages == []


async def test_a_closed_session_says_so(tmp_path):
    async with agent_in(tmp_path) as agent:
        session = await agent.session("notes")
        await session.close()
        await session.close()
        for use in (lambda: session.send("Hello."), session.resume, lambda: session.rename("x")):
            with pytest.raises(SessionError, match="'notes' is closed: open it again"):
                use()
        again = await agent.session("notes")
        assert again is not session
        assert (await again.ask("Hello.")).text == "Done."


async def test_a_closed_agent_says_so(tmp_path):
    async with agent_in(tmp_path) as agent:
        session = await agent.session("notes")
    for use in (agent.session("notes"), agent.sessions.infos(), agent.sessions.export("notes")):
        with pytest.raises(AgentError, match="this agent is closed"):
            await use
    with pytest.raises(SessionError, match="closed"):
        session.send("Hello.")
    await agent.close()


async def test_an_agent_that_is_used_without_async_with_starts_at_first_use(tmp_path):
    agent = agent_in(tmp_path)
    session = await agent.session("notes")
    assert (await session.ask("Hello.")).text == "Done."
    await agent.close()


SEARCH = Whole({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search"})
WHOLE = "a whole reply goes back whole, also where the API does not take it"
ENDS = [
    ([Thinking("hm", "c2ln")], "max_tokens"),
    ([Text("Let me see."), Thinking("hm", "c2ln")], "max_tokens"),
    ([Text("Let me search."), SEARCH], "max_tokens"),
    ([Thinking("hm", "c2ln")], "refusal"),
    ([], "end_turn"),
    *(
        each
        for each in (
            ([Thinking("hm", "c2ln")], "end_turn"),
            ([Thinking("hm", "c2ln"), Text("")], "end_turn"),
            ([Thinking("hm", "c2ln"), Text("\n")], "max_tokens"),
            ([Text("Let me search."), SEARCH], "stop_sequence"),
        )
    ),
]


@pytest.mark.parametrize(("parts", "stop_reason"), ENDS)
async def test_a_session_goes_on_after_a_reply_that_ended_where_none_can_end(
    parts, stop_reason, tmp_path
):
    model = PlayedModel(reply(*parts, stop_reason=stop_reason), reply(Text("Done.")))
    async with agent_in(tmp_path, model) as agent:
        session = await agent.session("notes")
        assert (await session.ask("Hello.")).stop_reason == stop_reason
        await session.ask("Go on.")
    assert [problem(parsed(body)) for body in model.bodies] == [None, None]


# -- tools and prompt that change ---------------------------------------------------------------


async def test_a_tool_that_is_gone_answers_with_an_error_and_is_still_told_of(tmp_path):
    model = await a_conversation(tmp_path)
    again = PlayedModel(reply(Call("toolu_9", "look", {})), reply(Text("Gone.")))
    async with agent_in(tmp_path, again, tools=(listen,)) as agent:
        session = await agent.session("notes")
        events = [event async for event in session.send("Look again.")]
        assert Notice("These tools of the session are gone: look.") in events
        assert (await session.ask("And?")).text == "Gone."
    answer = messages(again.bodies[1])[-1]["content"][0]
    assert answer["is_error"]
    assert "no tool 'look'" in answer["content"][0]["text"]
    assert [each["name"] for each in json.loads(again.bodies[0])["tools"]] == ["look"]
    assert bare(again.bodies[0]).startswith(bare(model.bodies[-1]) + b",")
    assert_all_valid(again.bodies)


async def test_a_new_tool_is_for_new_sessions_only(tmp_path):
    await a_conversation(tmp_path)
    again = PlayedModel(reply(Call("toolu_9", "listen", {})), reply(Text("Hm.")))
    async with agent_in(tmp_path, again, tools=(look, listen)) as agent:
        old = await (await agent.session("notes")).ask("Listen.")
        assert [call.status for call in old.calls] == ["failed"]
        await (await agent.session("new")).ask("Listen.")
    offered = [[each["name"] for each in json.loads(body)["tools"]] for body in again.bodies]
    assert offered == [["look"], ["look"], ["look", "listen"]]


async def test_a_changed_schema_asks_for_a_fork_and_a_fork_goes_on(tmp_path):
    model = await a_conversation(tmp_path)
    async with agent_in(tmp_path, model, tools=(look_far,)) as agent:
        session = await agent.session("notes")
        assert session.changed_tools == ["look"]
        for use in (lambda: session.send("Hello."), session.resume):
            with pytest.raises(SessionError, match=r"look.*Fork it"):
                use()
        assert session.history.replies == 2
        await agent.sessions.rename("notes", "minutes")
        fork = await agent.sessions.fork("minutes", "notes")
        assert (await fork.ask("Hello.")).stop_reason == "end_turn"


async def test_a_session_keeps_the_prompt_that_it_began_with(tmp_path):
    (tmp_path / "AGENTS.md").write_text("Be brief.")
    model = await a_conversation(tmp_path)
    (tmp_path / "AGENTS.md").write_text("Be long.")
    async with agent_in(tmp_path, model, system="You are somebody else.") as agent:
        await (await agent.session("notes")).ask("And now?")
        await (await agent.session("new")).ask("Hello.")
    first, *_, again, new = (json.loads(body)["system"][0]["text"] for body in model.bodies)
    assert again == first
    assert "Be brief." in first
    assert "Be long." in new
    assert "You are somebody else." in new
