"""The tools that an agent has of its own, by group."""

from collections.abc import Collection, Iterable
from typing import Any, Final, Literal, TypeAlias, get_args

from agent.errors import ConfigurationError
from tools.base import Tool

Group: TypeAlias = Literal["workspace", "web", "browser", "preview", "workflows", "jobs"]

GROUPS: Final[tuple[Group, ...]] = get_args(Group)


def chosen_groups(given: bool | Collection[Group]) -> tuple[Group, ...]:
    """Give the groups that were asked for; True is the workspace's.

    Raises:
        ConfigurationError: there is no such group.
    """
    if isinstance(given, bool):
        return GROUPS[:given]
    unknown = [each for each in given if each not in GROUPS]
    if unknown or isinstance(given, str):
        raise ConfigurationError(
            f"builtin_tools: {given!r}; it is True, False, or some of {', '.join(GROUPS)}"
        )
    return tuple(each for each in GROUPS if each in given)


def tools_of(groups: Iterable[Group]) -> list[Tool[..., Any]]:
    """Give the tools of groups; what they are made of is imported here."""
    found: list[Tool[..., Any]] = []
    for group in groups:
        match group:
            case "workspace":
                from tools.workspace_tools import workspace_tools  # noqa: PLC0415  (see above)

                found += workspace_tools()
            case "web":
                from tools.web import WEB_TOOLS  # noqa: PLC0415  (see above)

                found += WEB_TOOLS
            case "browser":
                from tools.browser.tools import BROWSER_TOOLS  # noqa: PLC0415  (see above)

                found += BROWSER_TOOLS
            case "preview":
                from tools.preview import PREVIEW_TOOLS  # noqa: PLC0415  (see above)

                found += PREVIEW_TOOLS
            case "jobs":
                from tools.job_tools import JOB_TOOLS  # noqa: PLC0415  (see above)

                found += JOB_TOOLS
            case "workflows":
                from tools.workflow_tools import WORKFLOW_TOOLS  # noqa: PLC0415  (see above)

                found += WORKFLOW_TOOLS
    return found
