"""Listens to a context and its pages, and writes down what happens; answers dialogs at once.

What a listener of Playwright raises comes out of the next call, whoever makes it: so these only
read attributes, and leave what waits or may fail to chores.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from tools.browser.downloads import Downloads
from tools.browser.events import (
    ConsoleLine,
    DialogAnswered,
    DialogKind,
    FailedRequest,
    Logs,
    Navigated,
    TabCrashed,
    page_text,
    page_url,
)
from tools.browser.settings import BrowserSettings
from tools.browser.tab import DialogAnswer, Tab
from tools.browser.waiting import Chores, done_within

if TYPE_CHECKING:
    from playwright.async_api import (
        BrowserContext,
        ConsoleMessage,
        Dialog,
        Download,
        Frame,
        Page,
        Request,
        Response,
        WebError,
    )

FIRST_BAD_STATUS: Final = 400

MOST_EARLY: Final = 20

NO_TAB: Final = "?"
"""Stands for a tab that is not open any more, or not yet."""


class Watcher:
    """Listens for one session."""

    def __init__(
        self,
        logs: Logs,
        chores: Chores,
        tab_of: Callable[["Page | None"], Tab | None],
        session: str,
        settings: BrowserSettings,
    ) -> None:
        self._logs = logs
        self._chores = chores
        self._tab_of = tab_of
        self._session = session
        self._settings = settings
        self.downloads: Final = Downloads(logs.events, chores, settings)
        self._early: dict[str, int] = {}
        """URL and status of documents whose page is not there yet, the latest ones."""

    def __repr__(self) -> str:
        return f"<Watcher of {self._session}>"

    def watch_context(self, context: "BrowserContext", on_page: Callable[["Page"], None]) -> None:
        """Listen to all pages of a context."""
        context.on("page", on_page)
        context.on("dialog", self._dialog)
        context.on("console", self._console)
        context.on("weberror", self._page_error)
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("requestfailed", self._request_failed)

    def watch_page(self, tab: Tab, on_close: Callable[[Tab, "Page"], None]) -> None:
        """Listen to a tab's page for what a context does not tell."""
        page = tab.page
        tab.status = self._early.pop(_without_fragment(page.url), None)
        page.on("close", partial(on_close, tab))
        page.on("crash", partial(self._crash, tab))
        page.on("popup", partial(self._popup, tab))
        page.on("download", partial(self._download, tab))
        page.on("framenavigated", partial(self._navigated, tab, page))

    def _dialog(self, dialog: "Dialog") -> None:
        tab = self._tab_of(dialog.page)
        kind = DialogKind(dialog.type)
        is_asked = kind is not DialogKind.BEFOREUNLOAD and (tab is None or tab.armed is None)
        if self._settings.dialogs == "leave" and is_asked:
            return
        answer = _answer(tab, dialog)
        told = DialogAnswered(
            tab=_id(tab),
            kind=kind,
            message=page_text(dialog.message),
            accepted=answer.accept,
            text=answer.text if kind is DialogKind.PROMPT and answer.accept else None,
        )
        self._logs.events.add(told)
        self._chores.add(self._give(dialog, answer), f"answering {kind} in {told.tab}")

    async def _give(self, dialog: "Dialog", answer: DialogAnswer) -> None:
        given = dialog.accept(answer.text) if answer.accept else dialog.dismiss()
        await done_within(given, self._settings.limits.close)

    def _console(self, message: "ConsoleMessage") -> None:
        where = message.location
        line = ConsoleLine(
            _id(self._tab_of(message.page)),
            page_text(message.type),
            page_text(message.text),
            f"{page_url(where['url'])}:{where['lineNumber'] + 1}",
        )
        self._logs.console.add(line)

    def _page_error(self, error: "WebError") -> None:
        tab = _id(self._tab_of(error.page))
        text = f"{error.error.name or 'thrown'}: {error.error.message}"
        self._logs.console.add(ConsoleLine(tab, "pageerror", page_text(text)))

    def _request(self, request: "Request") -> None:
        tab = self._navigating(request)
        if tab is not None:
            tab.asked(request)

    def _navigating(self, request: "Request") -> Tab | None:
        """Give the tab whose document a request is for."""
        frame = _frame(request) if request.is_navigation_request() else None
        tab = None if frame is None else self._tab_of(frame.page)
        return tab if tab is not None and frame == tab.page.main_frame else None

    def _response(self, response: "Response") -> None:
        request = response.request
        frame = _frame(request)
        tab = None if frame is None else self._tab_of(frame.page)
        if tab is not None and request.is_navigation_request() and frame == tab.page.main_frame:
            tab.answered = (_without_fragment(response.url), response.status)
        if frame is None and request.is_navigation_request():
            self._remember(_without_fragment(response.url), response.status)
        if response.status >= FIRST_BAD_STATUS:
            self._logs.network.add(
                FailedRequest(_id(tab), request.method, page_url(response.url), response.status)
            )

    def _remember(self, url: str, status: int) -> None:
        self._early[url] = status
        if len(self._early) > MOST_EARLY:
            del self._early[next(iter(self._early))]

    def _request_failed(self, request: "Request") -> None:
        frame = _frame(request)
        tab = None if frame is None else self._tab_of(frame.page)
        if tab is not None:
            tab.stays(request)
        why = page_text(request.failure or "it gave no reason")
        self._logs.network.add(
            FailedRequest(_id(tab), request.method, page_url(request.url), None, why)
        )

    def _crash(self, tab: Tab, page: "Page") -> None:
        if tab.page is page:
            tab.crashed.set()
            self._logs.events.add(TabCrashed(tab.id, tab.url))

    def _popup(self, tab: Tab, page: "Page") -> None:
        opened = self._tab_of(page)
        if opened is not None:
            opened.opener = tab.id

    def _download(self, tab: Tab, download: "Download") -> None:
        self.downloads.came(tab.id, download)

    def _navigated(self, tab: Tab, page: "Page", frame: "Frame") -> None:
        if tab.page is not page or frame != page.main_frame:
            return
        tab.came()
        here = _without_fragment(frame.url)
        known = tab.answered is not None and tab.answered[0] == here
        tab.status = tab.answered[1] if tab.answered is not None and known else None
        self._logs.events.add(Navigated(tab.id, page_url(frame.url), tab.status))


def _answer(tab: Tab | None, dialog: "Dialog") -> DialogAnswer:
    if dialog.type == DialogKind.BEFOREUNLOAD:
        return DialogAnswer(accept=True)
    answer = None if tab is None else tab.armed
    if tab is not None:
        tab.armed = None
    if answer is not None and answer.accept and answer.text is None:
        return DialogAnswer(accept=True, text=dialog.default_value)  # as when OK is pressed
    return answer or DialogAnswer(accept=False)


def _frame(request: "Request") -> "Frame | None":
    """Give the frame that asked; None for a service worker, or a page that is not there yet."""
    from playwright.async_api import Error  # noqa: PLC0415  (slow, and imported by now)

    try:
        return request.frame
    except Error:
        return None


def _without_fragment(url: str) -> str:
    return url.partition("#")[0]


def _id(tab: Tab | None) -> str:
    return NO_TAB if tab is None else tab.id
