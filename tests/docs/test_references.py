"""What a page points to is there: links, anchors, files, commands, requirements."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyon.cli import build_parser
from tests.docs.pages import ROOT, Page, page, pages

_PATH = re.compile(r"`((?:app|docs|infra|requirements|tests|\.ci|\.github)/[\w./-]*\w)/?`")
_IN_CODE = re.compile(r"\b(docs/[\w/-]+\.md)\b")
_ID = r"[AFRTX]\d{1,2}"
_CITED = re.compile(rf"\(((?:{_ID}(?:-{_ID})?(?:, )?)+)(?:\)|:)")
_EXPLAINED = re.compile(rf"^\| ({_ID}) \| (.+) \|$", re.MULTILINE)
_SOURCES = ("app/anyon/**/*.py", "infra/**/*.py", "tests/**/*.py", "infra/**/*.yaml", "app/anyon/**/*.yaml")


def sources() -> Iterator[Path]:
    for pattern in _SOURCES:
        yield from ROOT.glob(pattern)


@pytest.mark.parametrize("document", pages(), ids=lambda each: each.name)
def test_every_link_of_a_page_leads_somewhere(document: Page) -> None:
    broken = []
    for target in document.links():
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        other = Page((document.path.parent / path).resolve()) if path else document
        if not other.path.exists() or (anchor and anchor not in other.anchors()):
            broken.append(target)
    assert broken == []


def test_files_that_pages_name_exist() -> None:
    named = {(each.name, path) for each in pages() for path in _PATH.findall(each.prose)}
    assert {(name, path) for name, path in named if not (ROOT / path).exists()} == set()


def test_pages_that_code_names_exist() -> None:
    product = [path for path in sources() if not path.is_relative_to(ROOT / "tests")]
    named = {(str(path), name) for path in product for name in _IN_CODE.findall(path.read_text(encoding="utf-8"))}
    assert {(path, name) for path, name in named if not (ROOT / name).exists()} == set()


def test_make_targets_that_pages_name_exist() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for each in pages() for target in re.findall(r"(?:^|`)make ([a-z-]+)", each.text, re.MULTILINE)}
    assert named - known == set()


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command below a parser, with its name."""
    for action in parser._actions:
        for word, child in (action.choices or {}).items() if isinstance(action, argparse._SubParsersAction) else ():
            yield word, child
            yield from ((f"{word} {name}", deeper) for name, deeper in _commands(child))


def test_commands_that_pages_name_exist() -> None:
    known = {name for name, _ in _commands(build_parser())}
    named = {
        (each.name, found)
        for each in pages()
        for found in re.findall(r"(?:`|\$\(|^|bin/)anyon ([a-z]+)", each.text, re.MULTILINE)
    }
    assert {(name, found) for name, found in named if found not in known} == set()


def test_the_example_of_every_command_can_be_parsed() -> None:
    for name, parser in _commands(build_parser()):
        example = re.search(
            r"(?<![/\w])anyon ((?:[^)\n\"]|\"[^\"]*\")+)", (parser.epilog or "").partition("example:")[2]
        )
        assert example, name
        build_parser().parse_args(shlex.split(example[1]))


def _cited(text: str) -> Iterator[str]:
    """Ids in parentheses; `R13-R15` stands for three."""
    for group in _CITED.findall(text):
        for item in group.strip(", ").split(", "):
            first, _, last = item.partition("-")
            for number in range(int(first[1:]), int((last or first)[1:]) + 1):
                yield f"{first[0]}{number}"


def test_every_cited_requirement_is_explained() -> None:
    explained = {name for name, _ in _EXPLAINED.findall(page("docs/reference/requirements.md").text)}
    texts = [(str(path), path.read_text(encoding="utf-8")) for path in sources()]
    texts += [(each.name, each.prose) for each in pages()]
    missing = {(name, found) for name, text in texts for found in _cited(text) if found not in explained}
    assert missing == set(), "explain them in docs/reference/requirements.md"


def test_citations_are_found_in_every_form_that_is_used() -> None:
    text = "One (R5), two (R5, X3-X5), a reason (X8: cookies), no id (HS256), none (A)."
    assert list(_cited(text)) == ["R5", "R5", "X3", "X4", "X5", "X8"]


def test_a_requirement_is_explained_once_and_in_order() -> None:
    names = [name for name, _ in _EXPLAINED.findall(page("docs/reference/requirements.md").text)]
    groups = "".join(dict.fromkeys(name[0] for name in names))
    assert names == sorted(set(names), key=lambda name: (groups.index(name[0]), int(name[1:])))


def test_every_marker_is_in_the_table_of_tests() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    markers = {line.partition(":")[0] for line in settings["markers"]}
    table = page("CONTRIBUTING.md").text.partition("| marker |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == markers


def _decisions() -> list[Page]:
    return [each for each in pages() if re.fullmatch(r"docs/adr/\d{4}-[\w-]+\.md", each.name)]


def test_decisions_are_numbered_without_a_hole() -> None:
    numbers = [int(each.path.name[:4]) for each in _decisions()]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("decision", _decisions(), ids=lambda each: each.path.stem)
def test_a_decision_says_what_was_rejected_and_what_would_reverse_it(decision: Page) -> None:
    assert decision.text.startswith(f"# {int(decision.path.name[:4])}. ")
    headings = re.findall(r"^## (.+)$", decision.text, re.MULTILINE)
    assert headings == ["Context", "Decision", "What was rejected, and why", "What would reverse it"]


def test_the_index_of_decisions_is_complete() -> None:
    listed = re.findall(r"^\| \[\d+\]\(([\w.-]+)\)", page("docs/adr/README.md").text, re.MULTILINE)
    assert listed == [each.path.name for each in _decisions()]


def test_every_dependency_has_its_reason() -> None:
    text = page("docs/adr/0006-dependencies.md").text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\[>=<]", requirement)[0] for requirement in wanted}
    for manifest in ("app/anyon/web/vendor/manifest.json", "tests/browser/vendor/manifest.json"):
        names |= {each["package"] for each in json.loads((ROOT / manifest).read_text())["packages"]}
    parts = {"@xterm/addon-fit", "@xterm/addon-search", "@xterm/addon-unicode11", "@xterm/addon-web-links"}
    short = {"pytest-asyncio", "pytest-cov", "pytest-randomly", "pytest-timeout"}
    told = {*names - parts - short, *(name.partition("addon-")[2] for name in names & parts)}
    told |= {name.partition("-")[2] for name in names & short}
    assert {name for name in told if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)} == set()


def test_every_action_of_the_workflow_is_pinned_to_a_commit() -> None:
    workflows = [path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yaml")]
    used = [name for text in workflows for name in re.findall(r"uses: (\S+)", text)]
    assert used
    assert [name for name in used if not re.search(r"@[0-9a-f]{40}$", name)] == []
