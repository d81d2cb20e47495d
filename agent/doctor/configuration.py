"""What is configured: the model, its server, the key, the folders and the rules.

Of a key only whether it is there is told, and of a server's address neither user nor password.
"""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from agent import config
from agent.approvals.policies import default_file
from agent.approvals.rules_file import load
from agent.claude import sdk
from agent.claude.client import ClientSettings
from agent.claude.profile import API, profile_of
from agent.doctor.finding import Finding, Surroundings, missing, note, ok
from agent.errors import ConfigurationError
from agent.session.network import on_network

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
CONNECT = 5.0
"""Seconds that a server has to accept a connection."""

PORTS = {"http": 80, "https": 443}

NO_KEY = (
    "Set ANTHROPIC_API_KEY, or point ANTHROPIC_BASE_URL to a server that needs none, such as "
    "http://127.0.0.1:11434 for Ollama."
)


def findings(around: Surroundings, *, connects: bool) -> Iterator[Finding]:
    """Look at what is set, and what it leads to."""
    yield _model(around)
    yield from _settings(around)
    yield from _server(around, connects=connects)
    yield _data_dir(around)
    yield from _network(around.data_dir)
    yield _workspace(around)
    yield _rules(around)
    yield _search(around)
    yield from _addresses(around)


def _model(around: Surroundings) -> Finding:
    name = around.environment.get("ANTHROPIC_MODEL", "")
    if name:
        return ok("model", name)
    return missing("model", "none is named", "Set ANTHROPIC_MODEL, or give --model or model=.")


def _settings(around: Surroundings) -> Iterator[Finding]:
    """Read the environment as an agent does."""
    try:
        config.read(
            model="any",
            workspace=around.workspace,
            data_dir=around.data_dir,
            base_url=None,
            api_key=None,
            profile=None,
            limits=None,
            environment=around.environment,
        )
    except ConfigurationError as error:
        yield missing("settings", str(error), "Correct it, or unset it.")


# -- the server --------------------------------------------------------------------------------


def _server(around: Surroundings, *, connects: bool) -> Iterator[Finding]:
    given = around.environment.get("ANTHROPIC_BASE_URL") or None
    url = _parsed(given or API)
    if url is None:
        yield missing(
            "server",
            "ANTHROPIC_BASE_URL is no address of a server",
            "Write it like http://127.0.0.1:11434 or https://api.example.com.",
        )
        return
    yield ok("server", _shown(url) if given else f"{_shown(url)} (ANTHROPIC_BASE_URL is not set)")
    yield _key(around, given)
    if connects:
        yield _connection(url)


def _parsed(text: str) -> SplitResult | None:
    """Read a server's address; None when it is none."""
    try:
        url = urlsplit(text)
        is_good = url.scheme in PORTS and bool(url.hostname) and url.port != 0
    except ValueError:
        return None
    return url if is_good else None


def _shown(url: SplitResult) -> str:
    """Give an address without what may be a secret in it."""
    host = f"[{url.hostname}]" if ":" in str(url.hostname) else url.hostname
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme}://{host}{port}{url.path}"


def _key(around: Surroundings, base_url: str | None) -> Finding:
    held = [name for name in KEYS if around.environment.get(name)]
    if any(around.environment[name] != around.environment[name].strip() for name in held):
        text = f"{' and '.join(held)} begins or ends with white space"
        return missing("key", text, "Set it again, without the line end or blank.")
    if held:
        return ok("key", f"{' and '.join(held)} {'is' if len(held) == 1 else 'are'} set")
    server = profile_of(base_url)
    if not server.needs_key:
        return ok("key", "none is set, and this server needs none")
    settings = ClientSettings(base_url)
    try:
        found = sdk.build(base_url, None, server, settings.connect, settings.keep_alive)
    except ConfigurationError:
        return missing("key", "the credentials that the SDK finds cannot be used", NO_KEY)
    if found.has_key:
        return ok("key", "the SDK's own configuration has credentials")
    return missing("key", "there is none", NO_KEY)


def _connection(url: SplitResult) -> Finding:
    address = (str(url.hostname), url.port or PORTS[url.scheme])
    try:
        with socket.create_connection(address, timeout=CONNECT):
            return ok("connection", f"{_shown(url)} accepts connections")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it does not answer"
        return missing(
            "connection",
            f"{_shown(url)} cannot be reached: {reason}",
            "Start the server, correct ANTHROPIC_BASE_URL, or look at the network.",
        )


# -- folders -----------------------------------------------------------------------------------


def _data_dir(around: Surroundings) -> Finding:
    folder = around.data_dir
    fix = "Give --data-dir or TOOLLOOP_DATA_DIR a folder that you may write in."
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if not there.is_dir():
        return missing("data folder", f"{there} is not a folder", fix)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        text = f"{folder} cannot be written: {there}: {error.strerror}"
        return missing("data folder", text, fix)
    return ok("data folder", f"{folder}{'' if there == folder else ' (made at first use)'}")


def _network(folder: Path) -> Iterator[Finding]:
    import psutil  # noqa: PLC0415  (slow to import)

    try:
        mounts = psutil.disk_partitions(all=True)
    except (OSError, psutil.Error):
        return
    if on_network(folder, mounts):
        yield note(
            "data folder",
            f"{folder} lies on a network file system, where locks and syncs may not hold",
            "Keep it on a disk of this machine.",
        )


def _workspace(around: Surroundings) -> Finding:
    if around.workspace.is_dir():
        return ok("workspace", str(around.workspace))
    text = f"{around.workspace} is not a folder"
    return missing("workspace", text, "Give --workspace a folder that is there.")


def _rules(around: Surroundings) -> Finding:
    file = default_file(around.environment)
    try:
        rules = load(file)
    except ConfigurationError as error:
        return missing("approvals", str(error), f"Correct {file}, or remove it.")
    if not file.exists():
        return ok("approvals", f"no rules: there is no {file}")
    return ok("approvals", f"{len(rules)} rules in {file}")


# -- the web -----------------------------------------------------------------------------------


def _search(around: Surroundings) -> Finding:
    from tools.web.settings import SearchSettings  # noqa: PLC0415  (it imports the providers)

    try:
        asked = SearchSettings.from_environment(around.environment).order
    except ValueError as error:
        return missing("web search", str(error), "Correct it, or unset it.")
    if not asked:
        return note("web search", "no provider is asked: TOOLLOOP_SEARCH is none")
    return ok("web search", f"asks {', '.join(asked)}")


def _addresses(around: Surroundings) -> Iterator[Finding]:
    allowed = around.environment.get(config.ADDRESSES, "")
    if allowed:
        yield ok("addresses", f"besides public ones, {allowed} may be reached")
