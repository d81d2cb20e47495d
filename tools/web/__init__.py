"""The web: searching it with several providers at once, and reading a page.

Imports `tools` and `scheduler`. Nothing here imports `httpx` before something is sent.

Read in this order: `query` and `errors` (what is asked, what goes wrong), `providers` (the seam,
and how to add one's own), `json_answers`, `brave`, `tavily`, `serper`, `searxng`; `fallback` (a
result page, read) and `duckduckgo`; `settings` (the environment). Then `merging`, `fan_out`,
`visible` and `listing`. What touches the network: `bodies`, `sending`, `browsing`; reading a page:
`media`, `pages`, `fetching`, `reading_process`, `reading`; `connections`. `client` holds them
together, `tools` offers them.
"""

from tools.web.client import WebClient
from tools.web.fan_out import SearchLimits
from tools.web.providers import Http, OneRequest, Request, SearchProvider
from tools.web.query import Found, Kind, Query, Wishes
from tools.web.settings import SearchSettings
from tools.web.tools import WEB_TOOLS

__all__ = [
    "WEB_TOOLS",
    "Found",
    "Http",
    "Kind",
    "OneRequest",
    "Query",
    "Request",
    "SearchLimits",
    "SearchProvider",
    "SearchSettings",
    "WebClient",
    "Wishes",
]
