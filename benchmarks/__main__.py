"""Run the benchmarks named on the command line, or all."""

import sys

from benchmarks import executor, overhead, shapes

BENCHMARKS = {"overhead": overhead.main, "shapes": shapes.main, "executor": executor.main}

names = sys.argv[1:] or list(BENCHMARKS)
unknown = [name for name in names if name not in BENCHMARKS]
if unknown:
    sys.exit(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
for name in names:
    BENCHMARKS[name]()
