"""Wires the product together, once: every dependency is a constructor argument, nothing is global."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from anyon import __version__
from anyon.auth import Auth, Revocations
from anyon.clock import Clock, SystemClock
from anyon.domain.accounts import Accounts
from anyon.domain.attempt_finish import AttemptFinisher
from anyon.domain.attempt_progress import AttemptProgress
from anyon.domain.attempt_rows import AttemptRows
from anyon.domain.attempt_start import AttemptStarter
from anyon.domain.attempts import Attempts
from anyon.domain.background import Background
from anyon.domain.credentials import Credentials
from anyon.domain.events import EventBus
from anyon.domain.gauges import Gauges
from anyon.domain.projects import Projects
from anyon.domain.reconcile import Reconciler
from anyon.domain.review import AttemptReview
from anyon.domain.sweeper import Sweeper
from anyon.domain.tasks import Tasks
from anyon.domain.terminals import Terminals
from anyon.domain.turns import Turns
from anyon.domain.workspaces import Workspaces
from anyon.errors import AnyonError
from anyon.executors import Executor, load_catalogue
from anyon.ids import new_id
from anyon.metrics import Metrics
from anyon.runtime.process import ProcessRuntime
from anyon.runtime.protocol import Runtime
from anyon.settings import DATABASE_FILE, Settings
from anyon.store import Store
from anyon.store.migrate import is_current, migrate

_log = structlog.get_logger()

_LAG_SECONDS = 5.0


@dataclass(frozen=True)
class Services:
    """What routes may use."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    store: Store
    runtime: Runtime
    bus: EventBus
    background: Background
    executors: Mapping[str, Executor]
    auth: Auth
    revocations: Revocations
    accounts: Accounts
    credentials: Credentials
    workspaces: Workspaces
    projects: Projects
    attempts: Attempts
    starter: AttemptStarter
    progress: AttemptProgress
    review: AttemptReview
    tasks: Tasks
    terminals: Terminals
    sweeper: Sweeper
    gauges: Gauges
    reconciler: Reconciler


def database_url(settings: Settings) -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return f"sqlite:///{settings.data_dir.resolve()}/{DATABASE_FILE}"


def prepare_data_dir(settings: Settings) -> Path:
    """The data folder, private to the service's user."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.data_dir


@dataclass(frozen=True)
class AccountServices:
    """What the command line needs for accounts; no workspace is touched."""

    store: Store
    accounts: Accounts
    auth: Auth


@asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncIterator[AccountServices]:
    """The database, migrated, with what issues links and tokens."""
    prepare_data_dir(settings)
    await asyncio.to_thread(migrate, database_url(settings))
    clock = SystemClock()
    runtime = await ProcessRuntime.open(settings)
    store = await Store.open(database_url(settings), pool_size=1)
    try:
        auth = Auth.open(settings, store, clock)
        yield AccountServices(store, Accounts(store, runtime, auth, settings, clock), auth)
    finally:
        runtime.close()
        await store.close()


class SchemaOutdated(AnyonError):
    code, status_hint = "schema-outdated", 500
    title = "The database's schema is not the one this version needs"
    detail = "ANYON_MIGRATE_ON_START is false, and the migrations of this version have not been applied."
    hint = "Run `anyon migrate`, then start the service again."


@asynccontextmanager
async def running_services(settings: Settings, metrics: Metrics) -> AsyncIterator[Services]:
    """Everything, running: the database migrated, what ran before adopted, the sweep going.

    On leaving, workspaces and whatever runs in them go on. Raises AnyonError for what keeps the service from starting.
    """
    prepare_data_dir(settings)
    url = database_url(settings)
    if settings.migrate_on_start:
        await asyncio.to_thread(migrate, url)
    elif not await asyncio.to_thread(is_current, url):
        raise SchemaOutdated
    async with AsyncExitStack() as stack:
        runtime = await ProcessRuntime.open(settings)
        stack.callback(runtime.close)
        if runtime.isolation_note:
            _log.warning("isolation", note=runtime.isolation_note)
        store = await Store.open(url, pool_size=settings.database_pool_size)
        stack.push_async_callback(store.close)
        background = Background()
        services = build_services(settings, SystemClock(), metrics, store, runtime, background)
        stack.push_async_callback(services.workspaces.close)
        await stack.enter_async_context(background)
        metrics.gauge("anyon_build_info").labels(__version__).set(1)
        background.start("reconcile", services.reconciler.run())
        background.start("sweep", services.sweeper.run())
        background.start("event loop lag", _measure_lag(metrics))
        yield services


def build_services(
    settings: Settings, clock: Clock, metrics: Metrics, store: Store, runtime: Runtime, background: Background
) -> Services:
    """The object graph; nothing is started."""
    auth = Auth.open(settings, store, clock)
    bus = EventBus(new_id().hex)
    executors = load_catalogue()
    credentials = Credentials(store, auth.box)
    workspaces = Workspaces(store, runtime, clock, settings, bus, metrics, background)
    projects = Projects(store, workspaces, bus, background, settings)
    rows = AttemptRows(store, clock)
    progress = AttemptProgress(clock, bus, metrics)
    turns = Turns(progress)
    starter = AttemptStarter(
        store, rows, progress, workspaces, executors, credentials, clock, background, settings, turns
    )
    finisher = AttemptFinisher(store, rows, progress, workspaces, clock, metrics, background)
    attempts = Attempts(store, rows, progress, starter, finisher, workspaces, clock, background)
    review = AttemptReview(store, rows, progress, finisher, workspaces)
    terminals = Terminals(store, workspaces, clock, bus)
    sweeper = Sweeper(store, workspaces, clock, metrics, settings, terminals)
    workspaces.listeners += [finisher, terminals]
    return Services(
        settings=settings,
        clock=clock,
        metrics=metrics,
        store=store,
        runtime=runtime,
        bus=bus,
        background=background,
        executors=executors,
        auth=auth,
        revocations=Revocations(),
        accounts=Accounts(store, runtime, auth, settings, clock),
        credentials=credentials,
        workspaces=workspaces,
        projects=projects,
        attempts=attempts,
        starter=starter,
        progress=progress,
        review=review,
        tasks=Tasks(store, bus, starter, review),
        terminals=terminals,
        sweeper=sweeper,
        gauges=Gauges(store, sweeper, runtime, metrics),
        reconciler=Reconciler(store, runtime, workspaces, projects, attempts),
    )


async def _measure_lag(metrics: Metrics) -> None:
    """How late the loop is: what makes a terminal feel slow."""
    loop = asyncio.get_running_loop()
    gauge = metrics.gauge("anyon_event_loop_lag_seconds")
    while True:
        due = loop.time() + _LAG_SECONDS
        await asyncio.sleep(_LAG_SECONDS)
        gauge.set(max(0.0, loop.time() - due))
