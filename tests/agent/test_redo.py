"""Which calls a resume may run."""

from pathlib import Path

from agent.redo import BEHIND_UNKNOWN, sorted_out
from agent.session.recovery import LooseCall
from scheduler import Access
from tools import Effect, Registry, Tool, ToolClass
from tools.declaration import Declaration
from tools.tool_classes import Place

PLACE = Place("s", Path("/w"))


def made(name, **said):
    async def act(n: int) -> str:
        """Act."""
        return str(n)

    return Tool(act, Declaration(name=name, **said))


def on(kind):
    return lambda given: Access(**{kind: frozenset({("file", str(given["n"]))})})


def broken(_):
    raise RuntimeError("a bug of the tool")


REGISTRY = Registry(
    [
        made("read", access=on("reads"), effect=Effect.NONE),
        made("write", access=on("writes")),
        made("all", tool_class=ToolClass.EXCLUSIVE),
        made("bug", access=broken),
    ]
)
REGISTRY.definitions()


def loose(block, name, n=1, *, unknown=False):
    call = {"type": "tool_use", "id": f"t{block}", "name": name, "input": {"n": n}}
    return LooseCall(block, call, f"text {block}", unknown)


def sort(*calls):
    redo = sorted_out(calls, REGISTRY, PLACE)
    return [call.block for call in redo.calls], {a.block: a.text for a in redo.answers}


def test_calls_of_known_outcome_are_run_in_their_order():
    assert sort(loose(0, "write"), loose(1, "read"), loose(2, "all")) == ([0, 1, 2], {})


def test_an_unknown_outcome_is_only_told_and_holds_back_what_conflicts_with_it_later():
    runs, told = sort(
        loose(0, "read", 1),
        loose(1, "write", 1, unknown=True),
        loose(2, "read", 1),
        loose(3, "read", 2),
    )
    assert runs == [0, 3]
    assert told == {1: "text 1", 2: BEHIND_UNKNOWN}


def test_an_unknown_call_of_a_tool_that_is_gone_may_have_touched_anything():
    runs, told = sort(loose(0, "gone", unknown=True), loose(1, "read"))
    assert runs == []
    assert told == {0: "text 0", 1: BEHIND_UNKNOWN}


def test_a_call_that_cannot_be_run_is_only_told():
    runs, told = sort(loose(0, "gone"), loose(1, "read", "no number"), loose(2, "bug"))
    assert runs == []
    assert told == {0: "text 0", 1: "text 1", 2: "text 2"}
