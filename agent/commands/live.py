"""What the commands that talk to a model have in common: arguments, and the agent of them."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.commands.command import data_dir, folder

if TYPE_CHECKING:
    from agent.runtime import Agent

KEYS: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")

UNCONFIGURED: Final = """\
toolloop: {missing}

With the Claude API:         export ANTHROPIC_API_KEY=...  ANTHROPIC_MODEL=<a model's name>
With a compatible server     export ANTHROPIC_BASE_URL=http://127.0.0.1:11434
(Ollama, llama.cpp, vLLM):          ANTHROPIC_MODEL=<a model that it serves>
Without either, see it work: toolloop replay first-look
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says who answers, where, and what may be done without a question."""
    parser.add_argument("--model", help="its name (default: $ANTHROPIC_MODEL)")
    parser.add_argument(
        "--workspace", type=folder, default=".", help="the folder that the tools work in"
    )
    parser.add_argument("--session", metavar="NAME", help="go on with it, or begin it")
    data_dir(parser)
    parser.add_argument(
        "--tools",
        metavar="GROUPS",
        default="workspace",
        type=lambda given: tuple(given.split(",")),
        help="what the model has: some of workspace,web,browser,preview (default: workspace)",
    )
    parser.add_argument(
        "--allow-address",
        metavar="HOST[:PORT]",
        action="append",
        dest="allowed_addresses",
        help="what browser and web_fetch may reach besides public addresses; more than once"
        " (default: $TOOLLOOP_ALLOWED_ADDRESSES)",
    )
    parser.add_argument(
        "--record", metavar="FILE", help="record the session, for `toolloop replay` and tests"
    )
    parser.add_argument(
        "--approvals",
        choices=("ask", "allow"),
        default="ask",
        help="what changes something: ask, unless a rule allows it (default); or allow everything",
    )


def missing(terms: argparse.Namespace, variables: Mapping[str, str]) -> str | None:
    """Say what has to be configured before a model can answer; None when nothing has."""
    if not (terms.model or variables.get("ANTHROPIC_MODEL")):
        return "no model is named: give --model, or set ANTHROPIC_MODEL"
    if variables.get("ANTHROPIC_BASE_URL") or any(variables.get(key) for key in KEYS):
        return None
    config = variables.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    if (Path(config) / "anthropic").is_dir():
        return None  # the SDK's own profiles
    return "there is no key for the Claude API, and no compatible server is named"


def check(terms: argparse.Namespace) -> str | None:
    """Give what to print when nothing can answer."""
    what = missing(terms, os.environ)
    return UNCONFIGURED.format(missing=what) if what is not None else None


def agent_of(terms: argparse.Namespace, **more: Any) -> "Agent":
    """Make the agent that the arguments describe."""
    from agent.runtime import Agent  # noqa: PLC0415  (it imports the rest of the package)

    return Agent(
        model=terms.model,
        workspace=terms.workspace,
        data_dir=terms.data_dir,
        approvals=terms.approvals,
        record=terms.record,
        builtin_tools=terms.tools,
        allowed_addresses=terms.allowed_addresses,
        **more,
    )
