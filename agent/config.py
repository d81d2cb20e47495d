"""What an agent is configured with: arguments, and the environment for what is not given."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.claude.client import ClientSettings
from agent.claude.prices import PRICES, Price
from agent.claude.profile import PROFILES, Profile
from agent.claude.retry import RetryLimits
from agent.errors import ConfigurationError
from agent.limits import Limits

ADDRESSES = "TOOLLOOP_ALLOWED_ADDRESSES"

PREVIEW = "TOOLLOOP_PREVIEW"

LANES: Mapping[str, int] = {
    "local_read": 256,
    "local_write": 64,
    "network": 128,
    "shell": 8,
    "browser_read": 32,
    "browser_mutate": 32,
}
"""How many calls of a lane run at a time, over all sessions."""

MAX_TOKENS = 16_000
"""Of a reply, where the server does not tell the model's own limit."""

LONGEST_REPLY = 32_000
"""Tokens of a reply, where the model's own limit is higher."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that is set, with the environment's values filled in."""

    model: str
    workspace: Path
    data_dir: Path
    client: ClientSettings
    system: str | None = None
    """Instead of the role that `prompts` gives."""
    max_tokens: int | None = None
    """Of a reply; None: what the model can, up to `LONGEST_REPLY`."""
    thinking: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further members of each request, as the API takes them."""
    limits: Limits = field(default_factory=Limits)
    lanes: Mapping[str, int] = field(default_factory=lambda: LANES)
    prices: Mapping[str, Price] = field(default_factory=lambda: PRICES)
    prompt_ttl: float = 300.0
    """Seconds for which a built system prompt feeds new sessions."""
    allowed_addresses: tuple[str, ...] = ()
    """That browser and `web_fetch` may reach besides public ones."""
    preview_window: bool = False
    """Whether the preview is shown in a window."""
    tells_date: bool = True
    """Whether a message is preceded by the date, when the session has not been told it."""


def read(
    *,
    model: str | None,
    workspace: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None,
    base_url: str | None,
    api_key: str | None,
    profile: str | Profile | None,
    limits: Limits | None,
    allowed_addresses: Iterable[str] | None = None,
    preview_window: bool | None = None,
    environment: Mapping[str, str] | None = None,
    **others: Any,
) -> Config:
    """Put arguments and environment together.

    Raises:
        ConfigurationError: something is missing or cannot be.
    """
    variables = os.environ if environment is None else environment
    name = model or variables.get("ANTHROPIC_MODEL", "")
    if not name:
        raise ConfigurationError("No model is named: give model=, or set ANTHROPIC_MODEL.")
    server = base_url or variables.get("ANTHROPIC_BASE_URL") or None
    if server is not None and not server.startswith(("http://", "https://")):
        raise ConfigurationError(
            "ANTHROPIC_BASE_URL, or base_url=, is no address: it begins with http:// or https://"
        )
    return Config(
        model=name,
        workspace=Path(workspace).expanduser().absolute(),
        data_dir=Path(data_dir or default_data_dir(variables)).expanduser().absolute(),
        client=ClientSettings(base_url=server, api_key=api_key, profile=_profile(profile)),
        limits=limits or Limits(steps=_steps(variables), retry=RetryLimits()),
        allowed_addresses=_addresses(allowed_addresses, variables),
        preview_window=_window(variables) if preview_window is None else preview_window,
        **{key: value for key, value in others.items() if value is not None},
    )


def options(given: Config) -> dict[str, Any]:
    """Give the arguments of an `Agent` like this one, as JSON, for another process of this machine.

    What answers is told by its name: a model object of the program's own stays here.
    """
    client = given.client
    chosen = {
        "model": given.model,
        "workspace": str(given.workspace),
        "data_dir": str(given.data_dir),
        "base_url": client.base_url,
        "api_key": client.api_key,
        "system": given.system,
        "max_tokens": given.max_tokens,
        "thinking": dict(given.thinking) if given.thinking is not None else None,
        "allowed_addresses": list(given.allowed_addresses),
    }
    return {name: value for name, value in chosen.items() if value is not None}


def default_data_dir(variables: Mapping[str, str]) -> Path:
    """Give the folder for sessions, by the XDG base directory specification."""
    home = variables.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "toolloop"


def _profile(given: str | Profile | None) -> Profile | None:
    if given is None or isinstance(given, Profile):
        return given
    if given not in PROFILES:
        raise ConfigurationError(f"profile: {given!r}; there are {', '.join(PROFILES)}")
    return PROFILES[given]


def _addresses(given: Iterable[str] | None, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Give the addresses that are allowed besides public ones, each known to be one."""
    source = "allowed_addresses" if given is not None else ADDRESSES
    if isinstance(given, str):
        raise ConfigurationError(f"allowed_addresses: {given!r} is one text; give a list")
    listed = variables.get(ADDRESSES, "").split(",") if given is None else given
    found = tuple(entry for each in listed if (entry := each.strip()))
    if found:
        from tools.addresses import AddressPolicy  # noqa: PLC0415  (only where there are some)

        try:
            AddressPolicy(found)
        except ValueError as error:
            raise ConfigurationError(f"{source}: {error}") from error
    return found


def _window(variables: Mapping[str, str]) -> bool:
    text = variables.get(PREVIEW, "")
    if text not in {"", "window"}:
        raise ConfigurationError(f"{PREVIEW}: {text!r}; it is 'window', or not set")
    return bool(text)


def _steps(variables: Mapping[str, str]) -> int:
    text = variables.get("MAX_STEPS", "")
    if not text:
        return Limits().steps
    if not text.isdecimal() or not int(text):
        raise ConfigurationError(f"MAX_STEPS: {text!r} is not a number of requests, 1 or more")
    return int(text)
