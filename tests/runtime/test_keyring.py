"""Session keyrings: left by one thread, kept by the others, and no reason to fail where there are none."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from anyon.runtime import keyring
from tests.runtime.keys import finds, session_key


def test_a_thread_that_leaves_finds_no_key_any_more_and_the_others_keep_theirs() -> None:
    name = f"anyon:{uuid.uuid4()}"
    with session_key(name) as key, ThreadPoolExecutor(max_workers=1) as thread:
        assert thread.submit(finds, name, key).result()
        thread.submit(keyring.leave).result()
        assert not thread.submit(finds, name, key).result()
        assert finds(name, key)


@pytest.mark.parametrize("number", [None, 100_000], ids=["unknown machine", "unknown call"])
def test_where_there_are_no_keyrings_nothing_happens(number: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "_KEYCTL", number)
    keyring.leave()


def test_a_keyring_that_cannot_be_left_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with session_key(f"anyon:{uuid.uuid4()}"):
        monkeypatch.setattr(keyring, "_JOIN_SESSION_KEYRING", 100_000)
        with pytest.raises(OSError, match="a session keyring of its own"):
            keyring.leave()
