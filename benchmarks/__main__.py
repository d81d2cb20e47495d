"""Run the benchmarks named on the command line, or all."""

import sys

from benchmarks import (
    behaviors,
    browser_peers,
    egress,
    executor,
    jobs,
    loop,
    overhead,
    shapes,
    tree,
    workflows,
)
from benchmarks.miniwob import report as miniwob

BENCHMARKS = {
    "overhead": overhead.main,
    "shapes": shapes.main,
    "executor": executor.main,
    "loop": loop.main,
    "tree": tree.main,
    "egress": egress.main,
    "browser_peers": browser_peers.main,
    "workflows": workflows.main,
    "jobs": jobs.main,
    "behaviors": behaviors.main,
    "miniwob": miniwob.main,
}

names = [name for name in sys.argv[1:] if not name.startswith("--")] or list(BENCHMARKS)
unknown = [name for name in names if name not in BENCHMARKS]
if unknown:
    sys.exit(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
for name in names:
    BENCHMARKS[name]()
