"""Calls to be judged, of a few tools of each kind."""

from agent.approvals.verdicts import Judged
from scheduler import EVERYTHING, Access
from tools import ToolClass, tool
from tools.tool_classes import Place


@tool(ToolClass.LOCAL_READ, path="path")
async def read(path: str = ".") -> str:
    """Read a file, or all files of a folder."""
    return path


@tool(ToolClass.LOCAL_WRITE, path="path")
async def write(path: str) -> str:
    """Write a file."""
    return path


@tool(ToolClass.LOCAL_WRITE, path=("source", "target"))
async def move(source: str, target: str) -> str:
    """Move a file."""
    return source + target


@tool(ToolClass.SHELL)
async def shell(command: str, folder: str = ".") -> str:
    """Run a command."""
    return command + folder


@tool(ToolClass.SHELL)
async def run_tests(path: str = "") -> str:
    """Run tests."""
    return path


@tool(ToolClass.NETWORK)
async def fetch(url: str) -> str:
    """Look at an address."""
    return url


@tool(ToolClass.NETWORK, path="path")
async def download(url: str, path: str) -> str:
    """Write what is at an address into a file."""
    return url + path


@tool()
async def foreign(path: str = "", paths: list[str] | None = None, text: str = "") -> str:
    """Do nobody knows what."""
    return f"{path}{paths}{text}"


@tool(access=lambda given: Access(writes=frozenset({("thing", given["name"])})))
async def deploy(name: str) -> str:
    """Change something that is no file."""
    return name


@tool(ToolClass.LOCAL_READ, access=lambda _: EVERYTHING)
async def anything(path: str) -> str:
    """Say of itself that it touches everything."""
    return path


def judged(tool, workspace, **given):
    return Judged(tool, given, tool.parse(given), Place("s", workspace))
