"""The user interface: static files, one page for every place, and the policy under which browsers run it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cached_property
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

WEB = Path(__file__).resolve().parent.parent / "web"

_INLINE_SCRIPT = re.compile(r"<script type=\"importmap\"[^>]*>(.*?)</script>", re.DOTALL)


class Assets:
    """`folder` holds index.html and what it loads."""

    def __init__(self, folder: Path = WEB) -> None:
        self.folder = folder

    @cached_property
    def page(self) -> str:
        return (self.folder / "index.html").read_text(encoding="utf-8")

    @cached_property
    def content_security_policy(self) -> str:
        """Nothing but our own files; the one inline script, the import map, by its hash."""
        hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in _INLINE_SCRIPT.findall(self.page))
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src 'self' {hashes}".rstrip(),
                "style-src 'self'",
                "img-src 'self' data:",
                "font-src 'self'",
                "connect-src 'self'",
                "manifest-src 'self'",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            )
        )

    def install(self, app: FastAPI) -> None:
        """Serve the files below /assets, and the page at every address that is not the API's."""
        app.mount("/assets", GZipMiddleware(_Cached(directory=self.folder), minimum_size=1024), name="assets")

        @app.get("/favicon.ico", include_in_schema=False)
        async def favicon() -> Response:
            return FileResponse(self.folder / "icon.svg", media_type="image/svg+xml")

        @app.get("/{place:path}", include_in_schema=False)
        async def page(request: Request, place: str) -> HTMLResponse:
            if place.startswith(("api/", "assets/")) or place == "api":
                raise HTTPException(404, f"There is nothing at {request.url.path}.")
            return HTMLResponse(self.page, headers={"Cache-Control": "no-cache"})


class _Cached(StaticFiles):
    """Browsers keep the files but ask each time whether they changed: there is no build that could name versions."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
