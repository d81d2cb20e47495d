"""What a theme is, while themes are looked for."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Theme:
    """A theme, and the answers that have it."""

    name: str
    description: str
    members: list[int] = field(default_factory=list)
    """Numbers of texts."""


def name_key(name: str) -> str:
    """Give what two names have in common that mean the same theme."""
    return " ".join(name.casefold().split())
