"""One rule, and how several are weighed: pure, but for a few lstat calls.

The rules about rules:

- a rule is about the calls that fit all that it names; what it does not name is any;
- a denial wins over everything; between asking and allowing, the rules that name a path, a command
  or an address win over those that do not, and asking wins among equals;
- a rule that allows is about what surely fits it; one that denies becomes a question where it only
  may fit: a search of a whole folder may touch a file in it;
- where a tool does not say what it touches, anything may fit. That is no question when a rule
  allows this very tool or, of a shell, commands like this one; and where a rule allows just this
  command, letter by letter, nothing that only may fit is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Literal, TypeAlias

from agent.approvals import addresses, commands, paths
from agent.approvals.patterns import ANYTHING, Fit, has_wildcard, is_like
from agent.approvals.verdicts import Judged
from agent.errors import ConfigurationError
from tools.file_resources import workspace_resource

Action: TypeAlias = Literal["allow", "ask", "deny"]

ACTIONS: Final = ("deny", "ask", "allow")
"""The one that wins first."""


@dataclass(frozen=True, slots=True)
class Rule:
    r"""What may be done with calls of a kind.

    In each member but the workspace, `*` stands for any characters, and `\*` for a star.

    Raises:
        ConfigurationError: a member is what it cannot be.
    """

    action: Action
    tool: str | None = None
    """The tool's name."""
    path: str | None = None
    """Relative to the workspace, or absolute, or from `~`; `*` stays within a name, `**` stands for
    any folders. What is below it belongs to it."""
    command: str | None = None
    """See `commands.is_allowed_by` and `commands.caught_by`."""
    address: str | None = None
    """A host, with a port if it is to be that one only."""
    workspace: str | None = None
    """The folder in which the rule holds; everywhere if left out."""

    def __post_init__(self) -> None:
        """See that a typing mistake does not make a rule that is about nothing."""
        if self.action not in ACTIONS:
            raise ConfigurationError(f"its action is one of {', '.join(ACTIONS)}")
        for name in MEMBERS:
            value: object = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value.strip()):
                raise ConfigurationError(f"{name} is a text that is not blank, not {value!r}")
        if self.address is not None and not addresses.is_pattern(self.address):
            raise ConfigurationError(
                f"address {self.address!r} is no host: write it without scheme and path, such as "
                "'docs.python.org', '*.python.org' or 'localhost:8080'"
            )
        if self.workspace is not None and not Path(paths.expanded(self.workspace)).is_absolute():
            raise ConfigurationError(f"workspace {self.workspace!r} is no absolute path")

    @property
    def is_special(self) -> bool:
        """Whether it names more than a tool."""
        return not (self.path is self.command is self.address is None)

    def __str__(self) -> str:
        """Write it as a person says it."""
        special = [
            f"{name} {value!r}"
            for name in ("command", "path", "address")
            if (value := getattr(self, name)) is not None
        ]
        tool = "any tool" if self.tool in {None, ANYTHING} else self.tool
        about = f" with {', '.join(special)}" if special else ""
        return f"{self.action} {tool}{about}{f' in {self.workspace}' if self.workspace else ''}"

    def about(self, call: Judged) -> Fit:
        """Say how far it is about a call."""
        least = Fit.SURE
        for fit in self._fits(call):
            least = min(least, fit)
            if least is Fit.NO:
                break
        return least

    def _fits(self, call: Judged) -> Iterator[Fit]:
        yield Fit.SURE if self._is_here(call) else Fit.NO
        if self.tool is not None:
            yield Fit.SURE if is_like(self.tool, call.tool.name) else Fit.NO
        if self.command is not None:
            yield self._about_command(self.command, call)
        if self.address is not None:
            yield self._about_address(self.address, call)
        if self.path is not None:
            about = paths.allowed if self.action == "allow" else paths.caught
            yield about(call, self.path)

    def _is_here(self, call: Judged) -> bool:
        if self.workspace is None:
            return True
        named = Path(paths.expanded(self.workspace))
        if self.action == "allow":
            return named == call.workspace
        return workspace_resource(named) == workspace_resource(call.workspace)

    def _about_command(self, pattern: str, call: Judged) -> Fit:
        command = commands.command_in(call.input)
        if command is None:
            return Fit.NO
        if self.action == "allow":
            return Fit.SURE if commands.is_allowed_by(pattern, command) else Fit.NO
        return commands.caught_by(pattern, command)

    def _about_address(self, pattern: str, call: Judged) -> Fit:
        found = [addresses.about(pattern, each) for each in addresses.addresses_in(call.input)]
        if self.action == "allow":
            return Fit.SURE if min(found, default=Fit.NO) is Fit.SURE else Fit.NO
        return max(found, default=Fit.NO)

    def settles(self, call: Judged) -> Fit:
        """Say how far others may fit a call that it allows, without a question being asked."""
        if self.action != "allow" or self.about(call) is not Fit.SURE:
            return Fit.NO
        if self.command is not None:
            named = Fit.GUESS if has_wildcard(self.command) else Fit.MAYBE
            return Fit.NO if self.command == ANYTHING else named
        is_tool = self.tool is not None and not has_wildcard(self.tool)
        return Fit.GUESS if is_tool and commands.command_in(call.input) is None else Fit.NO


MEMBERS: Final = tuple(each.name for each in fields(Rule) if each.name != "action")


def decide(rules: Sequence[Rule], call: Judged) -> tuple[Action, Rule] | None:
    """Give what the rules say of a call, and the one that decides; None when none is about it."""
    fits = [(rule, fit) for rule in rules if (fit := rule.about(call)) is not Fit.NO]
    settled = max((rule.settles(call) for rule, _ in fits), default=Fit.NO)
    found = [
        (_action(rule, fit), rule)
        for rule, fit in fits
        if fit is Fit.SURE or (fit > settled and rule.action != "allow")
    ]
    return min(found, key=_rank, default=None)


def _action(rule: Rule, fit: Fit) -> Action:
    return rule.action if fit is Fit.SURE else "ask"


def _rank(found: tuple[Action, Rule]) -> tuple[bool, bool, int]:
    action, rule = found
    return action != "deny", not rule.is_special, ACTIONS.index(action)
