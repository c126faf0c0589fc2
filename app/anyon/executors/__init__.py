"""How to start each agent CLI: data in `catalogue.yaml`, its form in `model.py`."""

from anyon.executors.catalogue import load_catalogue
from anyon.executors.model import Command, Executor

__all__ = ["Command", "Executor", "load_catalogue"]
