"""The shape of a request: its fields, their types, and each block by itself."""

import re
from typing import Any

from agent.claude.checking_rules import MAX_MESSAGES, Json, Problems, Rules, is_marked
from agent.claude.checking_tools import breakpoint_problems, choice_of, tool_problems

FIELDS = frozenset(
    """
    billing_policy cache_control compaction container context_management diagnostics
    fallback_credit_token fallbacks inference_geo max_tokens mcp_servers messages metadata model
    output_config output_format service_tier speed stop_sequences stream system thinking thread
    tool_choice tools user_profile_id workspace_id
    """.split()  # noqa: SIM905  (thirty words as a list take thirty lines)
)
"""Those of betas too: which beta allows which is not looked at."""

SAMPLING = frozenset({"temperature", "top_p", "top_k"})

BLOCKS = frozenset(
    """
    advisor_tool_result bash_code_execution_tool_result browser_state code_execution_tool_result
    compaction container_upload document image mcp_tool_listing mcp_tool_result mcp_tool_use
    redacted_thinking search_result server_tool_use text text_editor_code_execution_tool_result
    thinking tool_addition tool_reference tool_removal tool_result tool_search_tool_result
    tool_use web_fetch_tool_result web_search_tool_result
    """.split()  # noqa: SIM905  (thirty words as a list take thirty lines)
)

REQUIRED: dict[str, dict[str, type]] = {
    "text": {"text": str},
    "thinking": {"thinking": str, "signature": str},
    "redacted_thinking": {"data": str},
    "tool_use": {"id": str, "name": str, "input": dict},
    "server_tool_use": {"id": str, "name": str, "input": dict},
    "tool_result": {"tool_use_id": str},
}
"""What a block of a type must have."""

ALLOWED = {
    "text": frozenset({"type", "text", "citations", "cache_control"}),
    "tool_result": frozenset(
        {"type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"}
    ),
}
"""What a block in a user message may have; what the server sent in a reply is not questioned."""

EXPECTED = {str: "string", dict: "dictionary", list: "list", bool: "boolean"}

CALL_ID = re.compile(r"^[a-zA-Z0-9_-]+$")
MIN_BUDGET = 1024

WITH_SAMPLING = re.compile(r"claude-(2|instant|3|(opus|sonnet|haiku)-4-?([0-6](-|$)|20))")
"""Models that took sampling parameters, under the older version."""


def shape_problems(request: Json, rules: Rules) -> Problems:
    """Check what can be said of each part by itself, in the order in which it is read."""
    yield from _fields(request, rules)
    yield from _system(request.get("system"))
    for number, message in enumerate(request["messages"]):
        yield from _message(f"messages.{number}", message, rules)
    yield from tool_problems(request)
    yield from _thinking(request, rules)
    yield from breakpoint_problems(request)


# -- top level ---------------------------------------------------------------------------------


def _fields(request: Json, rules: Rules) -> Problems:
    for name, kind in {"model": str, "max_tokens": int, "messages": list}.items():
        if name not in request:
            yield f"{name}: Field required"
        elif not isinstance(request[name], kind) or isinstance(request[name], bool):
            yield f"{name}: Input should be a valid {EXPECTED.get(kind, 'integer')}"
    for name in sorted(request.keys() - FIELDS):
        if name not in SAMPLING or not rules.is_old:
            yield f"{name}: Extra inputs are not permitted"
        elif request[name] not in (None, 1) and not WITH_SAMPLING.search(request["model"]):
            yield f"`{name}` is deprecated for this model."
    if request["max_tokens"] < 0:
        yield "max_tokens: Input should be greater than or equal to 0"
    if not request["messages"]:
        yield "messages: at least one message is required"
    if (found := len(request["messages"])) > MAX_MESSAGES:
        limit = f"List should have at most {MAX_MESSAGES} items after validation"
        yield f"messages: {limit}, not {found}"


def _system(system: object) -> Problems:
    if not (system is None or isinstance(system, str | list)):
        yield "system: Input does not match the expected shape."
    for number, block in enumerate(system if isinstance(system, list) else ()):
        path = f"system.{number}"
        yield from _block_shape(path, block)
        if block["type"] != "text":
            yield f"{path}.type: Input should be 'text'"
        yield from _text(path, block, "system")


def _thinking(request: Json, rules: Rules) -> Problems:
    thinking = request.get("thinking")
    if not isinstance(thinking, dict) or thinking.get("type") != "enabled":
        return
    path, budget = "thinking.enabled.budget_tokens", thinking.get("budget_tokens")
    if not isinstance(budget, int):
        yield f"{path}: Field required"
    elif budget < MIN_BUDGET:
        yield f"{path}: Input should be greater than or equal to {MIN_BUDGET}"
    elif budget >= request["max_tokens"] and not rules.has_beta("interleaved-thinking"):
        yield "`max_tokens` must be greater than `thinking.budget_tokens`."
    if choice_of(request).get("type") in ("any", "tool"):
        yield "Thinking may not be enabled when tool_choice forces tool use."


# -- messages ----------------------------------------------------------------------------------


def _message(path: str, message: object, rules: Rules) -> Problems:
    if not isinstance(message, dict):
        yield f"{path}: Input does not match the expected shape."
        return
    for name in ("role", "content"):
        if name not in message:
            yield f"{path}.{name}: Field required"
    for name in sorted(message.keys() - {"role", "content"}):
        yield f"{path}.{name}: Extra inputs are not permitted"
    if message["role"] not in ("user", "assistant", "system"):
        yield f"{path}.role: Input should be 'user', 'assistant' or 'system'"
    if not isinstance(message["content"], str | list):
        yield f"{path}.content: Input should be a valid list"
    if isinstance(message["content"], list):
        for number, block in enumerate(message["content"]):
            yield from _block(f"{path}.content.{number}", block, message["role"], rules)


def _block(path: str, block: Any, role: str, rules: Rules) -> Problems:
    yield from _block_shape(path, block)
    kind = block["type"]
    is_refused = kind == "fallback" and not rules.has_beta("server-side-fallback")
    if is_refused or (kind not in BLOCKS and role != "assistant"):
        expected = ", ".join(f"'{name}'" for name in sorted(BLOCKS))
        yield (
            f"{path}: Input tag '{kind}' found using 'type' does not match any of the expected "
            f"tags: {expected}"
        )
    if role == "user" and kind in {"tool_use", "thinking", "redacted_thinking"}:
        yield f"{path}: `{kind}` blocks can only be in `assistant` messages"
    if role == "assistant" and kind == "tool_result":
        yield f"{path}: `tool_result` blocks can only be in `user` messages"
    if role != "assistant" and kind in ALLOWED:
        for name in sorted(block.keys() - ALLOWED[kind]):
            yield f"{path}.{kind}.{name}: Extra inputs are not permitted"
    if not rules.is_old:
        yield from _dropped(path, block, role)
    yield from CHECKS.get(kind, _nothing)(path, block, role)


def _block_shape(path: str, block: Any) -> Problems:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        yield f"{path}: Input does not match the expected shape."
    for name, kind in REQUIRED.get(block["type"], {}).items():
        if name not in block:
            yield f"{path}.{block['type']}.{name}: Field required"
        elif not isinstance(block[name], kind):
            yield f"{path}.{block['type']}.{name}: Input should be a valid {EXPECTED[kind]}"


def _dropped(path: str, block: Json, role: str) -> Problems:
    """Check what the newer version no longer takes; its exact words are not known."""
    if role == "assistant" and block["type"] == "document":
        yield f"{path}: `document` blocks can only be in `user` messages"
    if role == "user" and block["type"] == "text" and block.get("citations"):
        yield f"{path}.text.citations: Extra inputs are not permitted"


def _text(path: str, block: Json, role: str) -> Problems:
    where = "system" if role == "system" and path.startswith("system") else "messages"
    if not block["text"] and is_marked(block):
        yield f"{path}.text: cache_control cannot be set for empty text blocks"
    if not block["text"]:
        yield f"{where}: text content blocks must be non-empty"
    if role == "user" and not block["text"].strip():  # a reply's own blank text may come back
        yield f"{where}: text content blocks must contain non-whitespace text"


def _thought(path: str, block: Json, role: str) -> Problems:
    del role
    if "cache_control" in block:
        yield f"{path}.{block['type']}.cache_control: Extra inputs are not permitted"
    if block.get("signature") == "":
        yield f"{path}: Invalid `signature` in `thinking` block"


def _call(path: str, block: Json, role: str) -> Problems:
    del role
    if not CALL_ID.match(block["id"]):
        yield f"{path}.tool_use.id: String should match pattern '{CALL_ID.pattern}'"
    if not block["name"]:
        yield f"{path}.tool_use.name: String should have at least 1 character"


def _result(path: str, block: Json, role: str) -> Problems:
    content = block.get("content")
    if not (content is None or isinstance(content, str | list)):
        yield f"{path}.tool_result.content: Input should be a valid list"
    for number, part in enumerate(content if isinstance(content, list) else ()):
        inner = f"{path}.tool_result.content.{number}"
        yield from _block_shape(inner, part)
        if part["type"] == "text":
            yield from _text(inner, part, "result" if role == "user" else role)
        elif block.get("is_error") and part["type"] == "image":
            yield f'{path}.tool_result: all content must be type "text" if "is_error" is true'


def _nothing(path: str, block: Json, role: str) -> Problems:
    del path, block, role
    return iter(())


CHECKS = {
    "text": _text,
    "thinking": _thought,
    "redacted_thinking": _thought,
    "tool_use": _call,
    "tool_result": _result,
}
