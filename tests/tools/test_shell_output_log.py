"""Pieces of an output."""

import pytest

from tools.output import Excerpt
from tools.output_log import OutputLog, Piece, narrowed, piece

WHOLE = Excerpt(b"abcdef", b"", 6, 10)
GAP = Excerpt(b"abc", b"xyz", 26, 6)


@pytest.mark.parametrize(
    ("excerpt", "since", "most", "found"),
    [
        (WHOLE, 0, 10, Piece(0, b"abcdef")),
        (WHOLE, 2, 3, Piece(2, b"cde")),
        (WHOLE, 6, 3, Piece(6, b"")),
        (Excerpt(b"abc", b"def", 6, 6), 2, 3, Piece(2, b"cde")),
        (GAP, 0, 10, Piece(0, b"abc")),
        (GAP, 3, 10, Piece(23, b"xyz")),
        (GAP, 10, 2, Piece(23, b"xy")),
        (GAP, 24, 10, Piece(24, b"yz")),
        (GAP, 26, 10, Piece(26, b"")),
        # Characters: one that is not all there, one that never will be, nothing else.
        (Excerpt("aé".encode(), b"", 3, 10), 0, 2, Piece(0, b"a")),
        (Excerpt(b"a\xffb", b"", 3, 10), 0, 2, Piece(0, b"a\xff")),
        (Excerpt(b"\xc3", b"", 1, 10), 0, 5, Piece(0, b"\xc3")),
    ],
)
def test_a_piece_is_what_was_kept_from_a_place_on(
    excerpt: Excerpt, since: int, most: int, found: Piece
):
    assert piece(excerpt, since, most) == found


@pytest.mark.parametrize(
    ("excerpt", "limit", "found"),
    [
        (WHOLE, 6, WHOLE),
        (WHOLE, 3, Excerpt(b"a", b"ef", 6, 3)),
        (Excerpt(b"abc", b"def", 6, 6), 5, Excerpt(b"ab", b"def", 6, 5)),
        (GAP, 4, Excerpt(b"ab", b"yz", 26, 4)),
    ],
)
def test_an_excerpt_can_be_narrowed(excerpt: Excerpt, limit: int, found: Excerpt):
    assert narrowed(excerpt, limit) == found


def test_a_log_tells_that_there_is_more():
    log = OutputLog(4)
    assert not log.arrived.is_set()

    log.feed(b"abcdef")

    assert log.arrived.is_set()
    assert (log.total, log.excerpt()) == (6, Excerpt(b"ab", b"ef", 6, 4))
