"""The judges that an agent can have."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from agent.approvals import rules_file
from agent.approvals.addresses import addresses_in, host_and_port
from agent.approvals.commands import command_in
from agent.approvals.paths import is_guess, touches_files
from agent.approvals.patterns import escaped
from agent.approvals.rules import ACTIONS, Action, Rule, decide
from agent.approvals.verdicts import Approvals, Ask, Denied, Judged, Verdict
from agent.errors import ConfigurationError
from tools.tool_classes import Effect


class AllowAll:
    """Allows every call, except of a tool that says otherwise itself."""

    def __repr__(self) -> str:
        return "<AllowAll>"

    def judge(self, call: Judged) -> Verdict:
        """See `Approvals.judge`."""
        return _by_action(call.tool.approval or "allow", call)


class ByTool:
    """Judges by the tool's name; what is not named is as the tool says, or allowed."""

    def __init__(self, judgements: Mapping[str, Action]) -> None:
        self._judgements = dict(judgements)
        for name, judgement in self._judgements.items():
            if judgement not in ACTIONS:
                raise ConfigurationError(
                    f"approvals: {name!r} is {judgement!r}; a tool is one of {', '.join(ACTIONS)}"
                )

    def __repr__(self) -> str:
        return f"<ByTool {self._judgements}>"

    def judge(self, call: Judged) -> Verdict:
        """See `Approvals.judge`."""
        return _by_action(self._judgements.get(call.tool.name, call.tool.approval or "allow"), call)


_PLAIN_TOOL: Final = {
    "allow": "",
    "ask": "the tool itself asks for it",
    "deny": "the tool {} is not allowed in this session",
}


def _by_action(action: Action, call: Judged) -> Verdict:
    text = _PLAIN_TOOL[action].format(call.tool.name)
    return {"allow": None, "ask": Ask(text), "deny": Denied(text)}[action]


class RuleBook:
    """Judges by rules: those that it is given, and those of a file that it adds to.

    Where no rule decides, what the tool itself says does; then a tool without an effect is allowed,
    and one with an effect is asked about, unless its name is in `trusted`.

    Args:
        rules: that hold beside those of the file.
        file: where rules are kept; without one, what a person allows for good holds as long as
            this object.
        trusted: names of tools that need no question.
    """

    def __init__(
        self, rules: Sequence[Rule] = (), *, file: Path | None = None, trusted: Sequence[str] = ()
    ) -> None:
        self.file = file
        self.rules = [*rules, *(rules_file.load(file) if file is not None else ())]
        self._trusted = frozenset(trusted)
        self._watchers: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<RuleBook {len(self.rules)} rules, {self.file or 'no file'}>"

    def judge(self, call: Judged) -> Verdict:
        """See `Approvals.judge`."""
        found = decide(self.rules, call) if self.rules else None
        if found is None:
            return self._unruled(call)
        action, rule = found
        match action:
            case "deny":
                return Denied(f"a rule of the user says: {rule}")
            case "ask" if rule.action == "deny":
                return Ask(f"it may be what a rule is about: {rule}")
            case "ask":
                return Ask(f"a rule says: {rule}")
            case "allow":
                return None

    def _unruled(self, call: Judged) -> Verdict:
        if call.tool.approval is not None:
            return _by_action(call.tool.approval, call)
        if call.tool.effect is Effect.NONE or call.tool.name in self._trusted:
            return None
        return Ask(f"{call.tool.name} changes something, and no rule allows it")

    def proposal(self, call: Judged) -> str:
        """See `Remembering.proposal`."""
        return str(self._remembered(call) or "")

    async def remember(self, call: Judged) -> None:
        """See `Remembering.remember`.

        Raises:
            ConfigurationError: no rule can say it; or the file cannot be written, and the rule
                holds until the program ends.
        """
        rule = self._remembered(call)
        if rule is None:
            raise ConfigurationError(f"no rule can allow calls of {call.tool.name} like this one")
        if rule in self.rules:
            return
        self.rules.append(rule)
        for changed in [*self._watchers]:
            changed()
        if self.file is not None:
            await asyncio.to_thread(rules_file.append, self.file, rule)

    def _remembered(self, call: Judged) -> Rule | None:
        """Give the narrowest rule under which a call like this one runs without a question."""
        rules = (rule for rule in _narrow(call) if rules_file.can_hold(rule))
        return next((rule for rule in rules if self._would_allow(rule, call)), None)

    def _would_allow(self, rule: Rule, call: Judged) -> bool:
        found = decide([*self.rules, rule], call)
        return found is not None and found[0] == "allow"

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """See `Remembering.watch`."""
        self._watchers.append(changed)
        return lambda: self._watchers.remove(changed)


def _narrow(call: Judged) -> Iterator[Rule]:
    """Give rules about calls like this one in this workspace, the narrowest first."""
    command, given = command_in(call.input), addresses_in(call.input)
    hosts = {host_and_port(address) for address in given}
    host = hosts.pop() if len(hosts) == 1 else None
    if (given and host is None) or (command is not None and not command.strip()):
        return  # it can only be allowed together with others that a person has not seen
    rule = Rule(
        "allow",
        escaped(call.tool.name),
        command=None if command is None else escaped(command),
        address=None if host is None else f"{host[0]}:{host[1]}",
        workspace=os.fspath(call.workspace),
    )
    if is_guess(call) or not touches_files(call):
        yield rule
        return
    path = call.input.get("path")
    if isinstance(path, str) and path.strip():
        yield replace(rule, path=escaped(path))
    yield replace(rule, path="**")


def default_file(variables: Mapping[str, str]) -> Path:
    """Give the file for rules, by the XDG base directory specification."""
    home = variables.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "toolloop" / "approvals.toml"


def chosen(
    given: str | Mapping[str, Action] | Approvals | None, file: Path, own: Sequence[str]
) -> Approvals:
    """Give the judge that was asked for; None asks, but not about tools of the program's own.

    Raises:
        ConfigurationError: there is no such, or the rules cannot be read.
    """
    match given:
        case "allow":
            return AllowAll()
        case None:
            return RuleBook(file=file, trusted=own)
        case "ask":
            return RuleBook(file=file)
        case str():
            raise ConfigurationError(
                f"approvals: {given!r}; it is 'allow', 'ask', a mapping of tools, or a judge"
            )
        case Mapping():
            return ByTool(given)
        case _:
            return given
