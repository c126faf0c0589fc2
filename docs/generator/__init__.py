"""Makes the generated parts of the documentation: `python -m docs.generator`."""
