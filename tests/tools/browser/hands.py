"""A model's hands on a browser: replies of calls, played through an agent's own loop.

What a test asks for goes the whole way: parsed, judged, ordered by the scheduler, run on a real
Chromium, answered, and sent back to the model.
"""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from agent import Agent
from agent.claude.model import Incoming
from agent.claude.script import Call, Text, reply
from agent.claude.sse import EventDecoder
from agent.session.session import Session
from agent.turn import CallOutcome
from tools.browser.browsing import Browsing

NOT_EXECUTED = "Not executed: an earlier action in this turn failed."


class Mouth:
    """A model that says what a message asks it to say, whichever session it is in."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self._ids = count(1)

    @asynccontextmanager
    async def stream(self, body: bytes, betas: Sequence[str] = ()) -> AsyncIterator[Incoming]:
        del betas
        request = json.loads(body)
        self.bodies.append(request)
        yield Incoming(self._events(request["messages"][-1]["content"]), "req")

    async def _events(self, content: Any) -> AsyncIterator[list[dict[str, Any]]]:
        parts: list[Any] = [Text("Done.")]
        texts = [content] if isinstance(content, str) else [each.get("text") for each in content]
        for text in filter(None, texts):
            if text.startswith("calls: "):
                asked = json.loads(text.removeprefix("calls: "))
                parts = [Call(f"toolu_{next(self._ids)}", name, given) for name, given in asked]
        yield EventDecoder().feed(b"".join(part for part in reply(*parts) if type(part) is bytes))


class Hands:
    """One session's. Names of tools are without their `browser_`."""

    def __init__(self, session: Session, mouth: Mouth) -> None:
        self.session = session
        self.mouth = mouth
        self.shown = ""
        """What was answered last."""

    async def all(self, *calls: tuple[str, dict[str, Any]]) -> list[CallOutcome]:
        """Call several tools in one reply; give how each ended."""
        asked = json.dumps([(_full(name), given) for name, given in calls])
        result = await self.session.ask(f"calls: {asked}")
        assert [each.name for each in result.calls] == [_full(name) for name, _ in calls]
        self.shown = result.calls[-1].text
        return list(result.calls)

    async def __call__(self, name: str, **given: Any) -> str:
        """Call a tool; it has to do well."""
        (call,) = await self.all((name, given))
        assert call.status == "finished", call.text
        return call.text

    async def fails(self, name: str, **given: Any) -> str:
        """Call a tool; it has to fail. Gives its words."""
        (call,) = await self.all((name, given))
        assert call.status == "failed", call.text
        return call.text

    def ref(self, role: str, name: str = "") -> str:
        """Give the ref of what was shown last under a role and a name."""
        return ref(self.shown, role, name)

    async def looked(self, role: str, name: str = "") -> str:
        """Read the whole page, and give the ref of an element."""
        return ref(await self("read_page", mode="full"), role, name)


def _full(name: str) -> str:
    return name if name.startswith("file_") else f"browser_{name}"


def ref(text: str, role: str, name: str = "") -> str:
    label = f' "{re.escape(name)}"' if name else ""
    found = re.findall(rf"(?:- |[+~ ] +){role} \[ref=(\w+)\]{label}", text)
    assert found, f"no {role} {name!r} in\n{text}"
    return str(found[0])


def page_of(text: str) -> str:
    """Give what is within the marks of a page."""
    found = re.search(r"<page (\w+)[^>]*>\n(.*)\n</page \1>", text, re.DOTALL)
    assert found, text
    return found[2]


@asynccontextmanager
async def agent_of(browsing: Browsing, folder: Any) -> AsyncIterator[tuple[Agent, Mouth]]:
    mouth = Mouth()
    workspace = folder / "workspace"
    workspace.mkdir(parents=True)
    async with Agent(
        model=mouth,
        workspace=workspace,
        data_dir=folder / "data",
        builtin_tools=("workspace", "browser"),
        approvals="allow",
        tells_date=False,
        services={Browsing: browsing},
    ) as agent:
        yield agent, mouth
