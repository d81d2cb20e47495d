"""One turn of a workflow's session, begun or taken up again after a restart.

The session's journal says what was sent and what came back, so a turn that a crash cut off is
resumed, and one that had ended is not sent again.
"""

import asyncio

from agent.loop import Ended
from agent.session.session import Session
from agent.turn import Turn
from tools.threads import to_its_end

BROKEN = frozenset(set(Ended) - {Ended.STEPS, Ended.CONTINUATIONS})
"""Ends of a turn after which a cycle has failed; the others are limits, and the next goes on."""


class CycleError(Exception):
    """A turn did not come to its end; another may."""


async def say(session: Session, text: str, *, read_only: bool) -> str:
    """Have a session answer a message, whatever of that has happened already; give the answer.

    Raises:
        CycleError: the turn ended by an error, a limit on time or money, or an interruption.
        AgentError: the session cannot go on: no other turn would help.
    """
    await session.idle()
    session.read_only = read_only
    if not _has_heard(session, text):
        return await _answer(session, session.send(text))
    if session.can_resume:
        return await _answer(session, session.resume())
    return _last_text(session)


async def _answer(session: Session, turn: Turn) -> str:
    """Wait for a turn's end; a cancellation interrupts it."""
    try:
        result = await turn.result()
    except asyncio.CancelledError:
        turn.interrupt()
        await to_its_end(session.idle())
        raise
    finally:
        session.read_only = False
    if result.stop_reason in BROKEN:
        raise CycleError(result.error or f"the turn ended: {result.stop_reason}")
    return result.text


def _has_heard(session: Session, text: str) -> bool:
    blocks = (block for message in session.history.messages for block in message.content)
    return any(block.get("text") == text for block in blocks)


def _last_text(session: Session) -> str:
    reply = session.history.reply
    kept = reply.kept() if reply is not None else []
    return "".join(block.get("text", "") for block in kept if block.get("type") == "text")
