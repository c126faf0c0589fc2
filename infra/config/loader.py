"""Where a stack's configuration comes from: the engine, or the same file read without it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.config import local
from infra.config.errors import ConfigInvalid, Mistake
from infra.config.local import LocalConfig
from infra.config.release import release_of

PROJECT = "anyon"


def load(
    values: Mapping[str, Any], *, stack: str, root: Path, environment: Mapping[str, str], release: str | None = None
) -> LocalConfig:
    """Check the keys of one stack (`{"platform": "local", …}`); without `release` it is the code of this checkout.

    Raises ConfigInvalid with every mistake.
    """
    config, mistakes = local.resolve(values, root=root, environment=environment, release=release or release_of(root))
    if config is None:
        raise ConfigInvalid(stack, mistakes)
    return config


def from_file(root: Path, stack: str, environment: Mapping[str, str], release: str | None = None) -> LocalConfig:
    """The way without the engine: the file that the engine would read."""
    path = root / "infra" / "stacks" / f"Pulumi.{stack}.yaml"
    try:
        content = yaml.safe_load(path.read_text())
        pairs = dict(content["config"])
    except (OSError, yaml.YAMLError, TypeError, KeyError, ValueError) as error:
        name = path.relative_to(root)
        mistake = Mistake(str(name), f"it cannot be read: {error}", f"git checkout {name}")
        raise ConfigInvalid(stack, [mistake]) from error
    return load(_own(pairs), stack=stack, root=root, environment=environment, release=release)


def from_engine(pairs: Mapping[str, str], stack: str, root: Path, environment: Mapping[str, str]) -> LocalConfig:
    """The engine passes every value as text, and what has parts as JSON."""
    values = {name: json.loads(text) if text.startswith(("{", "[")) else text for name, text in _own(pairs).items()}
    return load(values, stack=stack, root=root, environment=environment)


def _own(pairs: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{PROJECT}:"
    return {key.removeprefix(prefix): value for key, value in pairs.items() if key.startswith(prefix)}
