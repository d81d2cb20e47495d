"""What the command line can do: a module each, which `agent.cli` puts together.

A command imports what is slow when it runs, not before: `toolloop --help` is at once.
"""
