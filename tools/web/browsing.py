"""Searching with a browser, for when no provider answers.

It is not known here what a browser is: `FetchPage` opens an address in a context that is thrown
away, never in a session's own, and gives the page's HTML once it is loaded.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from tools.errors import ToolError
from tools.web.fallback import TOLD, pages_of, read_result_page
from tools.web.fan_out import Answers
from tools.web.query import Query

_log = logging.getLogger(__name__)

FetchPage: TypeAlias = Callable[[str], Awaitable[str]]
"""Gives the HTML of an address. Raises what it likes."""

SECONDS: Final = 15.0
"""For one page."""


async def search_by_browser(fetch_page: FetchPage, query: Query) -> Answers:
    """Look at one search engine's page after the other, until one is an answer."""
    answers = Answers()
    for engine, url in pages_of(query):
        name = f"{engine} in a browser"
        try:
            async with asyncio.timeout(SECONDS):
                html = await fetch_page(url)
                page = await asyncio.to_thread(read_result_page, html)
        except TimeoutError:
            answers.failures[name] = f"no page within {SECONDS:g} s"
        except ToolError as error:
            answers.failures[name] = str(error)
        except Exception:  # noqa: BLE001  (whatever a browser raises; the next page may do)
            _log.exception("a browser did not show the results of %s", engine)
            answers.failures[name] = "the browser failed with an error, which is logged"
        else:
            if page.outcome not in TOLD:
                answers.found[name] = page.found
                return answers
            answers.failures[name] = TOLD[page.outcome]
    return answers
