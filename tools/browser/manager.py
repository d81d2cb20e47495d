"""The one way to a browser: `BrowserManager.use`.

A manager owns Playwright, the browser and all sessions' contexts on one loop of its own (`owner`).
The rules that it keeps:

- one launch however many ask at once; one that failed is told to all of them, and the next tries
  again; one who is cancelled does not cancel the others;
- every piece of work has a time limit, whatever the page does; a page that does not answer after
  it is replaced in its context;
- nothing is ever repeated here: what a browser or page that ended took with it is told once to
  each session that it concerns, and the next use has a new one;
- work is settled when its task has ended and its page has been told to stop loading;
- `close` leaves no process that was started here, and every one that was not.

Everything public may be called from any thread and loop, and what work is given only by the work.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias, TypeVar

from scheduler import Call
from tools.browser import launching
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.idle import CallLater, Idle, call_later
from tools.browser.owner import Owner, Work
from tools.browser.recovery import Recovery
from tools.browser.running import Running
from tools.browser.session import BrowserSession
from tools.browser.settings import BrowserSettings
from tools.browser.tab import Tab
from tools.browser.waiting import Chores, SingleFlight
from tools.child import in_thread
from tools.guard import GUARD
from tools.threads import to_its_end

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_OPENINGS: Final = 4
"""Sessions that open their contexts at a time: many at once would all take too long."""

TabWork: TypeAlias = Callable[[BrowserSession, Tab], Coroutine[Any, Any, T]]
"""Work in a tab, on the owner's loop. It awaits nothing but the tab's page and what belongs to it.

It may raise Playwright's errors, which are translated, and `BrowserError`s of its own.
"""


class BrowserManager:
    """The browser of an agent: one process, a context for each session."""

    def __init__(
        self, settings: BrowserSettings | None = None, *, later: CallLater = call_later
    ) -> None:
        self.settings: Final = settings or BrowserSettings()
        self._owner = Owner()
        self._sessions: dict[str, BrowserSession] = {}
        self._running: Running | None = None
        self._generation = 0
        self._launch = SingleFlight(self._start)
        self._idle = Idle(self.settings.idle_seconds, self._close_idle, later)
        self._openings = asyncio.Semaphore(MOST_OPENINGS)
        self._chores = Chores()
        self._is_closed = False
        GUARD.open(self)

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else repr(self._running)
        return f"<BrowserManager {state}, {len(self._sessions)} sessions>"

    @property
    def generation(self) -> int:
        """How many browsers have been started."""
        return self._generation

    @property
    def is_running(self) -> bool:
        """Whether there is a browser that is not known to be gone."""
        return self._running is not None and not self._running.is_lost

    def session(self, name: str) -> BrowserSession:
        """Give a session's browser; nothing is opened. Only `use` may touch what is in it."""
        return self._sessions.setdefault(name, BrowserSession(name, self.settings))

    def warm_up(self) -> None:
        """Have the browser started in the background; a failure is told to the next use."""
        if not self._is_closed:
            self._owner.submit(self._warm_up, name="warm-up")

    def use(
        self,
        session: str,
        work: TabWork[T],
        *,
        timeout: float,
        tab: str | None = None,
        call: Call | None = None,
    ) -> Work[T]:
        """Do some work in a session's tab; opens what is not open. `await` gives the result.

        A cancellation of whoever waits is raised at once and crosses to the work; until that has
        settled, `call` keeps its place in the scheduler.

        Args:
            session: Its name.
            work: A coroutine function of the session and the tab; it runs on the owner's loop.
            timeout: Seconds for the work, the start of a browser not counted.
            tab: The tab's id; the active one if left out, and a new one if none is open.
            call: The call that this is done for.

        Raises:
            BrowserError: awaited, it could not be done; see its code.
        """
        if self._is_closed:
            raise BrowserError(BrowserCode.CANCELLED, "The browser is closed for good.")
        done = self._owner.submit(
            self._use, session, work, timeout, tab, name=f"browser work of {session}"
        )
        if call is not None:
            done.when_settled(call.hold(done))
        return done

    async def end_session(self, name: str) -> None:
        """Close a session's context with all its tabs; work in it fails. Bounded.

        A cancellation meanwhile is raised after that.
        """
        if not self._is_closed and name in self._sessions:
            await to_its_end(self._owner.run(self._end_session, name))

    async def close(self) -> None:
        """End everything that was started here, and nothing else. Bounded; harmless twice.

        A cancellation meanwhile is raised after that.
        """
        first, self._is_closed = not self._is_closed, True
        await to_its_end(self._close(ends=first and self._owner.is_started))

    async def _close(self, *, ends: bool) -> None:
        if ends:
            await self._owner.run(self._end)
        await self._owner.close()
        await in_thread(lambda: GUARD.close(self))

    async def _warm_up(self) -> None:
        self._idle.enter()
        try:
            await self._browser()
        except BrowserError as error:
            log.warning("no browser yet: %s", error)
        finally:
            self._idle.leave()

    async def _use(self, name: str, work: TabWork[T], seconds: float, tab_id: str | None) -> T:
        self._idle.enter()
        try:
            session = self.session(name)
            running = await self._browser()
            recovery = Recovery(session, running, self._lose)
            if session.active is None:
                async with self._openings:
                    tab = await recovery.open(tab_id)
            else:
                tab = await recovery.open(tab_id)
            return await recovery.run(work(session, tab), tab, seconds)
        finally:
            self._idle.leave()

    async def _browser(self) -> Running:
        if self._is_closed:
            raise BrowserError(BrowserCode.CANCELLED, "The browser is closed for good.")
        if self._running is not None and self._running.is_lost:
            self._lose(self._running)
        if self._running is not None:
            return self._running
        return await self._launch()

    async def _start(self) -> Running:
        self._running = await launching.start(self.settings, self._generation + 1)
        self._generation += 1
        return self._running

    def _lose(self, running: Running) -> None:
        """Do without a browser from now on; what is left of it is ended in the background."""
        running.give_up()
        if self._running is running:
            self._running = None
            self._chores.add(running.end(), f"ending {running!r}")

    def _close_idle(self) -> None:
        if self._running is not None:
            self._running.give_up(f"was closed after {self.settings.idle_seconds:g} s without use")
            self._lose(self._running)

    async def _end_session(self, name: str) -> None:
        session = self._sessions.pop(name, None)
        if session is not None:
            await session.end()

    async def _end(self) -> None:
        self._idle.stop()
        await self._launch.stop()
        ends = [self._end_session(name) for name in tuple(self._sessions)]
        await asyncio.gather(*ends)
        if self._running is not None:
            self._lose(self._running)
        await self._chores.finish()
