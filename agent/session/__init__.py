"""A session and its journal: what was said and done, and the file that keeps it.

The file, which knows nothing of what its entries mean, and imports nothing else of ours but the
errors: read `lines` (an entry as one line, and what of a file is whole), `backlog` (what is not
known to be on the disk), `disk` (the calls to the system), `writer` (the threads that make them),
`lock` and `network` (opening a file), `stored` (a file opened, its damaged tail set aside),
`journal` (all of that together).

What the entries mean: read `entries`, `history`, `transcript`, `recovery`, `log`; then `content`
and `session`. Where sessions are kept: `index`, `files`, `export`.
"""
