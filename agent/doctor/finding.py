"""What is found, and what it is looked for in: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing that is needed is missing."""
    MISSING = "MISSING"
    """Something that is needed is not there, or not as it has to be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer."""

    level: Level
    name: str
    text: str
    fix: str = ""
    """What to do, when there is something to do."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the program runs."""

    environment: Mapping[str, str]
    folder: Path
    """The current one."""
    workspace: Path
    data_dir: Path


def ok(name: str, text: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(Level.OK, name, text)


def note(name: str, text: str, fix: str = "") -> Finding:
    """Say what is worth knowing."""
    return Finding(Level.NOTE, name, text, fix)


def missing(name: str, text: str, fix: str) -> Finding:
    """Say what is needed and not there, and what to do."""
    return Finding(Level.MISSING, name, text, fix)
