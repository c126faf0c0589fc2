"""Key files and key settings."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from anyon.auth import KeyUnusable
from anyon.auth.keys import Keys, load_keys, parse_keyring
from anyon.settings import Settings

KEY = base64.b64encode(b"k" * 32).decode()


def test_missing_keys_are_made_once_and_are_the_owners_alone(settings: Settings, tmp_path: Path) -> None:
    keys = load_keys(settings)
    assert load_keys(settings) == keys
    folder = tmp_path / "keys"
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {
        "jwt": "0o600",
        "encryption": "0o600",
        "csrf": "0o600",
    }
    assert len({keys.jwt.encode(), keys.encryption[1], keys.csrf}) == 3


def test_processes_that_start_at_once_agree_on_the_keys(settings: Settings) -> None:
    made: list[Keys] = []
    threads = [threading.Thread(target=lambda: made.append(load_keys(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert all(keys == made[0] for keys in made)


def test_a_setting_wins_over_the_file(settings: Settings) -> None:
    given = settings.model_copy(update={"jwt_secret": SecretStr("j" * 40), "encryption_key": SecretStr(f"3:{KEY}")})
    keys = load_keys(given)
    assert (keys.jwt, keys.encryption) == ("j" * 40, {3: b"k" * 32})
    assert sorted(path.name for path in (settings.data_dir / "keys").iterdir()) == ["csrf"]


def test_keys_do_not_show_when_printed(settings: Settings) -> None:
    keys = load_keys(settings)
    assert keys.jwt not in repr(keys)


@pytest.mark.parametrize(("path", "mode", "remedy"), [("keys/jwt", 0o640, "chmod 600"), ("keys", 0o755, "chmod 700")])
def test_keys_that_others_can_read_are_refused_with_the_remedy(
    path: str, mode: int, remedy: str, settings: Settings, tmp_path: Path
) -> None:
    load_keys(settings)
    (tmp_path / path).chmod(mode)
    with pytest.raises(KeyUnusable, match="others can read it") as refusal:
        load_keys(settings)
    assert f"{remedy} {tmp_path / path}" in refusal.value.advise()


def test_keys_of_another_account_are_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_keys(settings)
    owner = (tmp_path / "keys").stat().st_uid
    if owner == 0:
        os.chown(tmp_path / "keys" / "jwt", 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(KeyUnusable, match="it belongs to user"):
        load_keys(settings)


def test_a_link_in_place_of_a_key_is_refused(settings: Settings, tmp_path: Path) -> None:
    load_keys(settings)
    jwt = tmp_path / "keys" / "jwt"
    jwt.rename(tmp_path / "elsewhere")
    jwt.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyUnusable):
        load_keys(settings)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("jwt", b"short\n", "shorter than 32"),
        ("jwt", b"\xff" * 40, "not text"),
        ("csrf", b"", "not 32 bytes"),
        ("csrf", b"!" * 44, "not 32 bytes"),
        ("encryption", b"\n", "empty"),
        ("encryption", b"1:AAAA", "not 32 bytes"),
    ],
)
def test_a_damaged_key_file_is_named(
    name: str, content: bytes, problem: str, settings: Settings, tmp_path: Path
) -> None:
    load_keys(settings)
    (tmp_path / "keys" / name).write_bytes(content)
    with pytest.raises(KeyUnusable, match=problem) as refusal:
        load_keys(settings)
    assert str(tmp_path / "keys" / name) in str(refusal.value)
    assert "openssl rand" in refusal.value.advise()


def test_a_keyring_holds_several_versions() -> None:
    other = base64.b64encode(b"o" * 32).decode()
    assert parse_keyring(KEY, "x") == {1: b"k" * 32}
    assert parse_keyring(f"1:{KEY},2:{other}", "x") == parse_keyring(f"2:{other}\n1:{KEY}\n", "x")
    with pytest.raises(KeyUnusable, match="'two' is no key version"):
        parse_keyring(f"two:{KEY}", "x")
