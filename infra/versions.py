"""Versions that are chosen here and nowhere else."""

PULUMI = "3.272.0"
"""The CLI that `make up` downloads; the same release as the SDK in requirements/local.txt."""
PULUMI_OLDEST = (3, 229, 0)
"""The oldest CLI on PATH that is used, as in Pulumi.yaml."""
PROVIDER = "0.1.0"
"""Our provider of the local stack."""
