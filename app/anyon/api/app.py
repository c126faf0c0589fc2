"""The application: routes, middleware and the services' life around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from anyon import __version__
from anyon.api import problems
from anyon.api.assets import Assets
from anyon.api.hosts import KnownHosts
from anyon.api.middleware import BodyLimit, RequestEnvelope
from anyon.api.routes import (
    account,
    administration,
    attempts,
    events,
    executions,
    executors,
    projects,
    system,
    tasks,
    terminals,
)
from anyon.composition import Services, running_services
from anyon.metrics import Metrics
from anyon.settings import Settings

_DESCRIPTION = """Projects, tasks and attempts of Anyon.

Every answer is `{"data": …}`; every failure is a problem document (RFC 9457) with a `hint`. Scripts authenticate with
`Authorization: Bearer …` (`anyon token create`); browsers with a cookie, and `X-CSRF-Token` on unsafe methods.
"""

# A request is compared with one route after the other: those that are asked for most come first.
_ROUTERS = (tasks, attempts, projects, executions, account, terminals, events, executors, administration, system)


def build_app(settings: Settings) -> FastAPI:
    """The ASGI application; its services start and stop with it."""
    metrics = Metrics()
    assets = Assets()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running_services(settings, metrics) as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="Anyon",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        responses=problems.DESCRIBED,
    )
    for module in _ROUTERS:
        app.include_router(module.router)
    assets.install(app)
    problems.install(app)
    problems.describe(app)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    app.add_middleware(KnownHosts, settings=settings)
    app.add_middleware(
        RequestEnvelope,
        metrics=metrics,
        content_security_policy=assets.content_security_policy,
        https=settings.https,
    )
    return app


def services(app: FastAPI) -> Services:
    """The services of a running application."""
    running: Services = app.state.services
    return running
