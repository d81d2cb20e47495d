"""What is told and kept of turns that did not end well: it adds up."""

import asyncio

from agent.claude.script import Call, Text, reply
from agent.events import ToolStarted, TurnFinished
from tests.agent.loopback_agent import Diary, talk


async def test_a_turn_that_was_interrupted_at_its_calls_tells_what_its_reply_used(tmp_path):
    diary = Diary("look 1")
    script = reply(Text("I look."), Call("toolu_1", "look", {"n": 1}))
    async with talk(tmp_path, script, diary=diary) as lent:
        turn = lent.session.send("Go on.")
        async for event in turn:
            if isinstance(event, ToolStarted):
                while lent.session.history.is_open:  # noqa: ASYNC110  (a reply's end is no event)
                    await asyncio.sleep(0)
                turn.interrupt()
            if isinstance(event, TurnFinished):
                told = event.usage
        assert told == lent.session.usage
        assert told.requests == 1
