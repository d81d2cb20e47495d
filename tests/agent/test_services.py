"""What an agent makes for its tools: from its arguments, warmed up, told when a session closes."""

import asyncio
import sys

import pytest

from agent import Agent
from agent.claude.loopback import LoopbackModel
from agent.errors import ConfigurationError
from tests.agent.loopback_agent import DONE
from tools.background import Background
from tools.browser.browsing import Browsing
from tools.browser.settings import BrowserSettings
from tools.preview_service import Previews
from tools.web import WebClient


class Keeper:
    """A service of the program's own."""

    def __init__(self, *, fails=False):
        self.fails = fails
        self.ended = []
        self.warmed = asyncio.Event()

    async def end_session(self, session):
        self.ended.append(session)
        if self.fails:
            raise RuntimeError("it does not let go")

    async def warm_up(self):
        self.warmed.set()


class Other(Keeper):
    """A second one."""


def agent_of(folder, **more):
    settings = {"model": "m", "workspace": folder, "data_dir": folder / "data", **more}
    return Agent(**{"builtin_tools": False, **settings})


async def test_a_service_is_told_when_a_session_closes_and_once(tmp_path):
    keeper = Keeper()
    async with agent_of(tmp_path, services={Keeper: keeper}) as agent:
        first, second = [await agent.session(name) for name in ("one", "two")]
        assert keeper.ended == []
        await first.close()
        await first.close()
        assert keeper.ended == [first.id]
    assert keeper.ended == [first.id, second.id]


async def test_a_service_that_fails_at_it_keeps_neither_the_others_nor_the_journal(
    tmp_path, caplog
):
    failing, other = Keeper(fails=True), Other()
    async with agent_of(tmp_path, services={Keeper: failing, Other: other}) as agent:
        session = await agent.session("one")
        await session.close()
        assert (failing.ended, other.ended) == ([session.id], [session.id])
        assert "did not let go of session" in caplog.text
        assert not (await agent.session("one")).is_closed


async def test_a_service_of_the_programs_own_is_used_and_left_open(tmp_path):
    background = Background()
    given = {"builtin_tools": True, "services": {Background: background}}
    async with agent_of(tmp_path, **given) as agent:
        assert agent._services[Background] is background
    assert repr(background) == "<Background open, 0 running>"
    await background.close()


async def test_browser_and_providers_are_warmed_up_at_the_start_where_their_tools_are(tmp_path):
    browser, web = Keeper(), Keeper()
    services = {Browsing: browser, WebClient: web}
    async with agent_of(tmp_path, builtin_tools=("web", "browser"), services=services):
        await browser.warmed.wait()
        await web.warmed.wait()
    unused = Keeper()
    async with agent_of(tmp_path, builtin_tools=True, services={Browsing: unused}) as agent:
        await agent.session("one")
        assert not unused.warmed.is_set()


async def test_browser_settings_and_allowed_addresses_reach_what_is_made_of_them(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(Browsing, "warm_up", Keeper().warm_up)
    given = {"browser": BrowserSettings(idle_seconds=7.0), "allowed_addresses": ["127.0.0.1:8000"]}
    async with agent_of(tmp_path, builtin_tools=("web", "browser"), **given) as agent:
        browsing, web = agent._services[Browsing], agent._services[WebClient]
        assert browsing.manager.settings.idle_seconds == 7.0
        assert browsing._policy.allowed == web._policy.allowed == ("127.0.0.1:8000",)
    assert (await asyncio.to_thread(repr, web)).startswith("<WebClient duckduckgo, closed")


async def test_the_preview_is_shown_by_the_agents_browser_or_in_a_window_of_its_own(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(Browsing, "warm_up", Keeper().warm_up)
    async with agent_of(tmp_path, builtin_tools=("preview", "browser")) as agent:
        assert agent.service(Previews)._browsing is agent.service(Browsing)
        assert not agent.service(Previews).are_watched
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("TOOLLOOP_PREVIEW", "window")
    async with agent_of(tmp_path, builtin_tools=("preview",)) as agent:
        assert agent.service(Previews).are_watched
        assert agent.service(Browsing) is None
    monkeypatch.delenv("DISPLAY")
    monkeypatch.setattr(sys, "platform", "linux")
    async with agent_of(tmp_path, builtin_tools=("preview",)) as agent:
        assert not agent.service(Previews).are_watched
        assert "there is no display here" in caplog.text


async def test_a_search_setting_that_cannot_be_is_told_at_the_start(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLLOOP_SEARCH", "altavista")
    agent = agent_of(tmp_path, builtin_tools=("web",))
    with pytest.raises(ConfigurationError, match="web search: TOOLLOOP_SEARCH: 'altavista'"):
        await agent.session("one")
    await agent.close()


async def test_a_cancelled_close_still_lets_go_of_the_journal(tmp_path):
    class Slow(Keeper):
        async def end_session(self, session):
            await super().end_session(session)
            self.warmed.set()
            await asyncio.get_running_loop().create_future()

    slow = Slow()
    async with LoopbackModel([DONE]) as server:
        more = {"base_url": server.url, "api_key": "x", "services": {Slow: slow}}
        async with agent_of(tmp_path, **more) as agent:
            session = await agent.session("one")
            closing = asyncio.create_task(session.close())
            await slow.warmed.wait()
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            again = await agent.session("one")
            assert (await again.ask("go")).text == "Done."
            slow.end_session = Keeper().end_session
