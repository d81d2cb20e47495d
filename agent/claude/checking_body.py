"""The bytes of a request: strict JSON, as the API reads it."""

import json
from typing import Any


def parsed(raw: bytes) -> Any:
    """Parse a body strictly: no NaN, no half of a surrogate pair.

    Raises:
        ValueError: it is not JSON; the text is that of the API's error.
    """
    try:
        value = json.loads(raw, parse_constant=_refuse)
        if b"\\ud" in raw.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The request body is not valid JSON: {error}") from None
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
