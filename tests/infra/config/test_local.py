"""The stack file of this host: what it may say, and what is said about mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.config.errors import ConfigInvalid, Mistake
from infra.config.loader import from_engine, from_file, load
from infra.config.local import DatabaseEngine, LocalConfig
from infra.config.release import release_of

GOOD: dict[str, Any] = {"platform": "local", "settings": {"port": 8080, "idle_seconds": 60}}
URL = "postgresql://anyon:hunter2@db.example/anyon"


def loaded(root: Path, environment: dict[str, str] | None = None, **changes: Any) -> LocalConfig:
    return load({**GOOD, **changes}, stack="local", root=root, environment=environment or {}, release="r")


def mistakes(root: Path, environment: dict[str, str] | None = None, **changes: Any) -> list[Mistake]:
    with pytest.raises(ConfigInvalid) as caught:
        loaded(root, environment, **changes)
    return caught.value.mistakes


def test_paths_are_taken_from_the_checkout(tmp_path: Path) -> None:
    assert loaded(tmp_path).data_dir == tmp_path / ".anyon" / "data"
    assert loaded(tmp_path, data_dir="/srv/anyon").data_dir == Path("/srv/anyon")


def test_every_mistake_is_named_at_once_with_its_path_and_what_to_do(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        plattform="local",
        settings={"port": 0, "idle_second": 60, "jwt_secret": "x" * 40},
        database={"engine": "mysql"},
        start_seconds=0,
    )
    assert {mistake.path for mistake in found} == {
        "anyon:plattform",
        "anyon:database.engine",
        "anyon:start_seconds",
        "anyon:settings.port",
        "anyon:settings.idle_second",
        "anyon:settings.jwt_secret",
    }
    assert all(mistake.reason and mistake.fix for mistake in found)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"plattform": "local"}, "did you mean platform?"),
        ({"settings": {"idle_second": 60}}, "did you mean idle_seconds?"),
        ({"settings": {"zzz": 1}}, "there is no such key"),
        ({"settings": {"data_dir": "/x"}}, "anyon:data_dir says where the data is"),
        ({"settings": {"database_url": URL}}, "a file with the address"),
        ({"settings": [1]}, "valid dictionary"),
        ({"platform": "gcp"}, "'local'"),
        ({"database": {"engine": "sqlite", "url_file": "x"}}, "SQLite has no address"),
        ({"database": {"engine": "postgresql"}}, "needs the file"),
        ({"database": {"engine": "postgresql", "url_file": "absent"}}, "there is no file"),
    ],
)
def test_a_mistake_says_why(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    (mistake,) = mistakes(tmp_path, **changes)
    assert reason in mistake.reason


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="anyon:platform: it is missing"):
        load({}, stack="local", root=tmp_path, environment={}, release="r")


def test_the_port_can_be_overridden_for_one_start(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"ANYON_PORT": "9000"}).settings.port == 9000
    (mistake,) = mistakes(tmp_path, {"ANYON_PORT": "many"})
    assert mistake.path == "ANYON_PORT"
    assert "ANYON_PORT=8081 make up" in mistake.fix


def test_the_address_of_postgresql_comes_from_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{URL}\n")
    file.chmod(0o600)
    config = loaded(tmp_path, database={"engine": "postgresql", "url_file": "url"})
    assert config.database is DatabaseEngine.POSTGRESQL
    assert config.database_url is not None
    assert config.database_url.get_secret_value() == URL
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize(
    ("text", "mode", "reason"), [(URL, 0o644, "others may read"), ("mysql://x", 0o600, "does not")]
)
def test_an_address_that_others_can_read_or_that_is_none_is_refused(
    tmp_path: Path, text: str, mode: int, reason: str
) -> None:
    file = tmp_path / "url"
    file.write_text(text)
    file.chmod(mode)
    (mistake,) = mistakes(tmp_path, database={"engine": "postgresql", "url_file": "url"})
    assert reason in mistake.reason
    assert "hunter2" not in mistake.reason + mistake.fix


def test_the_engine_and_the_file_give_the_same_configuration(tmp_path: Path) -> None:
    values = GOOD | {"protect_data": True, "start_seconds": 30, "database": {"engine": "sqlite"}}
    write_stack_file(tmp_path, {f"anyon:{key}": value for key, value in values.items()} | {"other:key": 1})
    for file in ("app/anyon/x.py", "requirements/app.txt"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    as_text = {
        f"anyon:{key}": json.dumps(value) if isinstance(value, dict) else str(value).lower()
        for key, value in values.items()
    }
    assert from_engine(as_text, "local", tmp_path, {}) == from_file(tmp_path, "local", {})


@pytest.mark.parametrize("content", ["config: [", "config: 3", "", "other: {}"])
def test_a_stack_file_that_cannot_be_read_is_a_mistake_too(tmp_path: Path, content: str) -> None:
    path = write_stack_file(tmp_path, {})
    path.write_text(content)
    with pytest.raises(ConfigInvalid, match=r"git checkout infra/stacks/Pulumi\.local\.yaml"):
        from_file(tmp_path, "local", {})


def test_a_release_is_what_its_files_say_and_not_where_they_are(tmp_path: Path) -> None:
    releases = [release_of(make_application(tmp_path / name)) for name in ("here", "there")]
    assert releases[0] == releases[1]
    (tmp_path / "here" / "app" / "anyon" / "web" / "app.css").write_text("a{}")
    assert release_of(tmp_path / "here") != releases[0]
    (tmp_path / "there" / "app" / "anyon" / "__pycache__").mkdir()
    (tmp_path / "there" / "app" / "anyon" / "__pycache__" / "x.pyc").touch()
    assert release_of(tmp_path / "there") == releases[1]


def make_application(root: Path) -> Path:
    (root / "app" / "anyon" / "web").mkdir(parents=True)
    (root / "requirements").mkdir()
    (root / "app" / "anyon" / "x.py").write_text("pass")
    (root / "requirements" / "app.txt").write_text("a==1")
    return root


def write_stack_file(root: Path, pairs: dict[str, Any]) -> Path:
    path = root / "infra" / "stacks" / "Pulumi.local.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({"config": pairs}))
    return path
