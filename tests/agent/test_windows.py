"""Flow control: what is in flight is counted, jumps included, and lies about it are refused."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from anyon.agent.protocol import WINDOW_BYTES, TooFast, WindowExceeded
from anyon.agent.windows import MAX_GAPS, RateLimit, ReceiveWindow, SendWindow

LIMIT = 64


class BothEnds(RuleBasedStateMachine):
    """A sender and a receiver with a wire between them that delays what it carries."""

    def __init__(self) -> None:
        super().__init__()
        self.sender = SendWindow(LIMIT)
        self.receiver = ReceiveWindow(LIMIT, jumps=True)
        self.wire: list[tuple[int, int]] = []
        self.unread: list[tuple[int, int]] = []
        self.acknowledgements: list[int] = []

    @precondition(lambda self: self.sender.available > 0)
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(1, self.sender.available))
        self.wire.append((self.sender.position, size))
        self.sender.sent(self.sender.position, size)

    @rule(distance=st.integers(1, 1000))
    def drop_bytes(self, distance: int) -> None:
        self.sender.skip_to(self.sender.position + distance)

    @precondition(lambda self: self.wire)
    @rule()
    def deliver(self) -> None:
        offset, size = self.wire.pop(0)
        self.receiver.received(offset, size)
        self.unread.append((offset, size))

    @precondition(lambda self: self.unread)
    @rule()
    def consume(self) -> None:
        offset, size = self.unread.pop(0)
        acknowledgement = self.receiver.consumed(offset + size)
        if acknowledgement is not None:
            self.acknowledgements.append(acknowledgement)

    @precondition(lambda self: self.acknowledgements)
    @rule()
    def acknowledge(self) -> None:
        self.sender.acknowledge(self.acknowledgements.pop(0))

    @invariant()
    def never_more_than_the_window_is_in_flight(self) -> None:
        assert 0 <= self.sender.available <= LIMIT
        assert sum(size for _, size in self.wire + self.unread) <= LIMIT

    @invariant()
    def a_receiver_that_read_everything_keeps_the_sender_going(self) -> None:
        if not (self.wire or self.unread or self.acknowledgements):
            assert self.sender.available > LIMIT // 2


BothEnds.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
test_sender_and_receiver_agree = BothEnds.TestCase


def test_a_sender_that_ignores_its_window_is_stopped() -> None:
    window = SendWindow()
    window.sent(0, WINDOW_BYTES)
    assert window.available == 0
    with pytest.raises(ValueError, match="only 0 may be sent"):
        window.sent(WINDOW_BYTES, 1)


def test_an_acknowledgement_of_bytes_that_were_never_sent_is_refused() -> None:
    window = SendWindow()
    window.sent(0, 10)
    with pytest.raises(WindowExceeded, match="acknowledged offset 11, but only 10 was sent"):
        window.acknowledge(11)


def test_an_old_acknowledgement_changes_nothing() -> None:
    window = SendWindow(LIMIT)
    window.sent(0, 20)
    window.acknowledge(15)
    window.acknowledge(3)
    assert (window.acknowledged, window.available) == (15, LIMIT - 5)


def test_a_part_of_what_was_sent_can_be_acknowledged() -> None:
    window = SendWindow(LIMIT)
    window.sent(0, 10)
    window.skip_to(100)
    window.sent(100, 10)
    window.acknowledge(105)
    assert window.available == LIMIT - 5


def test_a_stream_that_begins_later_counts_from_there() -> None:
    window = SendWindow()
    window.skip_to(1_000_000)
    assert window.acknowledged == 1_000_000


def test_a_receiver_refuses_more_than_its_window() -> None:
    window = ReceiveWindow(LIMIT)
    window.received(0, LIMIT)
    with pytest.raises(WindowExceeded, match=f"{LIMIT + 1} unacknowledged bytes; the limit is {LIMIT}"):
        window.received(LIMIT, 1)


@pytest.mark.parametrize("offset", [4, 6])
def test_input_must_be_contiguous(offset: int) -> None:
    window = ReceiveWindow(LIMIT)
    window.received(0, 5)
    with pytest.raises(WindowExceeded, match=f"data at offset {offset}, expected 5"):
        window.received(offset, 1)


def test_a_stream_of_tiny_pieces_with_gaps_is_refused() -> None:
    window = ReceiveWindow(jumps=True)
    for index in range(MAX_GAPS):
        window.received(index * 2, 1)
    with pytest.raises(WindowExceeded, match="more than 1024 gaps"):
        window.received(MAX_GAPS * 2, 1)


def test_acknowledgements_wait_for_a_quarter_of_the_window() -> None:
    window = ReceiveWindow(LIMIT)
    window.received(0, 40)
    assert window.consumed(15) is None
    assert window.consumed(16) == 16
    assert window.consumed(20) is None


def test_a_rate_allows_a_burst_and_then_so_many_a_second() -> None:
    limit = RateLimit(burst=10, per_second=2)
    limit.take(10, now=0)
    limit.take(2, now=1)
    with pytest.raises(TooFast, match="10 at once and 2 a second"):
        limit.take(1, now=1.25)
    limit.take(10, now=1_000_000)
    with pytest.raises(TooFast):
        limit.take(1, now=1_000_000)
