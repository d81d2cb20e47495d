"""Going on with what a crash or an interruption cut off."""

from typing import Final

from agent.redo import NOTHING, Redo, sorted_out
from agent.session.history import History
from agent.session.log import SessionLog
from agent.session.recovery import close, cut_off, loose_calls, made_up
from tools.registry import Registry
from tools.tool_classes import Place

CRASHED: Final = "the process ended in the middle of this reply"


def can_resume(history: History) -> bool:
    """Say whether the model has yet to answer something."""
    if history.pending or history.is_open:
        return True
    reply = history.reply
    return reply is not None and reply.end is not None and not _is_final(history)


def close_what_is_open(log: SessionLog, registry: Registry, place: Place, *, again: bool) -> Redo:
    """Close the reply that a crash left open; say what becomes of calls without a result.

    Args:
        log: the session's.
        registry: its tools.
        place: where its calls stand.
        again: whether the calls may be run that never started, or have no effect.
    """
    history = log.history
    if history.is_open and history.reply is not None:
        log.record(close(history.reply, CRASHED))
    if history.reply is None or history.reply.end is None:
        return NOTHING
    if not again:
        for entry in cut_off(history.reply):
            log.record(entry)
    effects = {tool.name: tool.effect.value for tool in registry}
    loose = loose_calls(history.reply, effects)
    if again:
        return sorted_out(loose, registry, place)
    return Redo(answers=tuple(made_up(loose)))


def _is_final(history: History) -> bool:
    """Say whether the last reply has answered all that was sent."""
    reply = history.reply
    if reply is None or reply.end is None or not reply.end.kept:
        return False
    return not reply.calls(reply.end.kept)
