"""Approvals of a whole agent: its server on the loopback, its rules in a file."""

import asyncio

import pytest

from agent import events as told
from agent.approvals import Rule, RuleBook, rules_file
from agent.claude.script import Call, Gate, Text, reply
from agent.errors import SessionError
from tests.agent.loopback_agent import of, results, talk
from tools import ToolClass, tool

PROMPTED = [
    *("git status; rm -rf x", "git status && curl evil.example", "git log $(rm x)", "ls | sh"),
    *("rm x", "'r'm x", "git log > x", "pytest `id`", "npm test\nrm x", "ls *", "X=1 git status"),
    *("cat .env", "ls $HOME", "/tmp/git status", "bash -c 'git status'", "ls #", "git  log;"),
]
"""What a model that was talked into something would try."""

ALLOWED = ["git status", "git  log --oneline", "pytest -x tests", "npm test", "ls -la"]


@pytest.fixture
def ran():
    return []


@pytest.fixture
def shell(ran):
    @tool(ToolClass.SHELL)
    async def shell(command: str) -> str:
        """Run a command."""
        ran.append(command)
        return f"ran {command}"

    return shell


def calling(*commands):
    return reply(
        *(Call(f"toolu_{n}", "shell", {"command": each}) for n, each in enumerate(commands))
    )


USERS = """
[[rules]]
action = "deny"
command = "rm *"

[[rules]]
action = "deny"
command = "curl *"

[[rules]]
action = "deny"
path = ".env"

[[rules]]
action = "deny"
path = "secrets/**"
""" + "".join(
    f'\n[[rules]]\naction = "allow"\ncommand = "{each}"\n'
    for each in ("git status", "git log *", "pytest *", "npm test", "ls *", "cat *")
)


async def book_of(tmp_path, text):
    file = tmp_path / "config" / "approvals.toml"
    await asyncio.to_thread(file.parent.mkdir)
    await asyncio.to_thread(file.write_text, text)
    return RuleBook(file=file)


async def play(session, message, answer):
    """Send a message, and answer each question; give the events."""
    found = []
    async for event in session.send(message):
        found.append(event)
        if isinstance(event, told.ApprovalAsked):
            await session.answer(event.id, *answer(event))
    return found


async def test_a_model_that_was_talked_into_something_runs_nothing_without_a_question(
    tmp_path, shell, ran
):
    book = await book_of(tmp_path, USERS)
    script = calling(*PROMPTED, *ALLOWED)
    async with talk(tmp_path, script, tools=[shell], approvals=book) as lent:
        events = await play(lent.session, "Go.", lambda _: ("deny", "no"))
        assert ran == ALLOWED
        texts = [text for _, text, _ in results(lent.bodies[1])]
        assert texts[len(PROMPTED) :] == [f"ran {command}" for command in ALLOWED]
        assert all(
            text.startswith("Not executed: it was denied") for text in texts[: len(PROMPTED)]
        )
        asked = {event.input["command"] for event in of(events, told.ApprovalAsked)}
        assert not any("rm" in command or "curl" in command for command in asked)
        assert "cat .env" not in asked


async def test_what_is_allowed_for_good_stands_in_the_file_and_holds_for_the_next_agent(
    tmp_path, shell, ran
):
    text = "# my rules\n[[rules]]\naction = 'deny'\ncommand = 'rm *'"
    book = await book_of(tmp_path, text)
    commands = ["make && make test", "make *"]
    for number in range(2):
        folder = tmp_path / "work"
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        script = calling(*commands)
        async with talk(folder, script, tools=[shell], approvals=book) as lent:
            events = await play(lent.session, "Go.", lambda _: ("always",))
        asked = [event.always for event in of(events, told.ApprovalAsked)]
        wanted = [
            f"allow shell with command {each!r} in {folder}" for each in (commands[0], r"make \*")
        ]
        assert asked == ([] if number else wanted)
        book = await asyncio.to_thread(RuleBook, file=book.file)
    assert ran == commands * 2
    assert (await asyncio.to_thread(book.file.read_text)) == (
        f'{text}\n\n[[rules]]\naction = "allow"\ntool = "shell"\n'
        f'command = "make && make test"\nworkspace = "{folder}"\n'
        f'\n[[rules]]\naction = "allow"\ntool = "shell"\n'
        f"command = 'make \\*'\nworkspace = \"{folder}\"\n"
    )


async def test_without_approvals_given_an_agents_own_tools_are_trusted_and_asked_about_on_demand(
    tmp_path, shell, ran
):
    async with talk(tmp_path, calling("ls"), tools=[shell]) as lent:
        assert of(await lent.play(), told.ApprovalAsked) == []
    folder = tmp_path / "work"
    await asyncio.to_thread(folder.mkdir)
    async with talk(folder, calling("ls"), tools=[shell], approvals="ask") as lent:
        events = await play(lent.session, "Go.", lambda _: ("once",))
        assert [event.why for event in of(events, told.ApprovalAsked)] == [
            "shell changes something, and no rule allows it"
        ]
        ids = [(type(event), event.id) for event in events if getattr(event, "id", "") == "0.0"]
        assert [kind for kind, _ in ids] == [
            told.ToolCalled,
            told.ApprovalAsked,
            told.ApprovalSettled,
            told.ToolStarted,
            told.ToolFinished,
        ]
    assert ran == ["ls", "ls"]


async def test_a_question_is_answered_while_the_reply_is_still_coming(tmp_path, shell, ran):
    *start, end, stop = reply(
        Call("toolu_0", "shell", {"command": "ls"}), Text("Meanwhile."), stop_reason="tool_use"
    )
    script = [*start, Gate("held"), end, stop]
    async with talk(tmp_path, script, tools=[shell], approvals="ask") as lent:
        async for event in lent.session.send("Go."):
            if isinstance(event, told.ApprovalAsked):
                assert [each.id for each in lent.session.questions] == ["0.0"]
                await lent.session.answer("0.0", "once")
            if isinstance(event, told.ToolFinished):
                assert ran == ["ls"]
                lent.server.open("held")


async def test_the_rules_of_a_person_hold_for_an_agent_that_is_given_none(
    tmp_path, shell, ran, monkeypatch
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "config" / "toolloop" / "approvals.toml"
    await asyncio.to_thread(rules_file.append, file, Rule("deny", "shell"))
    async with talk(tmp_path, calling("ls"), tools=[shell]) as lent:
        await lent.play()
        assert results(lent.bodies[1]) == [
            ("toolu_0", "Not executed: it was denied: a rule of the user says: deny shell.", True)
        ]
    assert ran == []


async def test_a_question_that_an_interruption_met_is_gone(tmp_path, shell, ran):
    async with talk(tmp_path, calling("ls"), tools=[shell], approvals="ask") as lent:
        events = []
        async for event in lent.session.send("Go."):
            events.append(event)
            if isinstance(event, told.ApprovalAsked):
                lent.session.interrupt()
        assert [event.how for event in of(events, told.ApprovalSettled)] == ["withdrawn"]
        assert lent.session.questions == []
        with pytest.raises(SessionError, match="open are: none"):
            await lent.session.answer("0.0", "once")
    assert ran == []


async def test_a_path_that_is_allowed_is_no_question_while_it_waits_for_a_command(tmp_path):
    called = asyncio.Event()

    @tool(ToolClass.SHELL)
    async def shell(command: str) -> str:
        """Run a command."""
        await called.wait()
        return command

    @tool(ToolClass.LOCAL_WRITE, path="path")
    async def write(path: str) -> str:
        """Write a file."""
        return path

    script = reply(
        Call("toolu_0", "shell", {"command": "make"}), Call("toolu_1", "write", {"path": "src/a"})
    )
    book = RuleBook([Rule("allow", "shell"), Rule("allow", "write", path="src/**")])
    async with talk(tmp_path, script, tools=[shell, write], approvals=book) as lent:
        events = []
        async for event in lent.session.send("Go."):
            events.append(event)
            if isinstance(event, told.ToolCalled | told.ApprovalAsked) and event.id == "0.1":
                called.set()
        assert of(events, told.ApprovalAsked) == []
