"""Speaking with Claude: what comes in.

Read `sse` (bytes to events), `blocks` (a block as it grows) and `reply` (events to blocks and
confirmed calls). All three are pure: no I/O, no clock, no task.
"""
