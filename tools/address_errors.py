"""What can be wrong with an address that a model gives, or that a page leads to.

```
ToolError
└── AddressError               the address leads nowhere that could be used
    ├── AddressRefusedError    it must not be reached, or cannot be told for sure
    └── UnresolvedError        its name has no address, or none was found in time
```
"""

from typing import Final

from tools.errors import ToolError

_SHOWN: Final = 200
"""Characters of an address that an error shows."""


class AddressError(ToolError):
    """An address cannot be used; the text names it, and says what to do."""


class AddressRefusedError(AddressError):
    """An address is refused: by the policy, or since programs may read it in different ways."""


class UnresolvedError(AddressError):
    """A name has no address."""


def shown(text: str) -> str:
    """Give a text as an error shows it: quoted, in ASCII and not too long."""
    return ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
