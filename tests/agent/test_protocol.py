"""Frames: any split of the bytes gives the same ones, and nothing large is ever waited for."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyon.agent import protocol
from anyon.agent.protocol import Decoder, Frame, Kind

KINDS = st.sampled_from(sorted(Kind))


@st.composite
def frames(draw: st.DrawFn) -> list[Frame]:
    found = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(KINDS)
        found.append(
            Frame(kind, draw(st.integers(0, 2**32 - 1)), draw(st.binary(max_size=min(40, protocol.LIMITS[kind]))))
        )
    return found


def wire_of(sent: list[Frame]) -> bytes:
    return b"".join(protocol.encode(*frame) for frame in sent)


def decode(wire: bytes, cuts: list[int]) -> list[Frame]:
    decoder = Decoder()
    received: list[Frame] = []
    edges = [0, *sorted({min(cut, len(wire)) for cut in cuts}), len(wire)]
    for begin, end in pairwise(edges):
        received += decoder.feed(wire[begin:end])
    return received


@given(sent=frames(), cuts=st.lists(st.integers(0, 400), max_size=20))
def test_any_split_of_the_bytes_gives_the_same_frames(sent: list[Frame], cuts: list[int]) -> None:
    assert decode(wire_of(sent), cuts) == sent


@given(noise=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=5))
def test_arbitrary_bytes_give_frames_or_a_violation_and_nothing_else(noise: bytes, cuts: list[int]) -> None:
    received: list[Frame] = []
    with suppress(protocol.ProtocolViolation):
        received = decode(noise, cuts)
    assert len(wire_of(received)) <= len(noise)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_frame_above_its_limit_is_refused_from_the_header_alone(kind: Kind) -> None:
    limit = protocol.LIMITS[kind]
    header = (limit + 1).to_bytes(4, "big") + bytes([kind]) + bytes(4)
    with pytest.raises(
        protocol.FrameTooLarge, match=f"{limit + 1} bytes is larger than the limit of {limit}"
    ) as refusal:
        list(Decoder().feed(header))
    assert (refusal.value.kind, refusal.value.size, refusal.value.limit) == (kind, limit + 1, limit)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_frame_at_its_limit_passes(kind: Kind) -> None:
    frame = Frame(kind, 7, bytes(protocol.LIMITS[kind]))
    assert decode(protocol.encode(*frame), [3, 9]) == [frame]


def test_frames_before_a_violation_are_given() -> None:
    wire = protocol.encode(Kind.PING, 0, b"12345678") + bytes(4) + b"\xff" + bytes(4)
    received = Decoder().feed(wire)
    assert next(received) == Frame(Kind.PING, 0, b"12345678")
    with pytest.raises(protocol.UnknownKind, match="255 is no kind of frame"):
        next(received)


def test_a_sender_does_not_produce_what_its_peer_refuses() -> None:
    with pytest.raises(protocol.FrameTooLarge):
        protocol.encode_data(1, 0, bytes(protocol.MAX_DATA_BYTES + 1))
    with pytest.raises(protocol.FrameTooLarge):
        protocol.encode_json(Kind.OPEN, 1, {"stdin": "x" * protocol.MAX_JSON_BYTES})


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(), st.none(), st.booleans()), max_size=5))
def test_an_object_comes_back_as_it_was_sent(value: dict[str, Any]) -> None:
    (frame,) = Decoder().feed(protocol.encode_json(Kind.EVENT, 3, value))
    assert frame.json() == value


def test_file_names_that_are_no_utf8_survive() -> None:
    name = b"caf\xe9".decode(errors="surrogateescape")
    (frame,) = Decoder().feed(protocol.encode_json(Kind.CLOSE, 1, {"name": name}))
    assert frame.json() == {"name": name}


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"1", b'"x"', b'{"a":NaN}', b"\xff", b"[" * 100_000, b"1" * 5000]
)
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(protocol.BadPayload, match=r"OPEN frame is not"):
        Frame(Kind.OPEN, 1, payload).json()


def test_data_and_acknowledgements_carry_offsets() -> None:
    data, ack = Decoder().feed(protocol.encode_data(4, 2**40, b"xyz") + protocol.encode_ack(4, 2**40 + 3))
    assert data.data() == (2**40, b"xyz")
    assert ack.offset() == 2**40 + 3


def test_offsets_of_the_wrong_size_are_refused() -> None:
    with pytest.raises(protocol.BadPayload, match="shorter than its offset"):
        Frame(Kind.DATA, 1, b"1234567").data()
    with pytest.raises(protocol.BadPayload, match="is 7 bytes instead of 8"):
        Frame(Kind.ACK, 1, b"1234567").offset()
