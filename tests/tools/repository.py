"""A real git repository for the tests, and a program that shows when it has been run."""

import os
import subprocess
from pathlib import Path


class Repository:
    """A repository with one commit of `a.txt`, made with plain git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("a.txt", "one\n")
        self.commit("first")

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run plain git, as a person would; a failure counts only where its output is used."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )
        return done.stdout.decode(errors="replace")

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-gpg-sign", "--message", message)

    def configure(self, text: str, file: str = ".git/config") -> None:
        with (self.folder / file).open("a") as config:
            config.write(f"{text}\n")

    def make_stale(self, path: str = "a.txt") -> None:
        """Let a file look changed, so that git must read it to know, and would note that it did."""
        file = self.folder / path
        os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns + 10**9))


class Trap:
    """A program that leaves a trace when it runs."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._trace = folder / "trace"
        self.program = folder / "program"
        self.program.write_text(f"#!/bin/sh\ntouch '{self._trace}'\n")
        self.program.chmod(0o755)

    def sprung(self) -> bool:
        """Tell whether it has run, and set it again."""
        ran = self._trace.exists()
        self._trace.unlink(missing_ok=True)
        return ran
