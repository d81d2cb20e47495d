"""A browser that was started, or connected to, with the driver that leads to it."""

from typing import TYPE_CHECKING

from tools.browser.driver import Driver
from tools.browser.settings import BrowserSettings
from tools.browser.waiting import done_within

if TYPE_CHECKING:
    from playwright.async_api import Browser


class Running:
    """One driver with one browser. On the owner's loop only."""

    def __init__(
        self, number: int, settings: BrowserSettings, driver: Driver, browser: "Browser"
    ) -> None:
        self.number = number
        """Counts the browsers of a manager, from 1."""
        self.browser = browser
        self._settings = settings
        self._driver = driver
        self._is_lost = False
        self.how = "had ended"
        """What became of it, once it is lost."""

    def __repr__(self) -> str:
        state = "lost" if self.is_lost else "alive"
        return f"<Running {self.number} {state}, {self._driver!r}>"

    @property
    def is_lost(self) -> bool:
        """Whether it is known to be of no use any more.

        A killed driver's browser says of itself that it is connected.
        """
        return self._is_lost or self._driver.has_ended or not self.browser.is_connected()

    def give_up(self, how: str | None = None) -> None:
        """Count it as lost; say how, if it did not just end."""
        self._is_lost = True
        self.how = how or self.how

    async def answers(self) -> bool:
        """Ask the browser through the driver whether both are there."""
        return not self.is_lost and await done_within(self._ask(), self._settings.limits.probe)

    async def _ask(self) -> None:
        session = await self.browser.new_browser_cdp_session()
        await session.send("Browser.getVersion")
        await session.detach()

    async def end(self) -> None:
        """End the browser, or let go of one that is somebody else's. Bounded, does not raise."""
        self._is_lost = True
        await done_within(self.browser.close(), self._settings.limits.close)
        await self._driver.end(self._settings.limits.close)
