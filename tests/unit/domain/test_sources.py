"""What a project may be imported from, and that no credential gets in with its address."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyon.domain.errors import SourceHoldsCredential, SourceRefused
from tests.unit.domain.conftest import World


@pytest.mark.parametrize(
    "source",
    [
        "https://example.org/x.git",
        "https://example.org:8443/scope/@team/x",
        "http://[::1]:8080/x",
        "ssh://git@example.org/x.git",
        "ssh://git@example.org:2222/x.git",
        "git://example.org/x",
        "git@example.org:team/x.git",
        "",
    ],
)
async def test_addresses_without_a_credential_are_accepted(world: World, source: str) -> None:
    assert world.services.projects.check_source(source) is None


@pytest.mark.parametrize(
    "source",
    [
        "https://me:hunter2@example.org/x",
        "https://:hunter2@example.org/x",
        "https://me:hunter2@:8443@example.org/x",
        "https://me:hunter2/with/slashes@example.org/x",
        "https://me:hunter2#and?marks@example.org/x",
        "https://[me:hunter2@example.org/x",
        "https://hunter2@example.org/x",
        "http://me%3Ahunter2@example.org/x",
        "ssh://me:hunter2@example.org/x",
        "git://me:hunter2@example.org/x",
    ],
)
async def test_an_address_with_a_credential_is_refused_without_repeating_it(world: World, source: str) -> None:
    with pytest.raises(SourceHoldsCredential) as refused:
        await world.services.projects.create(world.user_id, name="Shop", source=source, default_executor=None)
    error = refused.value
    assert "hunter2" not in f"{error} {error.describe()} {error.advise()} {error.members()}"
    assert "ssh://" in error.advise()
    async with world.services.store.for_user(world.user_id, read_only=True) as session:
        assert await session.projects.list() == []


@pytest.mark.parametrize("source", ["ftp://me:hunter2@example.org/x", "HTTPS://me:hunter2@h/x", "me:hunter2@h:x"])
async def test_what_is_no_address_is_not_repeated_either(world: World, source: str) -> None:
    with pytest.raises(SourceRefused, match="neither a git address nor an absolute path") as refused:
        world.services.projects.check_source(source)
    assert "hunter2" not in f"{refused.value.describe()} {refused.value.members()}"


async def test_a_folder_that_the_service_may_not_look_at_is_refused_with_the_reason(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    projects = world.services.projects
    monkeypatch.setattr(projects, "settings", projects.settings.model_copy(update={"import_roots": (tmp_path,)}))
    monkeypatch.setattr(Path, "is_dir", refuse)  # root, who may run the tests, is never refused
    with pytest.raises(SourceRefused, match="may not look at"):
        projects.check_source(str(tmp_path))
