"""What was typed into the chat, kept in a file."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from prompt_toolkit.history import FileHistory, InMemoryHistory, ThreadedHistory

from agent.terminal.asking import understood


class ChatHistory(ThreadedHistory):
    """The lines that were typed, without the answers to questions; read and written by threads.

    Without a file they are kept as long as the chat goes on.
    """

    def __init__(self, file: Path | None) -> None:
        super().__init__(InMemoryHistory() if file is None else FileHistory(str(file)))
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="toolloop-history")

    def append_string(self, string: str) -> None:
        """Take a line in."""
        if understood(string) is None:
            super().append_string(string)

    def store_string(self, string: str) -> None:
        """Write a line to the file."""
        self._writer.submit(super().store_string, string)
