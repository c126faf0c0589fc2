"""Addresses of accounts, by whichever way they come in."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyon.composition import open_accounts
from anyon.domain.errors import ValueRefused
from anyon.model import UserRole
from anyon.settings import Isolation, Settings


@pytest.mark.parametrize(
    "email", ["bad mail", "nobody", "@example.org", "a@b@c", "a\n@example.org", "a" * 65 + "@b.org"]
)
async def test_what_is_no_address_makes_no_account(email: str, tmp_path: Path) -> None:
    async with open_accounts(Settings(data_dir=tmp_path / "data", isolation=Isolation.NONE)) as services:
        with pytest.raises(ValueRefused, match="is no address"):
            await services.accounts.create(None, email=email, name="Somebody", role=UserRole.MEMBER)
