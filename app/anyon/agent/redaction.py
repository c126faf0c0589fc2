"""Replaces secrets in a stream of bytes by `[NAME]`, however the stream is cut into chunks.

Also as the inside of a JSON string, which is how agents write their output; and each line of MIN_LINE_LENGTH or more
of a secret that has several, since programs number lines and quote some of them.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping

from anyon.agent.problems import Problem

MIN_SECRET_LENGTH = 4  # bytes; hiding anything shorter would eat the log and hide nothing
MAX_SECRET_LENGTH = 16_384  # bytes; as much may be held back, and six times as much of what is JSON
MIN_LINE_LENGTH = 16  # bytes; shorter lines of a secret are words like any other


def check_secrets(secrets: Mapping[str, str]) -> None:
    """Raises Problem `secret-refused` for one that cannot be redacted, naming it and the limit."""
    for name, value in secrets.items():
        size = len(_encoded(value))
        if not MIN_SECRET_LENGTH <= size <= MAX_SECRET_LENGTH:
            raise Problem(
                "secret-refused",
                f"The secret {name} has {size} bytes; from {MIN_SECRET_LENGTH} to {MAX_SECRET_LENGTH} can be redacted.",
                "Store a longer value.",
                name=name,
            )


class Redactor:
    """The leftmost and longest secret wins, as if the whole stream were searched at once.

    Between calls only the end that may still become a secret is held back: a suffix that is a proper prefix of one.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names: dict[bytes, bytes] = {}
        for name, value in sorted(secrets.items()):
            self._names.setdefault(_encoded(value), f"[{name}]".encode())
        for name, value in sorted(secrets.items()):
            for form in _forms(value):
                self._names.setdefault(form, f"[{name}]".encode())
        self._pattern = re.compile(_any_of(sorted(self._names, key=len, reverse=True))) if self._names else None
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes; give those that are decided."""
        if self._pattern is None:
            return data
        buffer = self._held + data
        candidates = sorted(self._possible_starts(buffer))
        parts: list[bytes] = []
        position = 0
        end = self._first_from(candidates, position, buffer)
        for match in self._pattern.finditer(buffer):
            if end <= match.start():
                break  # a longer secret may begin here or earlier: not decided yet
            parts += (buffer[position : match.start()], self._names[match.group()])
            position = match.end()
            end = self._first_from(candidates, position, buffer)
        parts.append(buffer[position:end])
        self._held = buffer[end:]
        return b"".join(parts)

    def flush(self) -> bytes:
        """The stream ended: what was held back, which may hold whole secrets shorter than the one it waited for."""
        held, self._held = self._held, b""
        if self._pattern is None:
            return held
        return self._pattern.sub(lambda match: self._names[match.group()], held)

    @staticmethod
    def _first_from(candidates: list[int], position: int, buffer: bytes) -> int:
        index = bisect_left(candidates, position)
        return candidates[index] if index < len(candidates) else len(buffer)

    def _possible_starts(self, buffer: bytes) -> set[int]:
        """Where a suffix of the buffer is a proper prefix of a secret."""
        starts: set[int] = set()
        for secret in self._names:
            start = buffer.find(secret[:1], max(0, len(buffer) - len(secret) + 1))
            while start != -1:
                if secret.startswith(buffer[start:]):
                    starts.add(start)
                start = buffer.find(secret[:1], start + 1)
        return starts


def _forms(value: str) -> Iterator[bytes]:
    """What else gives a secret away: lines, and all of it inside of JSON, with and without characters beyond ASCII."""
    lines = [line.strip() for line in value.split("\n")] if "\n" in value else []
    long = [line for line in lines if len(_encoded(line)) >= MIN_LINE_LENGTH]
    for part in (value, *long):
        yield _encoded(part)
        yield _encoded(json.dumps(part)[1:-1])
        yield _encoded(json.dumps(part, ensure_ascii=False)[1:-1])


def _any_of(longest_first: list[bytes], shared: int = 2) -> bytes:
    """An expression for the longest of them that is there.

    A tree of their first `shared` bytes, fewer than any has: a key of a thousand lines is not tried line by line at
    every byte of the output.
    """
    if not shared:
        return b"|".join(map(re.escape, longest_first))
    rests: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for value in longest_first:
        rests[value[:1]].append(value[1:])
    return b"|".join(b"%b(?:%b)" % (re.escape(first), _any_of(rest, shared - 1)) for first, rest in rests.items())


def _encoded(value: str) -> bytes:
    return value.encode(errors="surrogateescape")
