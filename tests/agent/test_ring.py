"""The ring keeps the newest bytes and knows where a replay may begin."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anyon.agent.ring import Ring


@given(chunks=st.lists(st.binary(max_size=30), max_size=20), limit=st.integers(1, 50))
def test_the_newest_bytes_are_kept_under_their_offsets(chunks: list[bytes], limit: int) -> None:
    ring, everything = Ring(limit), b"".join(chunks)
    for chunk in chunks:
        ring.append(chunk)
    assert ring.end == len(everything)
    assert ring.end - ring.start <= limit
    assert ring.read(ring.start, limit) == everything[ring.start :]


def test_a_reader_inside_the_ring_misses_nothing() -> None:
    ring = Ring(4)
    ring.append(b"abcdef")
    assert [ring.holds(offset) for offset in (1, 2, 6, 7)] == [False, True, True, False]
    assert ring.read(3, 2) == b"de"


def test_a_young_terminal_is_replayed_from_its_beginning() -> None:
    ring = Ring(100)
    ring.append(b"no newline yet")
    assert ring.safe_start() == 0


def test_a_replay_begins_after_a_newline_when_the_beginning_is_gone() -> None:
    ring = Ring(10)
    ring.append(b"xxxx\x1b[1;31mred\nnext")
    assert ring.read(ring.safe_start(), 10) == b"next"


def test_a_replay_begins_with_the_last_full_clear() -> None:
    ring = Ring(100)
    ring.append(b"old\n\x1b[2Jolder\n\x1b[?1049hnew")
    assert ring.read(ring.safe_start(), 100) == b"\x1b[?1049hnew"


def test_a_ring_without_a_safe_point_is_replayed_from_its_end() -> None:
    ring = Ring(4)
    ring.append(b"abcdefgh")
    assert ring.safe_start() == ring.end
