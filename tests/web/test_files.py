"""The static files: small, vendored with proof of origin, and nothing from elsewhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from anyon.api.assets import Assets
from tests.web.shell import INDEX, STYLES, WEB, file_of, first_load_modules, import_map, import_map_text, rendered

TESTS_VENDOR = Path(__file__).parents[1] / "browser" / "vendor"
OUR_SCRIPTS = sorted((WEB / "js").rglob("*.js"))
OUR_STYLES = sorted((WEB / "css").glob("*.css"))
MOST_LINES = 250
FIRST_LOAD_BYTES = 250_000


def names(files: list[Path]) -> list[str]:
    return [file.relative_to(WEB).as_posix() for file in files]


@pytest.mark.parametrize("folder", [WEB / "vendor", TESTS_VENDOR], ids=["product", "tests"])
def test_every_vendored_file_has_a_version_a_licence_and_its_hash(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    recorded = {}
    for package in manifest["packages"]:
        assert package["version"]
        assert package["licence"]
        assert any("LICENSE" in name for name in package["files"]), f"{package['package']} comes without its licence"
        recorded.update(package["files"])
    present = {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "manifest.json"
    }
    assert present == recorded


def test_there_is_one_copy_of_each_library() -> None:
    targets = list(import_map(INDEX.read_text(encoding="utf-8")).values())
    assert len(targets) == len(set(targets))
    assert all(file_of(target).is_file() for target in targets)


def test_the_page_lists_the_styles_and_modules_that_it_needs() -> None:
    index = INDEX.read_text(encoding="utf-8")
    assert index == rendered(index), "run `python -m tests.web.shell`"


def test_the_first_load_fits_into_its_budget() -> None:
    files = [INDEX, *(WEB / "css" / f"{name}.css" for name in STYLES), *first_load_modules()]
    total = sum(len(gzip.compress(file.read_bytes())) for file in files)
    assert total <= FIRST_LOAD_BYTES, f"{total} bytes of gzip"


def test_the_terminal_is_not_part_of_the_first_load() -> None:
    assert not [file for file in first_load_modules() if "xterm" in file.as_posix() or "addon" in file.as_posix()]


@pytest.mark.parametrize("file", OUR_SCRIPTS, ids=names(OUR_SCRIPTS))
def test_a_module_is_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize(
    "file", [INDEX, *OUR_SCRIPTS, *OUR_STYLES], ids=["index.html", *names(OUR_SCRIPTS), *names(OUR_STYLES)]
)
def test_no_file_names_another_host(file: Path) -> None:
    text = re.sub(r"https?://(…|git\.example\.com)", "", file.read_text(encoding="utf-8"))
    assert not re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}", text)


def test_the_policy_allows_the_import_map_by_its_hash_and_nothing_inline() -> None:
    text = import_map_text(INDEX.read_text(encoding="utf-8"))
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    policy = Assets().content_security_policy
    assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")


def test_the_page_has_no_other_inline_script_or_style() -> None:
    index = INDEX.read_text(encoding="utf-8")
    scripts = re.findall(r"<script([^>]*)>([^<]*)", index)
    assert [attributes for attributes, body in scripts if body.strip()] == [' type="importmap"']
    assert "<style" not in index
    assert " style=" not in index
