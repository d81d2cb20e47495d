import random
import tracemalloc

import pytest

from tools.output import DEFAULT_LIMIT, CappedBuffer, Excerpt, render


def fed(limit: int, *chunks: bytes) -> CappedBuffer:
    buffer = CappedBuffer(limit)
    for chunk in chunks:
        buffer.feed(chunk)
    return buffer


def test_a_stream_within_the_limit_is_kept_whole():
    excerpt = fed(10, b"01234", b"56789").excerpt()

    assert excerpt == Excerpt(b"01234", b"56789", 10, 10)
    assert excerpt.whole == b"0123456789"
    assert render(excerpt) == "0123456789"


def test_one_byte_over_the_limit_leaves_one_byte_out():
    excerpt = fed(10, b"0123456789X").excerpt()

    assert excerpt == Excerpt(b"01234", b"6789X", 11, 10)
    assert excerpt.left_out == 1
    assert excerpt.whole is None


def test_the_cut_is_announced_with_its_size_on_a_line_of_its_own():
    text = render(fed(10, b"a" * 3_000_000).excerpt())

    assert text == ("aaaaa\n[... 2,999,990 bytes left out: output limit 10 bytes ...]\naaaaa")


@pytest.mark.parametrize("seed", range(20))
def test_however_a_stream_is_divided_the_same_bytes_are_kept(seed: int):
    rng = random.Random(seed)
    limit = rng.randrange(40)
    stream = rng.randbytes(rng.randrange(100))
    chunks, rest = [], stream
    while rest:
        size = rng.randrange(1, 30)
        chunks.append(rest[:size])
        rest = rest[size:]

    excerpt = fed(limit, *chunks).excerpt()

    if len(stream) <= limit:
        assert excerpt.whole == stream
    else:
        assert excerpt.head == stream[: limit // 2]
        assert excerpt.tail == stream[len(stream) - (limit - limit // 2) :]
    assert excerpt.total == len(stream)


def test_an_endless_stream_is_held_in_constant_memory():
    chunk = b"y\n" * 32_768
    buffer = CappedBuffer()
    tracemalloc.start()
    try:
        for _ in range(2_000):
            buffer.feed(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert buffer.kept == DEFAULT_LIMIT
    assert buffer.excerpt().total == 2_000 * len(chunk)
    assert peak < 4 * DEFAULT_LIMIT


def test_a_limit_of_zero_keeps_nothing_and_counts_everything():
    assert fed(0, b"abc", b"de").excerpt() == Excerpt(b"", b"", 5, 0)


def test_a_negative_limit_is_refused():
    with pytest.raises(ValueError, match="0 or more bytes, not -1"):
        CappedBuffer(-1)


def test_undecodable_bytes_become_replacement_characters():
    assert render(fed(10, b"a\xff\xfeb").excerpt()) == "a\N{REPLACEMENT CHARACTER}" * 1 + (
        "\N{REPLACEMENT CHARACTER}b"
    )


@pytest.mark.parametrize("character", ["é", "€", "🙂"])
@pytest.mark.parametrize("limit", range(8, 24))
def test_no_character_is_split_at_the_cut(character: str, limit: int):
    excerpt = fed(limit, (character * 100).encode()).excerpt()

    head, notice, tail = render(excerpt).split("\n")

    assert set(head + tail) <= {character}
    kept = len((head + tail).encode())
    assert f"{100 * len(character.encode()) - kept} bytes left out" in notice


def test_later_bytes_do_not_change_an_excerpt():
    buffer = fed(4, b"abcd")
    excerpt = buffer.excerpt()

    buffer.feed(b"efgh")

    assert excerpt.whole == b"abcd"
    assert repr(buffer) == "<CappedBuffer 4 of 8 bytes kept, limit 4>"
