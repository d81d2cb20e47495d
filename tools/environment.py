"""The environment of child processes: what a build needs goes in, a secret does not.

Three sieves, in this order: a name must be on the allow-list, must not look like a secret's name,
and its value must not look like a secret. What the caller names explicitly passes all of them.

This keeps secrets out of the environment only: a child still reads the files that its user reads.
"""

import os
import re
from collections.abc import Mapping
from typing import Final

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")

ALLOWED_NAMES: Final = frozenset(
    (
        # who and where
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TMP", "TEMP"),
        # language, time, terminal, display
        *("LANG", "LANGUAGE", "TZ", "TERM", "COLORTERM", "COLUMNS", "LINES"),
        *("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CI", "DISPLAY", "WAYLAND_DISPLAY"),
        # network (a proxy or index with a password in it is stopped by its value)
        *_PROXIES,
        *(name.lower() for name in _PROXIES),
        *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"),
        # compilers and linkers
        *("CC", "CXX", "CPP", "AR", "LD", "RANLIB", "LD_LIBRARY_PATH", "MAKEFLAGS"),
        *("CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "PKG_CONFIG", "PKG_CONFIG_PATH"),
        *("SDKROOT", "DEVELOPER_DIR", "MACOSX_DEPLOYMENT_TARGET"),
        # toolchains
        *("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTEST_ADDOPTS"),
        *("CARGO_HOME", "CARGO_TARGET_DIR", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "RUSTFLAGS"),
        *("GOPATH", "GOROOT", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN"),
        *("JAVA_HOME", "JAVA_OPTS", "M2_HOME", "MAVEN_OPTS", "GRADLE_HOME", "GRADLE_USER_HOME"),
        *("NODE_PATH", "NODE_OPTIONS", "NODE_ENV", "NVM_DIR", "GEM_HOME", "GEM_PATH"),
        *("ANDROID_HOME", "DOTNET_ROOT"),
    ),
)

ALLOWED_PREFIXES: Final = (
    *("LC_", "XDG_", "SSL_CERT_", "DYLD_", "CMAKE_"),
    *("PYTHON", "PYENV_", "PIP_", "UV_", "PLAYWRIGHT_"),
)

_SECRET_NAME: Final = re.compile(
    "KEY|TOKEN|SECRET|PASS|PWD|CREDENTIAL|AUTH|COOKIE|SIGNATURE",
    re.IGNORECASE,
)

_SECRET_VALUE: Final = re.compile(
    r"""
      [a-z][a-z0-9+.-]*://[^/\s@]+@             # a URL with a user or a password in it
    | \bsk-ant-                                 # Anthropic
    | \bsk-proj-                                # OpenAI
    | \b[rs]k_(?:live|test)_                    # Stripe
    | \bgh[oprsu]_[0-9a-z]{16} | \bgithub_pat_  # GitHub
    | \bglpat-                                  # GitLab
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}               # AWS
    | \bAIza[0-9a-z_-]{30}                      # Google
    | \bxox[a-z]-                               # Slack
    | \bnpm_[0-9a-z]{30} | \bpypi-AgE           # package registries
    | \bhf_[0-9a-z]{30}                         # Hugging Face
    | \beyJ[0-9a-z_-]{8,}\.eyJ                  # a JSON web token
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY
    """,
    re.IGNORECASE | re.VERBOSE,
)


def child_environment(
    base: Mapping[str, str],
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the environment for a child process: the harmless part of `base`, then all of `extra`.

    `PATH` loses its relative and empty entries: a program of the folder that the child works in
    must not pass for one of the system's.

    Raises:
        ValueError: a name or value in `extra` that no environment can hold.
    """
    kept = {name: value for name, value in base.items() if _may_pass(name, value)}
    # Without PATH the system's default serves; an empty one would name the working folder.
    if not (path := _absolute_entries(kept.pop("PATH", ""))):
        path = os.defpath
    kept["PATH"] = path
    for name, value in (extra or {}).items():
        _check_entry(name, value)
        kept[name] = value
    return kept


def _may_pass(name: str, value: str) -> bool:
    allowed = name in ALLOWED_NAMES or name.startswith(ALLOWED_PREFIXES)
    return allowed and not _SECRET_NAME.search(name) and not _SECRET_VALUE.search(value)


def _absolute_entries(path: str) -> str:
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if entry.startswith("/"))


def _check_entry(name: str, value: str) -> None:
    if not name or "=" in name or "\0" in name:
        raise ValueError(f"not a name for an environment variable: {name!r}")
    if "\0" in value:
        raise ValueError(f"the value of {name} holds a NUL character, which no variable can hold")
