"""Settings from the environment: every mistake at once, each with what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyon.environment import SettingsInvalid, load
from anyon.settings import Isolation, LogFormat, Settings, environment_of

MINIMAL = {"ANYON_DATA_DIR": "/var/lib/anyon"}


def test_the_data_folder_is_all_that_is_needed() -> None:
    settings = load({**MINIMAL, "PATH": "/bin"})
    assert settings.data_dir == Path("/var/lib/anyon")
    assert (settings.origin, settings.binds_to_loopback) == ("http://127.0.0.1:8080", True)
    assert (settings.idle_seconds, settings.sweep_seconds, settings.stop_seconds) == (1800, 300, 10)


def test_every_kind_of_value_is_read() -> None:
    settings = load(
        {
            **MINIMAL,
            "ANYON_HOST": "0.0.0.0",
            "ANYON_PORT": "9000",
            "ANYON_PUBLIC_URL": "https://anyon.example.org/",
            "ANYON_ISOLATION": "none",
            "ANYON_LOG_FORMAT": "console",
            "ANYON_MIGRATE_ON_START": "false",
            "ANYON_IMPORT_ROOTS": "/srv/a:/srv/b",
            "ANYON_JWT_SECRET": "x" * 32,
        }
    )
    assert (settings.port, settings.origin, settings.binds_to_loopback) == (9000, "https://anyon.example.org", False)
    assert (settings.isolation, settings.log_format) == (Isolation.NONE, LogFormat.CONSOLE)
    assert settings.migrate_on_start is False
    assert settings.import_roots == (Path("/srv/a"), Path("/srv/b"))
    assert "xxx" not in repr(settings)


@pytest.mark.parametrize(
    ("host", "public_url", "alone"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("localhost", "http://[::1]:8080", True),
        ("127.0.0.1", "https://LOCALHOST/", True),
        ("127.0.0.1", "https://anyon.example.org", False),
        ("127.0.0.1", "https://127.0.0.1.example.org", False),
        ("127.0.0.1", "https://127.0.0.1@example.org", False),
        ("0.0.0.0", "http://127.0.0.1:8080", False),
        ("10.0.0.7", None, False),
    ],
)
def test_a_service_is_for_this_machine_by_where_it_binds_and_by_its_address(
    host: str, public_url: str | None, alone: bool
) -> None:
    assert Settings(data_dir=Path("/d"), host=host, public_url=public_url).is_for_this_machine is alone


def test_import_roots_may_be_json_for_paths_with_colons() -> None:
    assert load({**MINIMAL, "ANYON_IMPORT_ROOTS": '["/srv/a:b"]'}).import_roots == (Path("/srv/a:b"),)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        load({"ANYON_PORT": "eighty", "ANYON_IDLE_SECONDS": "-1", "ANYON_IDLE_SECOND": "5", "ANYON_XYZZY": "1"})
    lines = refused.value.describe().splitlines()
    assert len(lines) == 5
    text = "\n".join(lines)
    assert "ANYON_PORT: Input should be a valid integer" in text
    assert "ANYON_IDLE_SECONDS: Input should be greater than 0" in text
    assert "ANYON_IDLE_SECOND: no such setting (did you mean ANYON_IDLE_SECONDS?)" in text
    assert "ANYON_XYZZY: no such setting" in text
    assert "ANYON_DATA_DIR: Field required" in text
    assert "anyon settings" in refused.value.advise()


def test_a_mistake_does_not_repeat_a_secret() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        load({**MINIMAL, "ANYON_JWT_SECRET": "short-secret"})
    assert "short-secret" not in refused.value.describe()
    assert "openssl rand" in refused.value.describe()


def test_an_unknown_name_alone_is_a_mistake_too() -> None:
    with pytest.raises(SettingsInvalid, match="ANYON_PROT: no such setting"):
        load({**MINIMAL, "ANYON_PROT": "80"})


def test_what_only_the_command_line_reads_is_no_setting() -> None:
    load({**MINIMAL, "ANYON_TOKEN": "x", "ANYON_URL": "http://x", "ANYON_REQUIRE": "all"})


def test_settings_survive_the_way_through_an_environment() -> None:
    values = {
        "data_dir": Path("/data"),
        "import_roots": (Path("/a:b"), Path("/c")),
        "migrate_on_start": False,
        "idle_seconds": 60,
        "jwt_secret": Settings(data_dir=Path("/d"), jwt_secret="s" * 40).jwt_secret,
        "public_url": None,
    }
    environment = environment_of(values)
    assert "ANYON_PUBLIC_URL" not in environment
    loaded = load(environment)
    assert {name: getattr(loaded, name) for name in values} == values
    with pytest.raises(KeyError, match="is not a setting"):
        environment_of({"idle_second": 1})
