"""Loads the executors from their YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import yaml

from anyon.executors.model import Executor

CATALOGUE = Path(__file__).with_name("catalogue.yaml")


def load_catalogue(path: Path = CATALOGUE) -> Mapping[str, Executor]:
    """The executors by name, in the order in which they are offered.

    Raises OSError, yaml.YAMLError, and ValueError (pydantic's too) for a file that breaks the form of `model.py`.
    """
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise ValueError(f"{path}: expected a mapping from names to executors")
    executors = {name: Executor.model_validate({**entry, "name": name}) for name, entry in entries.items()}
    return MappingProxyType(executors)
