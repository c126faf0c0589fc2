"""Tells whoever acts on a credential that some credential was just revoked."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Revocations:
    """In this process only; whoever waits also looks again from time to time, for what other processes revoked."""

    def __init__(self) -> None:
        self._news = asyncio.Event()

    def announce(self) -> None:
        """A session, a token or an account stopped counting."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def wait(self, seconds: float) -> None:
        """Until the next announcement, at most `seconds`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
