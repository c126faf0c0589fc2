"""The command line: help with examples, exit codes, and the same three sentences for every failure."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anyon import __version__
from anyon.cli import FAILED, UNREACHABLE, USAGE, build_parser, main
from anyon.settings import Settings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANYON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ANYON_ISOLATION", "none")
    monkeypatch.delenv("ANYON_TOKEN", raising=False)
    monkeypatch.setenv("ANYON_URL", "http://127.0.0.1:9")


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield child
                yield from parsers(child)


@pytest.mark.parametrize("parser", list(parsers(build_parser())), ids=lambda parser: parser.prog)
def test_every_command_explains_itself_with_an_example(parser: argparse.ArgumentParser) -> None:
    text = parser.format_help()
    assert parser.description
    assert "example:\n  " in text
    assert "anyon" in text.split("example:")[1]


def test_the_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for code in (0, FAILED, USAGE, UNREACHABLE):
        assert f"\n  {code}  " in text


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"anyon {__version__}\n"


@pytest.mark.parametrize("line", [[], ["fly"], ["user"], ["user", "add"], ["token", "create"], ["serve", "--fast"]])
def test_a_line_that_is_not_understood_exits_with_2(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == USAGE
    assert "usage: anyon" in capsys.readouterr().err


@pytest.mark.parametrize("days", ["0", "366", "-1", "many", "9" * 400])
def test_days_out_of_range_are_answered_with_the_range(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["token", "create", "--user", "ada@example.org", f"--days={days}"])
    assert ended.value.code == USAGE
    assert capsys.readouterr().err.endswith(f"argument --days: {days!r} is not a number from 1 to 365\n")


def test_settings_are_printed_with_meaning_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    text = capsys.readouterr().out
    for name in Settings.model_fields:
        assert f"ANYON_{name.upper()}  (" in text
    assert "ANYON_DATA_DIR  (required)" in text


def test_a_wrong_setting_fails_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANYON_PORT", "0")
    assert main(["migrate"]) == FAILED
    title, hint = capsys.readouterr().err.splitlines()
    assert title == "The settings are not valid: ANYON_PORT: Input should be greater than or equal to 1"
    assert "anyon settings" in hint


def test_migrate_makes_the_database(tmp_path: Path) -> None:
    assert main(["migrate"]) == 0
    assert (tmp_path / "data" / "anyon.db").stat().st_size > 0
    assert main(["migrate"]) == 0


def test_accounts_are_made_listed_linked_and_disabled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*line: str) -> str:
        assert main(line) == 0
        return capsys.readouterr().out

    monkeypatch.setenv("ANYON_ALLOW_UNISOLATED_ACCOUNTS", "true")
    run("migrate")
    assert run("user", "admin-link").startswith("http://127.0.0.1:8080/login#token=")
    assert run("user", "admin-link", "--unless-logged-in") != ""
    assert run("user", "add", "Ada@example.org").startswith("http://127.0.0.1:8080/login#token=")
    assert run("user", "link", "ada@example.org").startswith("http://127.0.0.1:8080/login#token=")
    assert run("token", "create", "--user", "ada@example.org", "--days", "1").count(".") == 2
    run("user", "disable", "ada@example.org")
    assert "ada@example.org\tmember\tdisabled\tAda" in run("user", "list")
    for refused in (("token", "create", "--user", "ada@example.org"), ("user", "link", "ada@example.org")):
        assert main(refused) == FAILED
        answer = capsys.readouterr()
        assert (answer.out, "disabled" in answer.err) == ("", True)


@pytest.mark.parametrize("line", [("user", "list"), ("user", "admin-link"), ("token", "create", "--user", "a@b")])
@pytest.mark.parametrize(("exists", "reason"), [(False, "is not a folder"), (True, "holds no database")])
def test_a_place_without_an_installation_is_named_and_nothing_is_made_there(
    line: tuple[str, ...], exists: bool, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "data"
    if exists:
        place.mkdir()
    assert main(line) == FAILED
    assert f"{place}, which ANYON_DATA_DIR names, {reason}." in capsys.readouterr().err
    assert (list(place.iterdir()) if exists else place.exists()) in ([], False)


def test_an_account_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    main(["migrate"])
    assert main(["user", "link", "nobody@example.org"]) == FAILED
    assert "nobody@example.org" in capsys.readouterr().err


def test_without_a_token_the_way_to_one_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["project", "list"]) == FAILED
    assert "anyon token create" in capsys.readouterr().err


def test_a_service_that_does_not_answer_exits_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANYON_TOKEN", "x")
    assert main(["project", "list"]) == UNREACHABLE
    assert "http://127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, FAILED), (BrokenPipeError, 0)])
def test_an_interruption_is_no_traceback(
    error: type[BaseException], code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_arguments: Any) -> int:
        raise error

    monkeypatch.setattr("anyon.cli.service._settings", interrupted)
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr("sys.stdout", out)
        assert main(["settings"]) == code
