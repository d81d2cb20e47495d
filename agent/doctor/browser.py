"""The browser that the browser tools start."""

import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from agent.doctor.finding import Finding, Surroundings, missing, ok
from tools.browser.settings import PROGRAMS


def findings(around: Surroundings) -> Iterator[Finding]:
    """Look for the browser that is started: one on PATH, or else Playwright's own."""
    try:
        version = metadata.version("playwright")
    except metadata.PackageNotFoundError:
        return
    folder = _browsers_folder(around)
    builds = sorted(each.name for each in folder.glob("chromium*-*")) if folder.is_dir() else []
    path = around.environment.get("PATH", "")
    system = next((found for each in PROGRAMS if (found := shutil.which(each, path=path))), None)
    if system is not None:
        yield ok("browser", f"playwright {version}, {system} of the system")
    elif builds:
        yield ok("browser", f"playwright {version}, {folder / builds[-1]}")
    else:
        fix = "Install one: python -m playwright install chromium"
        yield missing("browser", f"playwright {version} is installed, and no browser for it", fix)


def _browsers_folder(around: Surroundings) -> Path:
    """Give the folder that Playwright keeps its browsers in."""
    given = around.environment.get("PLAYWRIGHT_BROWSERS_PATH", "")
    if given not in {"", "0"}:
        return Path(given)
    home = Path(around.environment.get("HOME") or Path.home())
    caches = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return caches / "ms-playwright"
