"""HTTP and WebSockets: the only package that knows them."""

import sys

# FastAPI looks for models of pydantic's first version, of which there are none here: without it, the service starts
# sooner and keeps 2 MB less. FastAPI takes its absence for what it is.
sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type] # None is how an import is refused
