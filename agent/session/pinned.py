"""What a session is pinned to, held against what there is today."""

from agent.session.entries import Header
from agent.session.log import SessionLog
from tools.registry import Registry


def changed_tools(header: Header, registry: Registry) -> list[str]:
    """Give the tools whose definitions are not what they were when the session began."""
    now = {tool["name"]: tool for tool in registry.definitions()}
    return [tool["name"] for tool in header.tools if now.get(tool.get("name"), tool) != tool]


def notices(log: SessionLog, header: Header, registry: Registry) -> list[str]:
    """Give what a person should know of a session that was opened."""
    offered = {tool["name"] for tool in header.tools if "input_schema" in tool}
    gone = sorted(offered - {tool.name for tool in registry})
    told = [f"These tools of the session are gone: {', '.join(gone)}."] if gone else []
    if log.unknown_entries:
        told.append(
            f"{log.unknown_entries} entries of its file are of kinds that this version does not "
            "know: a newer one wrote them."
        )
    return told
