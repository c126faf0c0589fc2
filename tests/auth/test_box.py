"""The box for stored credentials."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies

from anyon.auth import SecretBox, SecretUnreadable
from anyon.ids import new_id

ANN = new_id()
OLD, NEW = b"o" * 32, b"n" * 32
texts = strategies.text(strategies.characters(exclude_categories=["Cs"]))


@given(name=texts, value=texts)
def test_what_was_sealed_comes_out_and_its_plain_text_does_not_show(name: str, value: str) -> None:
    box = SecretBox({1: OLD})
    sealed = box.seal(ANN, name, value)
    assert box.open(ANN, name, sealed.ciphertext) == value
    assert len(sealed.ciphertext) == 4 + 12 + len(value.encode()) + 16
    if len(value.encode()) > 3:
        assert value.encode() not in sealed.ciphertext


def test_sealing_twice_gives_different_bytes() -> None:
    box = SecretBox({1: OLD})
    assert box.seal(ANN, "K", "v").ciphertext != box.seal(ANN, "K", "v").ciphertext


@given(data=strategies.data())
def test_any_changed_bit_is_noticed(data: strategies.DataObject) -> None:
    box = SecretBox({1: OLD, 0: NEW})
    sealed = bytearray(box.seal(ANN, "API_KEY", "secret").ciphertext)
    bit = data.draw(strategies.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SecretUnreadable, match="API_KEY"):
        box.open(ANN, "API_KEY", bytes(sealed))


@given(length=strategies.integers(0, 37))
def test_a_shortened_credential_is_noticed(length: int) -> None:
    box = SecretBox({1: OLD})
    with pytest.raises(SecretUnreadable):
        box.open(ANN, "K", box.seal(ANN, "K", "secret").ciphertext[:length])


def test_a_credential_opens_for_its_user_and_name_only() -> None:
    box = SecretBox({1: OLD})
    sealed = box.seal(ANN, "K", "v").ciphertext
    for user_id, name in ((new_id(), "K"), (ANN, "L")):
        with pytest.raises(SecretUnreadable):
            box.open(user_id, name, sealed)


def test_after_a_rotation_old_credentials_open_and_new_ones_use_the_new_key() -> None:
    before = SecretBox({1: OLD}).seal(ANN, "K", "v")
    box = SecretBox({1: OLD, 2: NEW})
    after = box.seal(ANN, "K", "v")
    assert (before.key_version, after.key_version, box.current_version) == (1, 2, 2)
    assert box.open(ANN, "K", before.ciphertext) == box.open(ANN, "K", after.ciphertext) == "v"
    with pytest.raises(SecretUnreadable):
        SecretBox({2: NEW}).open(ANN, "K", before.ciphertext)
