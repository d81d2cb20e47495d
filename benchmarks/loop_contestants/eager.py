"""The SDK's tool runner with `run_tools_eagerly`: it stops reading while a call runs."""

from functools import partial

from benchmarks.loop_contestants import runner

connected = partial(runner.connected, eagerly=True)
