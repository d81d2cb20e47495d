"""What every test has."""

from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx

NOBODYS = (
    *("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "MAX_STEPS"),
    *("BRAVE_API_KEY", "TAVILY_API_KEY", "SERPER_API_KEY", "SEARXNG_URL", "TOOLLOOP_SEARCH"),
)


@pytest.fixture(autouse=True, scope="session")
def folders_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep whoever runs the tests out of them: their rules, their sessions, their key."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        for name in NOBODYS:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_blocking_calls() -> Iterator[None]:
    """Fail a test in which our own code blocks an event loop."""
    with blockbuster_ctx(["agent", "prompts", "scheduler", "tools"]) as watcher:
        # A call's resources are fixed when it is submitted, so links are read on the loop.
        watcher.functions["os.readlink"].can_block_in("tools/file_resources.py", "_enter")
        # Relative folders are those of the moment at which an agent is made.
        watcher.functions["os.getcwd"].can_block_in("agent/config.py", "read")
        # The terminal's last lines are waited for when a chat is left.
        acquire = watcher.functions["threading.Lock.acquire"]
        acquire.can_block_in("prompt_toolkit/patch_stdout.py", "close")
        yield
