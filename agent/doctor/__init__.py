"""What `toolloop doctor` looks at, and in which order; every answer comes with what to do.

`finding` has the values, `shadowing` what would be imported instead of us, `installation` what has
to be there, `browser` what would be started, `configuration` what was set. Nothing is changed, no
value of a secret is read further than whether it is there, and nothing goes over the network unless
that is asked for.

Only `shadowing` and `installation` work where another package has taken the place of one of ours:
so the rest is imported and looked at when it has not.
"""

from collections.abc import Iterator

from agent.doctor import installation, shadowing
from agent.doctor.finding import Finding, Level, Surroundings, note


def examine(around: Surroundings, *, connects: bool = False) -> list[Finding]:
    """Look at everything; `connects` allows one TCP connection to the server."""
    return list(_findings(around, connects=connects))


def _findings(around: Surroundings, *, connects: bool) -> Iterator[Finding]:
    yield from installation.findings(around)
    shadows = list(shadowing.findings(around))
    yield from shadows
    if any(each.level is Level.MISSING for each in shadows):
        yield note("configuration", "not looked at, since what would look is not imported")
        return
    from agent.doctor import browser, configuration  # noqa: PLC0415  (import what may be taken)

    yield from browser.findings(around)
    yield from configuration.findings(around, connects=connects)
