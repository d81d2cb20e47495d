"""The browser tools, in the order in which a model is told of them."""

from typing import Any, Final

from tools.base import Tool
from tools.browser.clicking import CLICKING
from tools.browser.navigating import NAVIGATING
from tools.browser.reading_pages import READING
from tools.browser.typing_in import TYPING
from tools.browser.uploading import UPLOADING

BROWSER_TOOLS: Final[tuple[Tool[..., Any], ...]] = (
    *NAVIGATING,
    *READING,
    *CLICKING,
    *TYPING,
    *UPLOADING,
)
