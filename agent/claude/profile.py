"""What a server understands: the Claude API everything, compatible servers the stable core."""

from dataclasses import dataclass
from urllib.parse import urlsplit

API = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True)
class Profile:
    """What may be sent to a server."""

    name: str
    has_cache: bool
    """Whether it takes cache markers."""
    has_betas: bool
    """Whether it takes what stands behind a beta header, such as compaction."""
    has_limits: bool
    """Whether it tells a model's limits."""
    needs_key: bool


CLAUDE = Profile("claude", has_cache=True, has_betas=True, has_limits=True, needs_key=True)

COMPATIBLE = Profile(
    "compatible", has_cache=False, has_betas=False, has_limits=False, needs_key=False
)
"""Ollama, llama.cpp, vLLM, LM Studio, LiteLLM and others: nothing that they do not know."""

PROFILES = {profile.name: profile for profile in (CLAUDE, COMPATIBLE)}


def profile_of(base_url: str | None) -> Profile:
    """Tell the profile by the server's host."""
    host = urlsplit(base_url or API).hostname or ""
    is_claude = host == "anthropic.com" or host.endswith(".anthropic.com")
    return CLAUDE if is_claude else COMPATIBLE
