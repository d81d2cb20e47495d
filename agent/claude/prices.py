"""What a reply cost: tokens by kind, and a table of prices that the user can replace.

Prices are US dollars per million tokens of the Claude API, as published in November 2026
(platform.claude.com, "Pricing"); discounts and surcharges (batches, fast mode, regions) are not
counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float
    """Kept for five minutes."""
    cache_write_1h: float
    over: int | None = None
    """Tokens of the prompt above which `long` holds for the whole request."""
    long: "Price | None" = None


def _price(input_: float, output: float, read: float) -> Price:
    return Price(input_, output, input_ * read, input_ * 1.25, input_ * 2)


_HAIKU_5_5 = Price(0.1, 0.5, 0.01, 0.125, 0.2, 100_000, _price(0.5, 2.5, 0.1))

PRICES: Mapping[str, Price] = {
    "claude-fable-5-1": _price(10, 50, 0.025),
    "claude-mythos-5-1": _price(10, 50, 0.025),
    "claude-fable-5": _price(10, 50, 0.1),
    "claude-mythos-5": _price(10, 50, 0.1),
    "claude-opus-5-5": _price(4, 20, 0.05),
    "claude-opus-5": _price(5, 25, 0.1),
    "claude-opus-4-8": _price(5, 25, 0.1),
    "claude-opus-4-7": _price(5, 25, 0.1),
    "claude-opus-4-6": _price(5, 25, 0.1),
    "claude-opus-4-5": _price(5, 25, 0.1),
    "claude-sonnet-5-5": _price(2, 10, 0.05),
    "claude-sonnet-5": _price(2, 10, 0.1),
    "claude-sonnet-4-6": _price(3, 15, 0.1),
    "claude-sonnet-4-5": _price(3, 15, 0.1),
    "claude-haiku-5-5": _HAIKU_5_5,
    "claude-haiku-4-5": _price(1, 5, 0.1),
}
"""By the beginning of the model's name; the longest that fits holds."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more requests, and what they cost."""

    requests: int = 0
    input: int = 0
    """Neither read from a cache nor written to one."""
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    """Kept for five minutes."""
    cache_write_1h: int = 0
    cost: float | None = 0.0
    """US dollars; None when a request was to a model without a known price."""

    def __add__(self, other: "Usage") -> "Usage":
        """Add up; an unknown cost makes the sum's unknown."""
        known = self.cost is not None and other.cost is not None
        sums = {
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in fields(self)
            if field.name != "cost"
        }
        return Usage(**sums, cost=(self.cost or 0) + (other.cost or 0) if known else None)

    @property
    def tokens(self) -> int:
        """All tokens, whatever their price."""
        return self.prompt + self.output

    @property
    def prompt(self) -> int:
        """Tokens that were sent."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_1h


def usage_of(
    reported: Mapping[str, Any], model: str, prices: Mapping[str, Price] = PRICES
) -> Usage:
    """Read one reply's usage as the API reports it; fields that are missing count as 0.

    The tokens of a compaction stand in `iterations` only; they are added.
    """
    parts = [reported, *_compactions(reported.get("iterations"))]
    counted = [_count(part) for part in parts]
    total = sum(counted, Usage())
    price = price_of(model, prices)
    cost = None if price is None else sum(_cost(each, price) for each in counted)
    return Usage(
        1,
        total.input,
        total.output,
        total.cache_read,
        total.cache_write,
        total.cache_write_1h,
        cost,
    )


def price_of(model: str, prices: Mapping[str, Price] = PRICES) -> Price | None:
    """Give the price of a model, or None when the table does not name it."""
    names = [name for name in prices if model == name or model.startswith((f"{name}-", f"{name}["))]
    return prices[max(names, key=len)] if names else None


def _count(part: Mapping[str, Any]) -> Usage:
    written = _number(part, "cache_creation_input_tokens")
    kept_long = _number(part.get("cache_creation") or {}, "ephemeral_1h_input_tokens")
    return Usage(
        0,
        _number(part, "input_tokens"),
        _number(part, "output_tokens"),
        _number(part, "cache_read_input_tokens"),
        max(0, written - kept_long),
        kept_long,
    )


def _cost(used: Usage, price: Price) -> float:
    if price.long is not None and price.over is not None and used.prompt > price.over:
        price = price.long
    dollars = (
        used.input * price.input
        + used.output * price.output
        + used.cache_read * price.cache_read
        + used.cache_write * price.cache_write
        + used.cache_write_1h * price.cache_write_1h
    )
    return dollars / MILLION


def _compactions(iterations: object) -> list[Mapping[str, Any]]:
    parts = iterations if isinstance(iterations, list) else []
    return [part for part in parts if isinstance(part, dict) and part.get("type") == "compaction"]


def _number(part: Mapping[str, Any], name: str) -> int:
    value = part.get(name)
    return value if isinstance(value, int) else 0
