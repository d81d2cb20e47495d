import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, assert_type

import pytest

from scheduler import EVERYTHING, Access, Scheduler
from tools import (
    CLASSES,
    Arguments,
    DeclarationError,
    Effect,
    Place,
    Tool,
    ToolClass,
    ToolContext,
    ToolError,
    tool,
)
from tools.file_resources import file_resources, workspace_resource


@tool(ToolClass.LOCAL_READ, path="path")
async def word_count(path: str, least: int = 1) -> int:
    """Count the words of a text file."""
    return len(path.split()) + least


@tool
def shout(text: str) -> str:
    """Say it loud."""
    return text.upper()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place("s1", tmp_path)


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext("s1", tmp_path)


def declared(*args: Any, **kwargs: Any) -> Tool[..., Any]:
    """Declare a tool with two paths."""

    def copy(source: str, target: str | None = None, also: list[str] = []) -> None:  # noqa: B006
        """Copy."""

    made: Tool[..., Any] = tool(*args, **kwargs)(copy)
    return made


def files(place: Place, *paths: str) -> frozenset[Any]:
    return frozenset().union(*(file_resources(place.workspace, path) for path in paths))


# -- a tool is still a function


async def test_a_tool_can_be_called_as_the_function_that_it_was():
    assert await word_count("a b", least=0) == 2
    assert shout("a") == "A"
    assert shout.__name__ == "shout"
    assert shout.__doc__ == "Say it loud."
    assert repr(word_count) == "<Tool word_count local_read>"


async def typed_use(context: ToolContext) -> None:
    """Checked by mypy, never run."""
    assert_type(await word_count("a"), int)
    assert_type(shout("a"), str)
    assert_type(context.service(Scheduler), Scheduler)
    await word_count(3)  # type: ignore[arg-type]  # the signature is the function's
    shout()  # type: ignore[call-arg]  # and so is what it needs


# -- what a class says


def test_every_class_has_a_meaning():
    assert set(CLASSES) == set(ToolClass)


def test_a_tool_has_what_its_class_says_unless_it_says_something_else():
    plain = declared(ToolClass.NETWORK)
    said = declared(
        ToolClass.NETWORK,
        effect=Effect.EFFECTFUL,
        timeout=None,
        approval="ask",
        name="fetch",
        moves=True,
        output_limit=10,
    )

    def facts(tool: Tool[..., Any]) -> tuple[Any, ...]:
        return (
            *(tool.name, tool.lane, tool.effect, tool.timeout),
            *(tool.approval, tool.moves, tool.output_limit),
        )

    assert facts(plain) == ("copy", "network", Effect.NONE, 120, None, False, None)
    assert facts(said) == ("fetch", "network", Effect.EFFECTFUL, None, "ask", True, 10)


def test_only_shell_and_exclusive_tools_move_things_by_their_class():
    assert {each for each in ToolClass if CLASSES[each].moves} == {
        ToolClass.SHELL,
        ToolClass.EXCLUSIVE,
    }


def test_a_tool_that_declares_nothing_runs_alone(place):
    assert shout.tool_class is ToolClass.EXCLUSIVE
    assert shout.access(shout.parse({"text": "a"}), place) == EVERYTHING


@pytest.mark.parametrize("tool_class", list(ToolClass))
def test_the_class_and_the_paths_give_the_access(place, tool_class):
    found = declared(tool_class, path=("source", "target")).access(
        {"source": "a", "target": "b", "also": []}, place
    )
    touched = files(place, "a", "b")
    browser = ("browser", "s1")

    assert (
        found
        == {
            ToolClass.LOCAL_READ: Access(reads=touched),
            ToolClass.LOCAL_WRITE: Access(writes=touched),
            ToolClass.BROWSER_READ: Access(reads=frozenset({browser}), writes=touched),
            ToolClass.BROWSER_MUTATE: Access(writes=touched | {browser}),
            ToolClass.NETWORK: Access(writes=touched),
            ToolClass.SHELL: Access(writes=touched | {workspace_resource(place.workspace)}),
            ToolClass.EXCLUSIVE: EVERYTHING,
        }[tool_class]
    )


@pytest.mark.parametrize(
    ("tool_class", "touches_files"),
    [
        (ToolClass.LOCAL_READ, True),
        (ToolClass.LOCAL_WRITE, True),
        (ToolClass.NETWORK, False),
        (ToolClass.BROWSER_READ, False),
    ],
)
@pytest.mark.parametrize("path", [None, "target", "also"])
def test_a_local_tool_without_a_path_touches_the_whole_workspace(
    place, tool_class, touches_files, path
):
    arguments = {"source": "a", "target": None, "also": []}
    access = declared(tool_class, path=path).access(arguments, place)

    whole = workspace_resource(place.workspace)
    assert (whole in access.reads | access.writes) == touches_files


def test_a_parameter_may_hold_several_paths(place):
    access = declared(ToolClass.LOCAL_READ, path="also").access({"also": ["a", Path("b")]}, place)

    assert access == Access(reads=files(place, "a", "b"))


def test_a_path_through_what_is_unsettled_counts_as_the_workspace(place):
    unsettled = frozenset({workspace_resource(place.workspace)})
    later = Place("s1", place.workspace, unsettled)

    assert word_count.access({"path": "a"}, later) == Access(reads=unsettled)


# -- an access of its own


def test_an_access_function_of_the_arguments_overrides_the_class(place):
    mine = Access(reads=frozenset({("table", "a")}))

    def of_one(arguments: Arguments) -> Access:
        return Access(reads=frozenset({("table", arguments["source"])}))

    assert declared(access=of_one).access({"source": "a"}, place) == mine


def test_an_access_function_may_take_the_place_too(place):
    def of_two(arguments: Arguments, place: Place) -> Access:
        return Access(writes=frozenset({(place.session, arguments["source"])}))

    assert declared(access=of_two).access({"source": "a"}, place).writes == {("s1", "a")}


def test_an_access_function_that_gives_something_else_is_told(place):
    with pytest.raises(TypeError, match="tool 'copy': its access= gave None; give an Access"):
        declared(access=lambda _: None).access({}, place)


# -- what is wrong with a declaration


def undocumented(text: str) -> str:
    return text


def bare(text) -> str:
    """Say."""
    return str(text)


def many(*texts: str) -> str:
    """Say."""
    return str(texts)


def any_names(**texts: str) -> str:
    """Say."""
    return str(texts)


def by_position(text: str, /) -> str:
    """Say."""
    return text


def yielding(text: str):
    """Say."""
    yield text


def documents_another(text: str) -> str:
    """Say.

    Args:
        txt: What to say.
    """
    return text


async def asynchronous(_: Arguments) -> Access:
    return Access()


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (undocumented, "'undocumented' has no docstring: say in it what the tool does"),
        (bare, "parameter 'text' has no annotation: write `text: str`"),
        (many, r"`\*texts: str` cannot be given by name"),
        (any_names, r"`\*\*texts: str` cannot be given by name"),
        (by_position, "`text: str` cannot be given by name"),
        (yielding, "'yielding' yields: return the whole result"),
        (documents_another, "docstring describes 'txt', which it does not take"),
        (len, "is no function|cannot be given by name"),
        (lambda: None, "'<lambda>' is no name for a tool"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused_at_once(function, text):
    with pytest.raises(DeclarationError, match=text):
        tool(function)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"path": "pth"}, r"path='pth' is none of its parameters \(source, target, also\)"),
        ({"name": "no spaces"}, "'no spaces' is no name for a tool"),
        ({"name": "a" * 65}, "1 to 64 letters"),
        ({"name": "é"}, "ASCII"),
        ({"approval": "maybe"}, "approval='maybe' is none of allow, ask, deny"),
        ({"timeout": 0}, "timeout=0 is no number of seconds, or None"),
        ({"timeout": float("inf")}, "timeout=inf is no number"),
        ({"output_limit": -1}, "output_limit=-1 is no number of bytes"),
        ({"access": asynchronous}, "access= is a plain function"),
        ({"access": lambda: None}, "access= is a plain function"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_at_once(said, text):
    with pytest.raises(DeclarationError, match=text):
        declared(**said)


def test_a_class_that_there_is_not_is_refused():
    with pytest.raises(DeclarationError, match="'reading' is no ToolClass: use one of local_read"):
        declared("reading")


def test_a_bound_method_can_be_a_tool():
    class Counter:
        def add(self, number: int) -> int:
            """Add."""
            return number + 1

    assert tool(Counter().add).parse({"number": "1"}) == {"number": 1}


# -- running


async def test_an_async_function_is_awaited_and_gets_its_context(context: ToolContext) -> None:
    @tool
    async def where(name: str, about: ToolContext) -> str:
        """Say where."""
        return f"{name} in {about.session}"

    assert "about" not in where.definition()["input_schema"]["properties"]
    assert await where.run(where.parse({"name": "a"}), context) == "a in s1"


async def test_a_plain_function_runs_in_a_thread(context: ToolContext) -> None:
    @tool
    def which() -> int:
        """Say which thread."""
        return threading.get_ident()

    assert await which.run({}, context) != threading.get_ident()


async def test_a_plain_function_under_a_call_keeps_its_place_until_it_has_stopped(
    context: ToolContext,
) -> None:
    go_on, scheduler = threading.Event(), Scheduler()

    @tool
    def wait() -> str:
        """Wait."""
        go_on.wait()
        return "done"

    async def run(call: Any) -> object:
        return await wait.run({}, ToolContext("s1", context.workspace, call))

    async with asyncio.TaskGroup() as tasks:
        first = scheduler.submit(tasks, run, EVERYTHING, lane=wait.lane)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        assert [call.name for call in scheduler.lingering()] == ["exclusive"]
        go_on.set()
        await scheduler.drained()


async def test_a_function_that_gives_an_awaitable_is_awaited_too(context: ToolContext) -> None:
    async def later() -> str:
        return "later"

    @tool
    def start() -> Coroutine[Any, Any, str]:
        """Start."""
        return later()

    assert await start.run({}, context) == "later"


# -- the context


def test_progress_goes_to_whoever_listens(tmp_path):
    seen: list[tuple[str, float | None]] = []
    ToolContext("s", tmp_path).progress("nobody hears this")
    ToolContext(
        "s", tmp_path, on_progress=lambda text, fraction: seen.append((text, fraction))
    ).progress("half", 0.5)

    assert seen == [("half", 0.5)]


def test_a_service_is_found_by_its_type_or_missed_in_words(tmp_path):
    context = ToolContext("s", tmp_path, services={str: "here"})

    assert context.service(str) == "here"
    with pytest.raises(ToolError, match=r"needs Scheduler, which is not available.*: str\)"):
        context.service(Scheduler)


async def test_what_is_left_running_is_told_to_the_call(tmp_path):
    ToolContext("s", tmp_path).left_running("nobody is told")
    scheduler = Scheduler()

    async def run(call: Any) -> None:
        ToolContext("s", tmp_path, call).left_running("a server")

    async with asyncio.TaskGroup() as tasks:
        scheduler.submit(tasks, run, Access(), lane="shell")

    assert [record.left_running for record in scheduler.records] == ["a server"]
