"""The tools of a request, and its cache breakpoints."""

import re
from collections.abc import Iterator

from agent.claude.checking_rules import (
    MAX_BREAKPOINTS,
    Json,
    Problems,
    as_object,
    blocks_of,
    is_marked,
)

TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
MAX_TOOL_NAME = 128


def tool_problems(request: Json) -> Problems:
    """Check the definitions of the tools, and that a tool that is asked for is there."""
    tools = request.get("tools") or []
    if not isinstance(tools, list):
        yield "tools: Input should be a valid list"
    for number, tool in enumerate(tools):
        if not isinstance(tool, dict):
            yield f"tools.{number}: Input does not match the expected shape."
        if tool.get("type") in (None, "custom"):
            yield from _custom_tool(f"tools.{number}.custom", tool)
    names = [str(tool["name"]) for tool in tools if "name" in tool]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."
    choice = choice_of(request)
    if choice.get("type") == "tool" and choice.get("name") not in names:
        yield f"Tool '{choice.get('name')}' not found in provided tools"


def choice_of(request: Json) -> Json:
    """Give the tool choice, empty when there is none."""
    return as_object(request.get("tool_choice"))


def _custom_tool(path: str, tool: Json) -> Problems:
    for name in ("name", "input_schema"):
        if name not in tool:
            yield f"{path}.{name}: Field required"
    if len(str(tool["name"])) > MAX_TOOL_NAME:
        yield f"{path}.name: String should have at most {MAX_TOOL_NAME} characters"
    if not TOOL_NAME.match(str(tool["name"])):
        yield f"{path}.name: String should match pattern '{TOOL_NAME.pattern}'"
    schema = tool["input_schema"]
    if not isinstance(schema, dict):
        yield f"{path}.input_schema: Input does not match the expected shape."
    if "type" not in schema:
        yield f"{path}.input_schema.type: Field required"
    if schema["type"] != "object":
        yield f"{path}.input_schema.type: Input should be 'object'"


def breakpoint_problems(request: Json) -> Problems:
    """Check how many cache breakpoints there are, and that long-lived ones come first."""
    marks = list(_marks(request))
    if len(marks) > MAX_BREAKPOINTS:
        yield (
            f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. "
            f"Found {len(marks)}."
        )
    for path, mark in marks:
        if mark.get("type") != "ephemeral":
            yield f"{path}.cache_control: Input does not match the expected shape."
    ttls = [mark.get("ttl", "5m") for _, mark in marks]
    for number, (path, _) in enumerate(marks):
        if ttls[number] == "1h" and "5m" in ttls[:number]:
            yield (
                f"{path}.cache_control.ttl: a ttl='1h' cache_control block must not come after a "
                "ttl='5m' cache_control block. Note that blocks are processed in the following "
                "order: `tools`, `system`, `messages`."
            )


def _marks(request: Json) -> Iterator[tuple[str, Json]]:
    """Give the breakpoints and where they are, in the order in which the prompt is read."""
    for path, block in _places(request):
        for inner in (*blocks_of(block.get("content")), block):
            if is_marked(inner):
                yield path, as_object(inner["cache_control"])
    if is_marked(request):
        yield "top", as_object(request["cache_control"])


def _places(request: Json) -> Iterator[tuple[str, Json]]:
    for name in ("tools", "system"):
        if isinstance(request.get(name), list):
            yield from ((f"{name}.{number}", block) for number, block in enumerate(request[name]))
    for number, message in enumerate(request["messages"]):
        for place, block in enumerate(blocks_of(message["content"])):
            yield f"messages.{number}.content.{place}", block
