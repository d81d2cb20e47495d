"""The guard of a process: ends that process's programs if it is killed. Run as a script.

It reads which trees run from its standard input, a pipe that only the guarded process holds. When
that is at its end, the process is gone, killed or not: whatever trees are left are ended, and then
so is the guard. It is told by `guard`, line by line: `+ mark leader since` or `- mark`.

It is started in Python's isolated mode: what it imports comes from the standard library, from the
site's packages and from where this file is, whatever the environment and the working folder say.
"""

import signal
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

GRACE_SECONDS: Final = 2.0
"""Between the polite signal and the one that cannot be refused."""

_MOST_THREADS: Final = 16


def main() -> None:
    """Guard until the process is gone."""
    # Only the end of the pipe ends it: whoever signals all that the process started spares it.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with ThreadPoolExecutor(_MOST_THREADS) as threads:
        # Beside the reading, since a full pipe is taken for a guard that hangs; and not after it,
        # since what is on the disk may be another version by then, or gone.
        end = threads.submit(_ending)
        trees = _read(sys.stdin)
        list(threads.map(end.result(), trees))


def _read(lines: Iterable[str]) -> list[tuple[str, int, float]]:
    """Take in what is told until there is no more; give the trees that are left."""
    trees: dict[str, tuple[str, int, float]] = {}
    for line in lines:
        match line.split():
            case ["+", mark, leader, since]:
                trees[mark] = (mark, int(leader), float(since))
            case ["-", mark]:
                trees.pop(mark, None)
    return list(trees.values())


def _ending() -> Callable[[tuple[str, int, float]], object]:
    """Import what ends a tree."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from tools.process_members import Tree  # noqa: PLC0415  (found by the path set above)
    from tools.process_tree import end_tree  # noqa: PLC0415  (as above)

    def end(told: tuple[str, int, float]) -> object:
        mark, leader, since = told
        return end_tree(Tree(leader, mark, since), detached=True, grace=GRACE_SECONDS)

    return end


if __name__ == "__main__":
    main()
