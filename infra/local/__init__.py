"""The platform on one Linux host: `python -m infra.local up`."""
