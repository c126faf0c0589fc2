"""Commands over HTTP, on a service of their own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest
import pytest_asyncio

from anyon.cli import FAILED
from tests.fixtures.installation import temporary_installation

pytestmark = pytest.mark.asyncio(loop_scope="module")

Answer = subprocess.CompletedProcess[str]
Run = Callable[..., Awaitable[Answer]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def anyon(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    """Runs a command line against the service, as its administrator; an import root is there as `ROOT`."""
    root = tmp_path_factory.mktemp("imports")
    async with temporary_installation(import_roots=(root,)) as installation:
        environment = installation.environment() | {"ANYON_URL": installation.url}
        environment["ANYON_TOKEN"] = await installation.token()
        async with installation.service() as service:
            await service.request("PUT", "/api/me/secrets/CODEX_API_KEY", {"value": "never used"})

        def run(*line: str) -> Answer:
            line = tuple(part.replace("ROOT", str(root)) for part in line)
            return subprocess.run(
                [sys.executable, "-m", "anyon", *line], env=environment, capture_output=True, text=True, check=False
            )

        async def in_a_thread(*line: str) -> Answer:
            return await asyncio.to_thread(run, *line)

        yield in_a_thread


@pytest_asyncio.fixture(loop_scope="module")
async def slug(anyon: Run) -> str:
    """The short name of a project that is ready."""
    name = f"shop-{uuid4().hex[:6]}"
    made = await anyon("project", "create", name)
    assert made.returncode == 0, made.stderr
    return name


async def test_a_followed_task_says_how_it_ended(anyon: Run, slug: str) -> None:
    done = await anyon("task", "create", slug, "echo out; exit 0", "--executor", "shell", "--follow")
    assert (done.returncode, done.stdout) == (0, "out\n")
    assert done.stderr == "attempt 1: in review, exit status 0\n"


async def test_a_followed_task_that_fails_says_with_which_status_and_what_to_do(anyon: Run, slug: str) -> None:
    done = await anyon("task", "create", slug, "echo out; exit 7", "--executor", "shell", "--follow")
    assert (done.returncode, done.stdout) == (FAILED, "out\n")
    first, second, *_ = done.stderr.splitlines()
    assert first == "attempt 1: failed, exit status 7"
    assert "7" in second


async def test_a_followed_task_whose_program_is_missing_says_so_and_how_to_get_it(anyon: Run, slug: str) -> None:
    done = await anyon("task", "create", slug, "anything", "--executor", "codex", "--follow")
    assert (done.returncode, done.stdout) == (FAILED, "")
    first, second, hint = done.stderr.splitlines()
    assert first == "attempt 1: failed, its program did not run"
    assert "codex" in second
    assert hint.startswith("Install it in a terminal of the project: ")


async def test_a_new_project_is_waited_for_and_a_failed_import_is_a_failure(anyon: Run) -> None:
    failed = await anyon("project", "create", "Broken", "ssh://git@127.0.0.1:9/none.git")
    assert failed.returncode == FAILED
    project_id = failed.stdout.strip()
    assert "\nThe import failed: " in f"\n{failed.stderr}"
    assert f"{project_id}\tfailed\t" in (await anyon("project", "list")).stdout


async def test_without_waiting_the_import_goes_on_by_itself(anyon: Run) -> None:
    begun = await anyon("project", "create", "Unawaited", "ssh://git@127.0.0.1:9/none.git", "--no-wait")
    assert (begun.returncode, begun.stderr) == (0, "")
    assert len(begun.stdout.strip()) == len(str(uuid4()))


async def test_a_project_is_named_by_its_short_name_or_its_id(anyon: Run, slug: str) -> None:
    created = await anyon("task", "create", slug, "true", "--executor", "shell")
    listed = await anyon("task", "list", slug)
    assert listed.stdout.split("\t")[:2] == [created.stdout.strip(), "1"]
    projects = (line.split("\t") for line in (await anyon("project", "list")).stdout.splitlines())
    project_id = next(identity for identity, _, name in projects if name == slug)
    assert (await anyon("task", "list", project_id)).stdout.split("\t")[0] == created.stdout.strip()
    assert (await anyon("project", "delete", slug)).returncode == 0
    assert slug not in (await anyon("project", "list")).stdout


@pytest.mark.parametrize("line", [("project", "delete", "nope"), ("task", "list", "nope")])
async def test_a_project_that_is_not_there_is_named(anyon: Run, line: tuple[str, ...]) -> None:
    refused = await anyon(*line)
    assert refused.returncode == FAILED
    first, second = refused.stderr.splitlines()
    assert first == "There is no such project: None of your projects has the id or the short name nope."
    assert "anyon project list" in second


async def test_an_id_of_no_project_is_refused_by_the_service(anyon: Run) -> None:
    refused = await anyon("project", "delete", str(uuid4()))
    assert refused.returncode == FAILED
    assert refused.stderr.startswith("The service refused: ")
