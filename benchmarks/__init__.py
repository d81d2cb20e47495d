"""What it costs, side by side with the bare thing in the same run, the garbage collector off.

`make bench` prints every table; `python -m benchmarks overhead` one of them. Single times depend on
the machine; the ratios are what to look at.
"""
