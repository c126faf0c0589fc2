"""Fixtures of the tests that need the engine."""

from tests.fixtures.postgres import empty_postgres_url, postgres_server
from tests.infra.conftest import port

__all__ = ["empty_postgres_url", "port", "postgres_server"]
