"""The browser tools through the agent's own loop, on a real Chromium and pages on this machine."""

import asyncio
import http.server
import os
import threading
from contextlib import asynccontextmanager

import pytest

from agent.claude.loopback import LoopbackModel
from agent.claude.script import Call, Text, reply
from agent.runtime import Agent
from scheduler import certify
from tools.addresses import AddressPolicy
from tools.browser.browsing import Browsing
from tools.browser.settings import installed_program

PAGE = """<!doctype html><meta charset=utf-8><title>Shop</title><h1>Shop</h1>
<label>Name <input></label>
<button onclick="document.querySelector('p').textContent =
  'Hello ' + document.querySelector('input').value">Greet</button>
<p></p><a href="http://10.0.0.1/">Inside</a>"""

pytestmark = pytest.mark.skipif(
    installed_program() is None and not os.environ.get("CI"),
    reason="NO CHROMIUM: the browser tools are NOT TESTED",
)


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def port():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@asynccontextmanager
async def browsing_agent(tmp_path, port, *replies):
    browsing = Browsing(policy=AddressPolicy((f"127.0.0.1:{port}",)))
    async with LoopbackModel([*replies, reply(Text("Done."))]) as server:
        async with Agent(
            model="claude-loopback",
            base_url=server.url,
            api_key="x",
            workspace=tmp_path,
            data_dir=tmp_path / "data",
            builtin_tools=("workspace", "browser"),
            approvals="allow",
            tells_date=False,
            services={Browsing: browsing},
        ) as agent:
            try:
                yield agent, server
            finally:
                await browsing.close()
        assert server.refused == []


def calls(*given):
    return reply(*[Call(f"toolu_{n}", name, more) for n, (name, more) in enumerate(given)])


async def test_pages_are_read_typed_into_and_clicked_in_the_order_of_the_reply(tmp_path, port):
    url = f"http://127.0.0.1:{port}/"
    await asyncio.to_thread((tmp_path / "notes.txt").write_text, "milk\n")
    first = calls(("browser_navigate", {"url": url}), ("file_read", {"path": "notes.txt"}))
    second = calls(
        ("browser_type", {"ref": "e4", "text": "Ada"}),
        ("browser_click", {"ref": "e5"}),
        ("browser_read_page", {"find_text": "Hello"}),
    )
    async with browsing_agent(tmp_path, port, first, second) as (agent, _):
        session = await agent.session("s")
        result = await session.ask("Greet.")
        shown = [call.text for call in result.calls]
        assert [call.status for call in result.calls] == ["finished"] * 5, shown
        records = agent._scheduler.records
    assert '- button [ref=e5] "Greet"' in shown[0]
    assert '"Hello Ada"' in shown[3]
    assert '"Hello Ada"' in shown[4]
    assert certify(records).is_serial


async def test_after_an_action_that_failed_the_later_ones_of_the_reply_are_not_done(tmp_path, port):
    first = calls(("browser_navigate", {"url": f"http://127.0.0.1:{port}/"}))
    second = calls(("browser_click", {"ref": "e99"}), ("browser_click", {"ref": "e5"}))
    async with browsing_agent(tmp_path, port, first, second) as (agent, _):
        result = await (await agent.session("s")).ask("Click.")
    assert [call.status for call in result.calls] == ["finished", "failed", "not_executed"]
    assert result.calls[1].text.startswith("stale_ref: ")
    assert result.calls[2].text == "Not executed: an earlier action in this turn failed."


async def test_addresses_of_this_network_are_refused_with_a_code(tmp_path, port):
    first = calls(("browser_navigate", {"url": "http://127.0.0.1:81/"}))
    second = calls(("browser_navigate", {"url": "file:///etc/passwd"}))
    async with browsing_agent(tmp_path, port, first, second) as (agent, _):
        result = await (await agent.session("s")).ask("Go.")
    assert [call.status for call in result.calls] == ["failed", "failed"]
    assert result.calls[0].text.startswith("blocked_by_policy: ")
    assert "has to start with http:// or https://" in result.calls[1].text
