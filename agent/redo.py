"""Which calls that a crash cut off an explicit resume may run: pure.

The rules (the design's section 5): a call that never started, or that has no effect, may be run;
one whose outcome is unknown never, and neither may what conflicts with an earlier such call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.claude.reply import CallConfirmed
from agent.session.entries import Answer
from agent.session.recovery import LooseCall
from scheduler import EVERYTHING, Access
from tools.errors import ToolError
from tools.registry import Registry
from tools.tool_classes import Place

BEHIND_UNKNOWN = (
    "Not executed: it touches what an earlier call touches whose outcome is unknown. Check that "
    "first."
)


@dataclass(frozen=True, slots=True)
class Redo:
    """What becomes of the calls that have no result."""

    calls: tuple[CallConfirmed, ...] = ()
    """To be run, in request order."""
    answers: tuple[Answer, ...] = ()
    """Of those that are not."""


NOTHING = Redo()


def sorted_out(loose: Sequence[LooseCall], registry: Registry, place: Place) -> Redo:
    """Tell the calls that may be run from those that are only answered."""
    unknown: list[Access] = []
    calls, answers = [], []
    for each in loose:
        access = _access(each, registry, place)
        given = each.call.get("input")
        if each.is_unknown:
            unknown.append(access or EVERYTHING)
        if each.is_unknown or access is None or not isinstance(given, dict):
            answers.append(Answer(each.block, each.text))
        elif any(access.conflicts_with(other) for other in unknown):
            answers.append(Answer(each.block, BEHIND_UNKNOWN))
        else:
            calls.append(_confirmed(each, given))
    return Redo(tuple(calls), tuple(answers))


def _access(loose: LooseCall, registry: Registry, place: Place) -> Access | None:
    """Give what a call touches; None when that cannot be told, since it cannot be run then."""
    tool = registry.get(str(loose.call.get("name")))
    if tool is None:
        return None
    try:
        return tool.access(tool.parse(loose.call.get("input")), place)
    except ToolError:
        return None
    except Exception:  # noqa: BLE001  (a tool's own access function: its call is not run)
        return EVERYTHING if loose.is_unknown else None


def _confirmed(loose: LooseCall, given: dict[str, Any]) -> CallConfirmed:
    return CallConfirmed(
        str(loose.call.get("id") or ""),
        str(loose.call.get("name") or ""),
        given,
        loose.block,
        is_behind_open_block=False,
    )
