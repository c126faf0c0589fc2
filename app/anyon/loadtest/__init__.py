"""The load test of document 004 (R22), against a running service over its public interface."""

from anyon.loadtest.run import Plan, Report, run

__all__ = ["Plan", "Report", "run"]
