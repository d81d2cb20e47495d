"""A session and its journal: what was said and done, and the file that keeps it.

Must not know how a model is reached or what a tool does.

The file, which knows nothing of what its entries mean: read `lines` (an entry as one line, and what
of a file is whole), `backlog` (what is not known to be on the disk), `disk` (the calls to the
system), `writer` (the threads that make them), `lock` and `network` (opening a file), `stored` (a
file opened, its damaged tail set aside), `journal` (all of that together).

What the entries mean: read `entries`, `history`, `transcript`, `recovery`.
"""
