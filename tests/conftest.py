"""What every test has."""

from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx


@pytest.fixture(autouse=True, scope="session")
def no_blocking_calls() -> Iterator[None]:
    """Fail a test in which our own code blocks an event loop."""
    with blockbuster_ctx(["agent", "prompts", "scheduler", "tools"]) as watcher:
        # A call's resources are fixed when it is submitted, so links are read on the loop.
        watcher.functions["os.readlink"].can_block_in("tools/file_resources.py", "_enter")
        # Relative folders are those of the moment at which an agent is made.
        watcher.functions["os.getcwd"].can_block_in("agent/config.py", "read")
        yield
