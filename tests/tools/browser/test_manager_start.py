"""How a browser comes up: one for all who ask, or a clear word why there is none."""

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from tools.browser import driver as driver_module
from tools.browser import launching
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.manager import BrowserManager
from tools.browser.settings import BrowserSettings, TimeLimits

from .conftest import SECONDS, becomes_true, running


async def tab_id(session, tab):
    return session.name, tab.id


async def test_twenty_first_calls_at_once_start_one_browser(managers, marked):
    manager = managers()
    names = [f"s{number}" for number in range(20)]
    opened = await asyncio.gather(*(manager.use(name, tab_id, timeout=SECONDS) for name in names))
    assert opened == [(name, "t1") for name in names]
    assert len(marked.browsers()) == len(marked.drivers()) == 1
    assert len(running(manager).browser.contexts) == 20


async def test_calls_of_one_session_at_once_open_one_tab(managers):
    manager = managers()
    opened = await asyncio.gather(*(manager.use("a", tab_id, timeout=SECONDS) for _ in range(5)))
    assert opened == [("a", "t1")] * 5
    assert len(running(manager).browser.contexts) == 1


async def test_a_failed_start_is_told_to_all_who_waited_and_the_next_call_tries_again(
    managers, tmp_path, chromium
):
    late = tmp_path / "chromium"
    manager = managers(executable=late)
    calls = [manager.use(f"s{number}", tab_id, timeout=SECONDS) for number in range(3)]
    errors = await asyncio.gather(*calls, return_exceptions=True)
    why = f"There is no Chromium at executable={late}. {launching.INSTALL}"
    assert [error.message for error in errors] == [why] * 3
    assert str(errors[0]) == (
        f"browser_unavailable: {why} Go on without a browser, or tell the user."
    )
    late.symlink_to(chromium)
    assert await manager.use("s0", tab_id, timeout=SECONDS) == ("s0", "t1")


async def test_a_browser_that_is_not_there_leaves_no_folder(managers, tmp_path, monkeypatch):
    """Playwright makes the profile's folder before it looks for the program."""
    folder = tmp_path / "temporary"
    await asyncio.to_thread(folder.mkdir)
    monkeypatch.setenv("TMPDIR", str(folder))
    with pytest.raises(BrowserError, match="There is no Chromium"):
        await managers(executable=tmp_path / "none").use("a", tab_id, timeout=SECONDS)
    assert await asyncio.to_thread(lambda: list(folder.glob("*profile*"))) == []


async def test_without_any_browser_it_is_told_how_to_get_one(managers, tmp_path, monkeypatch):
    monkeypatch.setattr(driver_module, "installed_program", lambda: None)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    with pytest.raises(BrowserError) as told:
        await managers(executable=None).use("a", tab_id, timeout=SECONDS)
    assert told.value.message == f"There is no Chromium. {launching.INSTALL}"


async def test_a_first_caller_that_is_cancelled_does_not_cancel_the_others(managers, marked):
    manager = managers()
    first = asyncio.ensure_future(manager.use("a", tab_id, timeout=SECONDS).result())
    assert await asyncio.to_thread(becomes_true, marked.drivers)
    second = manager.use("b", tab_id, timeout=SECONDS)
    first.cancel()
    assert await second == ("b", "t1")
    assert first.cancelled()
    assert len(marked.browsers()) == 1
    assert len(running(manager).browser.contexts) == 1  # None of the cancelled one's.


async def test_a_browser_that_was_warmed_up_is_the_one_that_is_used(managers, marked):
    manager = managers()
    manager.warm_up()
    assert await manager.use("a", tab_id, timeout=SECONDS) == ("a", "t1")
    assert len(marked.browsers()) == manager.generation == 1


async def test_a_warm_up_that_fails_disturbs_nobody(managers, tmp_path, caplog):
    manager = managers(executable=tmp_path / "missing")
    manager.warm_up()
    with pytest.raises(BrowserError, match="There is no Chromium"):
        await manager.use("a", tab_id, timeout=SECONDS)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_program_that_is_no_browser_is_told_with_its_reason(managers, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    with pytest.raises(BrowserError, match=r"The browser did not start: .*closed") as told:
        await managers(executable=program).use("a", tab_id, timeout=SECONDS)
    assert "\n" not in str(told.value)


async def test_a_program_that_never_says_anything_is_given_up_and_ended(managers, tmp_path, marked):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 1234\n")
    program.chmod(0o700)
    manager = managers(executable=program, limits=TimeLimits(launch=1.0, close=1.0))
    with pytest.raises(BrowserError) as told:
        await manager.use("a", tab_id, timeout=SECONDS)
    assert told.value.code is BrowserCode.BROWSER_UNAVAILABLE
    assert marked.drivers() == []
    assert "sleep 1234" not in marked.processes().values()


async def test_the_browser_gets_no_secret_of_this_process(managers, marked, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    await managers().use("a", tab_id, timeout=SECONDS)
    (browser,) = marked.browsers()
    assert "ANTHROPIC_API_KEY" not in psutil.Process(browser).environ()


@pytest.mark.parametrize(
    ("said", "is_root", "arguments"),
    [(None, True, 1), (None, False, 0), (True, False, 0), (False, False, 1)],
)
async def test_the_sandbox_is_off_for_root_or_on_demand_only(monkeypatch, said, is_root, arguments):
    given = {}

    class Chromium:
        async def launch(self, **options):
            given.update(options)

    class Playwright:
        chromium = Chromium()

    monkeypatch.setattr(driver_module, "_is_root", lambda: is_root)
    driver = driver_module.Driver()
    settings = BrowserSettings(executable=Path(sys.executable), sandbox=said)
    await driver.launch(Playwright(), settings)
    await driver.end(1)
    assert given["chromium_sandbox"] is not bool(arguments)


async def test_a_sandbox_that_cannot_work_is_told_with_what_to_do(managers):
    if not driver_module._is_root():
        pytest.skip("only root is refused a sandbox by every Chromium")
    with pytest.raises(BrowserError, match=r"sandbox does not work .*\(sandbox=False\)"):
        await managers(sandbox=True).use("a", tab_id, timeout=SECONDS)


@pytest.mark.usefixtures("nothing_is_left")
async def test_a_manager_that_was_never_used_has_nothing_to_close():
    manager = BrowserManager()
    await manager.close()
    with pytest.raises(BrowserError, match="closed for good"):
        manager.use("a", tab_id, timeout=SECONDS)
    manager.warm_up()
    assert repr(manager) == "<BrowserManager closed, 0 sessions>"
