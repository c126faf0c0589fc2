"""The hashed locks: what pip needs in them to install without looking further."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = sorted((Path(__file__).resolve().parents[2] / "requirements").glob("*.txt"))


def pins(lock: Path) -> dict[str, Requirement]:
    lines = re.findall(r"^[^\s#-][^\\\n]*", lock.read_text(), re.MULTILINE)
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, lines)}


def wanted_extras(pinned: dict[str, Requirement]) -> list[tuple[str, Requirement]]:
    """Who asks for which pinned package with an extra, by the metadata of what is installed."""
    return [
        (asker.metadata["Name"], wish)
        for asker in metadata.distributions()
        for wish in map(Requirement, asker.requires or [])
        if wish.extras
        and (wish.marker is None or wish.marker.evaluate({"extra": ""}))
        and canonicalize_name(asker.metadata["Name"]) in {*pinned, "anyon"}
        and canonicalize_name(wish.name) in pinned
    ]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_pin_names_every_extra_that_is_asked_for(lock: Path) -> None:
    """Without it pip takes the newest version for the extra, of which the lock has no hash."""
    pinned = pins(lock)
    wanted = wanted_extras(pinned)
    assert wanted
    for asker, wish in wanted:
        assert wish.extras <= pinned[canonicalize_name(wish.name)].extras, f"{asker} asks for {wish}"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_pins_and_hashes_and_names_no_index(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "--index" not in text
    assert all(str(pin.specifier).startswith("==") for pin in pins(lock).values())
    assert text.count("==") <= text.count("--hash=sha256:")
