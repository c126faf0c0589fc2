"""One sweep over a thousand running workspaces: how long it takes when nothing is to do, and whether it is right."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import create_engine, insert, select, update

from anyon.clock import SystemClock
from anyon.composition import build_services
from anyon.domain.background import Background
from anyon.metrics import Metrics
from anyon.model import UserRole
from anyon.settings import Settings
from anyon.store import Store, tables
from anyon.store.migrate import migrate
from tests.bench.model import Row, Scale, Stopwatch, milliseconds
from tests.bench.seeding import seed

WORKSPACES, IDLE_EVERY = 1000, 50


class QuietAgent:
    """Says that nothing happens: every workspace has one, since only an agent knows when its terminals were used."""

    async def call(self, _operation: str, **_arguments: Any) -> dict[str, Any]:
        return {"executions": [], "terminals": [], "last_activity": None, "heartbeat_until": None}


class StopsOnly:
    """A runtime whose workspaces only stop: what is measured is the sweep."""

    name, isolated, isolation_note = "bench", True, ""

    def __init__(self) -> None:
        self.stopped: set[UUID] = set()

    async def stop(self, project_id: UUID, _grace: float) -> None:
        self.stopped.add(project_id)


async def sweep(scale: Scale) -> list[Row]:
    workspaces = scale.size(WORKSPACES, 100)
    with tempfile.TemporaryDirectory(prefix="anyon-bench-") as folder:
        settings = Settings(data_dir=Path(folder))
        database = Path(folder) / "anyon.db"
        await asyncio.to_thread(migrate, f"sqlite:///{database}")
        clock = SystemClock()
        store = await Store.open(f"sqlite:///{database}", clock=clock)
        async with store.for_system() as session:
            await session.create_user(email="bench@localhost", name="Bench", role=UserRole.ADMIN)
        projects = (await asyncio.to_thread(seed, database, projects=workspaces, tasks=1)).projects
        await asyncio.to_thread(_wake, database, clock)
        runtime = StopsOnly()
        async with Background() as background:
            used: Any = runtime
            services = build_services(settings, clock, Metrics(), store, used, background)
            setattr(services.workspaces, "connected", lambda _project_id: QuietAgent())  # noqa: B010 - a method
            samples = []
            for _ in range(scale.repeats(30)):
                watch = Stopwatch()
                await services.sweeper.sweep()
                samples.append(watch.seconds())
            wrong = len(runtime.stopped)
            idle = set(projects[::IDLE_EVERY])
            await asyncio.to_thread(_let_idle, database, clock, idle)
            await services.sweeper.sweep()
            wrong += len(runtime.stopped ^ idle)
        await store.close()
    method = f"in one process on SQLite, {workspaces} running workspaces of which none is idle; p95 of {len(samples)}"
    then = f"then {len(idle)} were idle: stopped without being idle, or idle without being stopped"
    return [
        Row("sweep over 1,000 workspaces", "ms", milliseconds(samples), 200.0, "", None, method),
        Row("sweep over 1,000 workspaces, wrong", "stops", wrong, 0.0, "", None, then),
    ]


def _wake(database: Path, clock: SystemClock) -> None:
    engine = create_engine(f"sqlite:///{database}")
    now = clock.now()
    with engine.begin() as connection:
        connection.execute(
            update(tables.workspaces).values(state="running", generation="bench", started_at=now, last_activity_at=now)
        )
        # Every fifth is old but pinned, every tenth old but at work.
        old = now - timedelta(days=1)
        ids = connection.execute(select(tables.workspaces.c.project_id, tables.workspaces.c.user_id)).all()
        for number, (project, user) in enumerate(ids):
            if number % 5 == 0:
                values = {"last_activity_at": old, "pinned_until": now + timedelta(hours=1)}
                connection.execute(
                    update(tables.workspaces).where(tables.workspaces.c.project_id == project).values(**values)
                )
            if number % 10 == 1:
                connection.execute(
                    update(tables.workspaces)
                    .where(tables.workspaces.c.project_id == project)
                    .values(last_activity_at=old)
                )
                connection.execute(insert(tables.executions), [_running(project, user, old)])
    engine.dispose()


def _running(project: UUID, user: UUID, at: Any) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "user_id": user,
        "project_id": project,
        "kind": "agent",
        "executor": "shell",
        "state": "running",
        "stopped": False,
        "log_bytes": 0,
        "created_at": at,
        "started_at": at,
    }


def _let_idle(database: Path, clock: SystemClock, projects: set[UUID]) -> None:
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        mine = tables.workspaces.c.project_id.in_(projects)
        old = clock.now() - timedelta(days=1)
        connection.execute(update(tables.workspaces).where(mine).values(last_activity_at=old, pinned_until=None))
        connection.execute(
            update(tables.executions).where(tables.executions.c.project_id.in_(projects)).values(state="exited")
        )
    engine.dispose()
