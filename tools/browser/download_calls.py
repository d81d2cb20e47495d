"""What a tool adds to an action that downloads files: where they go, and the wait for them."""

from typing import Final

from scheduler import Access
from tools.browser.acting import Action, Hand
from tools.browser.saving import Destination
from tools.context import ToolContext
from tools.declaration import Arguments
from tools.file_resources import file_resources
from tools.tool_classes import Place, browser_resource
from tools.workspace import Workspace

FOLDER: Final = "downloads"
"""Of the workspace, for what is downloaded."""


def touched(arguments: Arguments, place: Place) -> Access:
    """Say what a call touches whose argument `download` says whether it saves files."""
    browser = frozenset((browser_resource(place.session),))
    if not arguments["download"]:
        return Access(writes=browser)
    return Access(writes=browser | file_resources(place.workspace, FOLDER, place.unsettled))


def saving(context: ToolContext, action: Action) -> Action:
    """Do something that downloads files, and save all of them before going on."""

    async def both(hand: Hand) -> str | None:
        to = Destination(Workspace(context.workspace), FOLDER)
        async with hand.session.downloads.allowed(hand.tab.page, to) as receiving:
            told = await action(hand)
            missing = await receiving.over(hand.activity)
            return "\n".join(filter(None, (told, missing))) or None

    return both
