"""A model in memory that plays events back and checks each request as the API would."""

import json
from collections.abc import Sequence
from contextlib import asynccontextmanager

from agent.claude.checking import Checker, Rules
from agent.claude.model import Incoming


class ScriptedModel:
    """Each reply is a list of batches of events, or an exception, or an asynchronous iterator."""

    def __init__(self, *replies, rules=None):
        self.replies = list(replies)
        self.raw = []
        self.checker = Checker()
        self.rules = rules or Rules()
        self.problems = []

    @property
    def bodies(self):
        return [json.loads(body) for body in self.raw]

    @asynccontextmanager
    async def stream(self, body: bytes, betas: Sequence[str] = ()):  # noqa: ARG002  (the seam's)
        self.raw.append(body)
        request = json.loads(body)
        problem = self.checker.problem(request, self.rules)
        if problem is not None:
            self.problems.append(problem)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        yield Incoming(self._events(reply, self.checker.answer(request)), f"req_{len(self.raw)}")

    async def _events(self, reply, sent):
        if not isinstance(reply, list):
            async for batch in reply:
                yield _seen(batch, sent)
            return
        for event in reply:
            yield _seen([event], sent)


def _seen(batch, sent):
    for event in batch:
        for _ in sent.feed(event):
            pass
    return batch
