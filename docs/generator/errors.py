"""Every failure that a person meets."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import anyon
from anyon.agent.errors import AgentProblem
from anyon.api.problems import status_of
from anyon.errors import AnyonError
from docs.generator.markdown import code, table

SOURCE = Path(anyon.__file__).resolve().parent
# Importing them runs a program or the migrations; they define no error.
_NOT_IMPORTED = re.compile(r"\.__main__$|^anyon\.store\.migrations")


def errors() -> str:
    classes = sorted(error_classes(), key=lambda error: (error.code, error.__name__))
    return table(
        ("code", "status", "title", "detail", "what to do"),
        ((code(error.code), str(error.status_hint), error.title, error.detail, error.hint) for error in classes),
    )


def error_classes() -> set[type[AnyonError]]:
    """Every error of the product; a workspace's refusals bring codes of their own."""
    for module in pkgutil.walk_packages(anyon.__path__, "anyon."):
        if not _NOT_IMPORTED.search(module.name):
            importlib.import_module(module.name)
    return {
        error for error in _below(AnyonError) if error.__module__.startswith("anyon.") and error is not AgentProblem
    }


def _below(parent: type[AnyonError]) -> Iterator[type[AnyonError]]:
    for child in parent.__subclasses__():
        yield child
        yield from _below(child)


def request_errors() -> str:
    """The calls of `problem(…, code="…")` with a code of their own."""
    found = set()
    for call in _calls(SOURCE / "api"):
        words = {keyword.arg: _text_of(keyword.value) for keyword in call.keywords if keyword.arg}
        if _name_of(call) == "problem" and re.fullmatch(r"[a-z-]+", words.get("code", "")):
            found.add((code(words["code"]), _text_of(call.args[0]), words["hint"]))
    return table(("code", "status", "what to do"), sorted(found))


def agent_errors() -> str:
    """The calls of `Problem("code", "detail")`, and those of its subclasses' constructors."""
    found: dict[str, str] = {}
    for call in _calls(SOURCE / "agent"):
        texts = [_text_of(argument) for argument in call.args[:2]]
        if _name_of(call) in {"Problem", "AgentProblem", "__init__"} and texts and _CODE.fullmatch(texts[0]):
            detail = texts[1] if len(texts) > 1 and " " in texts[1] else ""
            found[texts[0]] = found.get(texts[0]) or detail
    rows = [(code(name), str(status_of(AgentProblem(name, ""))), detail) for name, detail in sorted(found.items())]
    return table(("code", "status", "detail"), rows)


_CODE = re.compile(r"[a-z]+(-[a-z]+)+")


def _calls(folder: Path) -> Iterator[ast.Call]:
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name_of(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def _text_of(node: ast.expr) -> str:
    """A constant as text, an f-string with names in braces, and of anything else its source."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ast.unparse(node)
    return "".join(
        f"{{{(re.findall('[a-z_]+', ast.unparse(part.value)) or ['…'])[-1]}}}"
        if isinstance(part, ast.FormattedValue)
        else _text_of(part)
        for part in node.values
    )
