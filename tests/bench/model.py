"""What a measurement comes to, and the repeats that it takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line of `build/bench.json`. `limit` is None where there is no budget; the method says what was running."""

    name: str
    unit: str
    value: float
    limit: float | None
    baseline: str
    baseline_value: float | None
    method: str

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline_value if self.baseline_value else None

    @property
    def missed(self) -> bool:
        return self.limit is not None and self.value > self.limit

    def as_json(self) -> dict[str, Any]:
        ratio = None if self.ratio is None else round(self.ratio, 3)
        return {**asdict(self), "ratio": ratio}


@dataclass(frozen=True)
class Scale:
    """How much is done. `quick` shows that every benchmark works and proves nothing."""

    quick: bool = False

    def repeats(self, number: int) -> int:
        """Enough for a p95, or a handful."""
        return 3 if self.quick else number

    def size(self, full: int, small: int) -> int:
        return small if self.quick else full


Benchmark = Callable[[Scale], Coroutine[Any, Any, list[Row]]]


def p95(samples: Sequence[float]) -> float:
    """Nearest rank: a value that was seen."""
    return sorted(samples)[math.ceil(0.95 * len(samples)) - 1]


def milliseconds(samples: Sequence[float]) -> float:
    """p95 of seconds, in ms."""
    return round(1000 * p95(samples), 2)


class Stopwatch:
    def __init__(self) -> None:
        self._started = time.perf_counter()

    def seconds(self) -> float:
        return time.perf_counter() - self._started
