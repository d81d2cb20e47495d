"""Lines, and what of a file is whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.session.lines import Line, NotAnEntryError, Scan, decode, encode, scan

texts = st.text(st.characters(), max_size=8)  # Halves of characters included.
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip  (a choice reads best on one line)
members = st.dictionaries(texts.filter(lambda name: name not in {"crc", "seq", "safe"}), values)
entries = st.builds(lambda more, kind: {**more, "type": kind}, members, texts)


def file(count: int, safe: int | None = None) -> list[bytes]:
    """Give so many lines; every one is safe before the next, or only the first `safe` are."""
    known = [number if safe is None else min(number, safe) for number in range(count)]
    return [encode(n, known[n], {"type": "t", "text": f"nr {n}"}) for n in range(count)]


def numbers(found: Scan) -> list[str]:
    return [entry["text"] for entry in found.entries]


def merged(value):
    """Let halves of a character that stand side by side be that character, as JSON does."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        case list():
            return [merged(item) for item in value]
        case dict():
            return {merged(name): merged(item) for name, item in value.items()}
    return value


class TestOneLine:
    def test_it_is_the_entry_behind_a_checksum_and_two_numbers(self):
        line = encode(3, 2, {"type": "note", "text": "ä\n\u2028"})
        assert line == (
            '{"crc":"eb011faf","seq":3,"safe":2,"type":"note","text":"ä\\n\u2028"}\n'.encode()
        )
        assert decode(line) == Line(3, 2, {"type": "note", "text": "ä\n\u2028"})

    @given(entries)
    @settings(max_examples=60, deadline=None)
    def test_what_was_encoded_comes_back(self, entry):
        line = decode(encode(7, 5, entry))
        assert line is not None
        assert (line.seq, line.safe) == (7, 5)
        assert merged(line.entry) == merged(entry)

    def test_half_a_character_comes_back_as_it_was(self):
        entry = {"type": "t", "text": "\ud83d and \ude00"}
        assert decode(encode(0, 0, entry)) == Line(0, 0, entry)

    def test_what_is_not_json_is_refused_with_the_reason(self):
        circle: dict[str, object] = {"type": "circle"}
        circle["self"] = circle
        deep: list[object] = []
        for _ in range(100_000):
            deep = [deep]
        for entry, why in [
            ({"type": "t", "x": float("nan")}, "type 't' cannot be written as JSON: Out of range"),
            ({"type": "t", "x": float("inf")}, "Out of range"),
            ({"type": "t", "x": b"x"}, "bytes is not JSON serializable"),
            ({"type": "t", "x": {(1, 2): 3}}, "keys must be str"),
            (circle, "Circular reference"),
            ({"type": "t", "x": deep}, "recursion"),
            ({"type": "t", "crc": 1}, "none of \\['crc', 'safe', 'seq'\\]"),
            ({"type": "t", "seq": 1}, "has the type 't' and the members \\['type', 'seq'\\]"),
            ({"type": "t", "safe": 1}, "none of"),
            ({"text": "x"}, "has a string for its type"),
            ({}, "has a string for its type"),
        ]:
            with pytest.raises(NotAnEntryError, match=why):
                encode(0, 0, entry)

    @pytest.mark.parametrize(
        "line",
        [b"", b"\n", b"{}\n", b'{"crc":"00000000","seq":1}\n', b'{"crc":"00000000",}\n', bytes(99)],
    )
    def test_what_is_no_line_is_none(self, line):
        assert decode(line) is None

    def test_a_line_with_a_right_checksum_over_no_entry_is_none(self):
        assert decode(b'{"crc":"00000000",\n') is None
        assert decode(encode(0, 0, {"type": "t"}).replace(b"\n", b"")) is None


class TestAFile:
    def test_an_empty_one_holds_nothing(self):
        assert scan(b"") == Scan([], 0)

    @given(st.lists(entries, min_size=1, max_size=4), st.booleans())
    @settings(max_examples=20, deadline=None)
    def test_cut_off_anywhere_it_gives_exactly_its_whole_entries(self, entries, synced):
        lines = [encode(n, n if synced else 0, entry) for n, entry in enumerate(entries)]
        expected = [line.entry for line in map(decode, lines) if line]
        data, ends = b"".join(lines), [0]
        for line in lines:
            ends.append(ends[-1] + len(line))
        for cut in range(len(data) + 1):
            whole = sum(end <= cut for end in ends) - 1
            assert scan(data[:cut]) == Scan(expected[:whole], ends[whole], cut - ends[whole])

    def test_any_bit_flipped_where_a_later_line_knows_it_safe_is_damage_of_that_line(self):
        lines = file(4)
        data = b"".join(lines)
        at = 0
        for number, line in enumerate(lines):
            for place in range(at, at + len(line)):
                # Without its newline, a line takes the next one with it, and what that knew.
                known_by = 3 if place < at + len(line) - 1 else 2
                for bit in range(8):
                    broken = bytearray(data)
                    broken[place] ^= 1 << bit
                    found = scan(bytes(broken))
                    assert len(found.entries) == number
                    assert found.good_bytes == at
                    is_known = number < known_by
                    assert found.damage == (number + 1 if is_known else None)
                    assert found.tail == (0 if is_known else len(data) - at)
            at += len(line)

    @given(st.data())
    @settings(deadline=None)
    def test_a_page_lost_where_nothing_was_known_safe_is_a_tail(self, data):
        lines = file(8, safe=3)
        safe, end = sum(map(len, lines[:3])), sum(map(len, lines))
        first = data.draw(st.integers(safe, end - 1))
        last = data.draw(st.integers(first + 1, end))
        page = b"".join(lines)
        found = scan(page[:first] + bytes(last - first) + page[last:])
        whole = sum(sum(map(len, lines[: n + 1])) <= first for n in range(8))
        assert numbers(found) == [f"nr {n}" for n in range(whole)]
        assert found.damage is None
        assert found.tail == end - found.good_bytes

    def test_a_line_that_is_missing_is_damage_where_it_was_safe_and_a_tail_where_not(self):
        safe, unsafe = file(4), file(4, safe=1)
        assert scan(safe[0] + safe[2] + safe[3]).damage == 2
        assert scan(unsafe[0] + unsafe[2] + unsafe[3]).tail == len(unsafe[2] + unsafe[3])

    def test_a_line_that_comes_twice_is_not_the_next(self):
        lines = file(3, safe=0)
        assert numbers(scan(lines[0] + lines[1] + lines[1])) == ["nr 0", "nr 1"]

    def test_lines_behind_garbage_in_lines_of_its_own_are_found(self):
        lines = file(4)
        data = lines[0] + b'garbage\n\n{"crc":"\n' + lines[2] + lines[3]
        assert scan(data) == Scan([{"type": "t", "text": "nr 0"}], len(lines[0]), damage=2)

    @pytest.mark.parametrize("unit", [b"\0", b"\n", b'{"crc":"', b'\n{"crc":"' + b"x" * 500])
    def test_fifty_megabytes_of_garbage_are_a_tail(self, unit):
        line = file(1)[0]
        garbage = unit * (50_000_000 // len(unit))
        assert scan(line + garbage).tail == len(garbage)
