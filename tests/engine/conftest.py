"""Fixtures of the tests that need the engine."""

from tests.infra.conftest import empty_postgres_url, port, postgres_server

__all__ = ["empty_postgres_url", "port", "postgres_server"]
