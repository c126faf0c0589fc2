"""Health, readiness and metrics."""

from __future__ import annotations

import hmac
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from anyon.api.state import ServicesDep
from anyon.auth import AuthError
from anyon.errors import AnyonError

router = APIRouter(tags=["system"])

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    status: Literal["ok", "failing"]
    database: str
    runtime: str


@router.get("/healthz")
async def healthz() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(services: ServicesDep, response: Response) -> Readiness:
    """The database answers and the runtime can be asked."""
    database, runtime = "ok", "ok"
    try:
        await services.store.ping()
    except AnyonError as error:
        database = error.describe()
    try:
        await services.runtime.list()
    except AnyonError as error:
        runtime = error.describe()
    failing = database != "ok" or runtime != "ok"
    if failing:
        response.status_code = 503
    return Readiness(status="failing" if failing else "ok", database=database, runtime=runtime)


@router.get("/metrics", response_class=Response)
async def metrics(services: ServicesDep, request: Request) -> Response:
    """Prometheus' text format (R16); only with the token, unless the service is for this machine alone."""
    wanted = services.settings.metrics_token
    if wanted is not None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), wanted.get_secret_value().encode()):
            raise AuthError
    elif not services.settings.is_for_this_machine:
        raise AuthError
    await services.gauges.refresh()
    return Response(services.metrics.render(), media_type=METRICS_TYPE)
