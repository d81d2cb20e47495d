"""The short text that says how a job went wrong, for people and for a model that asks.

It names the exception, its message, and the innermost place in the job's own code. What looks like
a secret of this process is taken out: the text is stored, and shown.
"""

import os
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any, Final

from agent.jobs.context import JobStopError

LONGEST_ERROR: Final = 2_000
"""Characters."""

_SHORTEST_SECRET: Final = 8
_SECRET_NAMES: Final = ("KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH", "COOKIE")
_OURS: Final = ("attempt", "child", "light")


def described(error: BaseException, options: Mapping[str, Any]) -> str:
    """Name an exception, its text and its place, whatever its own `__str__` does.

    The key among an agent's options is taken for a secret as well.
    """
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (a description must not fail)
        text = "(its text cannot be had)"
    name = type(error).__name__
    said = f"{name}: {text}" if text else name
    key = options.get("api_key")
    if isinstance(key, str) and key:
        said = said.replace(key, "[api_key]")
    return shortened(without_secrets(whole(said))) + _place(error)


def is_giving_up(error: BaseException) -> bool:
    """Say whether an exception is what was raised inside a job to stop it, and nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(JobStopError)[1] is None
    return isinstance(error, JobStopError)


def whole(text: str) -> str:
    """Replace halves of characters, which not every reader takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shortened(text: str) -> str:
    """Cut a text that is too long, and say so."""
    if len(text) <= LONGEST_ERROR:
        return text
    return f"{text[:LONGEST_ERROR]} [... {len(text) - LONGEST_ERROR:,} characters left out]"


def without_secrets(text: str) -> str:
    """Take out the values of environment variables that are named as secrets are."""
    for name, value in os.environ.items():
        is_secret = any(part in name.upper() for part in _SECRET_NAMES)
        if is_secret and len(value) >= _SHORTEST_SECRET and value in text:
            text = text.replace(value, f"[{name}]")
    return text


def _place(error: BaseException) -> str:
    places = [each for each in _frames(error) if _is_own(each[0])]
    if not places:
        return ""
    code, line = places[-1]
    return f" (in {Path(code.co_filename).name}, line {line}, in {code.co_name})"


def _frames(error: BaseException) -> Iterator[tuple[CodeType, int]]:
    step = error.__traceback__
    while step is not None:
        yield step.tb_frame.f_code, step.tb_lineno
        step = step.tb_next


def _is_own(code: CodeType) -> bool:
    """Say whether code is neither the standard library's, nor a package's, nor what runs jobs."""
    path = Path(code.co_filename)
    if path.parent == Path(__file__).parent and path.name.startswith(_OURS):
        return False
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    foreign = (sysconfig.get_path(name) for name in names)
    return path.is_absolute() and not any(path.is_relative_to(each) for each in foreign)
