#!/usr/bin/env python3
"""Fills the blocks of the documentation that repeat the code: tables of settings, metrics, errors, API and commands.

A block stands between `<!-- begin generated: NAME -->` and `<!-- end generated -->`. `make docs` fills them all;
`tests/docs/test_generated.py` fails when one differs from what the code says now.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar, get_args

from annotated_types import Ge, Gt, Le, Lt
from fastapi import FastAPI
from fastapi.routing import APIWebSocketRoute
from pydantic.fields import FieldInfo
from starlette.routing import BaseRoute

import anyon
from anyon.agent.errors import AgentProblem
from anyon.api.app import build_app
from anyon.api.problems import status_of
from anyon.cli import build_parser
from anyon.domain import machines
from anyon.errors import AnyonError
from anyon.metrics import CATALOGUE, IDLE_DURATIONS, MAX_PROJECT_LABELS, Kind
from anyon.settings import ENVIRONMENT_PREFIX, Settings

DOCS = Path(__file__).resolve().parent
SOURCE = Path(anyon.__file__).resolve().parent
_BLOCK = re.compile(
    r"(<!-- begin generated: (?P<name>[\w-]+) -->\n).*?(<!-- end generated -->)",
    re.DOTALL,
)
# Importing them runs a program or the migrations; they define no error.
_NOT_IMPORTED = re.compile(r"\.__main__$|^anyon\.store\.migrations")
Row = Sequence[str]


def main() -> None:
    """Write every page."""
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")


def documents() -> dict[Path, str]:
    """Every page that holds a generated block, with each block as the code would have it now."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    return {path: filled(text) for path, text in texts.items() if _BLOCK.search(text)}


def filled(text: str) -> str:
    """The text with the content of each block made anew; what stands around the blocks is written by hand."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found['name']]()}\n\n{found[3]}", text)


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: object) -> str:
    return f"`{text}`"


def _codes(texts: Iterable[object]) -> str:
    return ", ".join(_code(text) for text in texts)


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(text.strip() for text in texts if text.strip())


# --- settings ---------------------------------------------------------------------------------------------------------

_BOUNDS: tuple[tuple[type, str, str], ...] = ((Ge, "ge", "≥"), (Gt, "gt", ">"), (Le, "le", "≤"), (Lt, "lt", "<"))
_TYPES = {
    "Path": "path",
    "SecretStr": "secret",
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "`true` or `false`",
}


def settings() -> str:
    return _table(
        ("variable", "value", "default", "meaning"),
        (
            (_code(ENVIRONMENT_PREFIX + name.upper()), _type_of(field), _default_of(field), field.description or "")
            for name, field in Settings.model_fields.items()
        ),
    )


def _type_of(field: FieldInfo) -> str:
    options = [kind for kind in get_args(field.annotation) if kind not in (type(None), ...)]
    first: Any = options[0] if options else field.annotation
    if issubclass(first, StrEnum):
        return " or ".join(_code(value.value) for value in first)
    for pattern in (getattr(rule, "pattern", None) for rule in field.metadata):
        if pattern:
            return " or ".join(_code(word) for word in pattern.strip("^()$").split("|"))
    text = _TYPES[first.__name__]
    return ", ".join([f"list of {text}s" if str(field.annotation).startswith("tuple") else text, *_bounds_of(field)])


def _bounds_of(field: FieldInfo) -> Iterator[str]:
    for kind, name, sign in _BOUNDS:
        for rule in field.metadata:
            if isinstance(rule, kind):
                yield f"{sign} {getattr(rule, name)}"


def _default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default in (None, ()):
        return "—"
    return _code(json.dumps(field.default) if isinstance(field.default, bool) else field.default)


# --- metrics ----------------------------------------------------------------------------------------------------------

_SORTED = sorted(CATALOGUE, key=lambda metric: metric.name)


def metrics() -> str:
    return _table(
        ("series", "kind", "labels", "what it says"),
        ((_code(metric.name), metric.kind.value, _codes(metric.labels) or "—", metric.help) for metric in _SORTED),
    )


def metric_labels() -> str:
    bounds = [(_code(name), f"at most {bound:g} s" if isfinite(bound) else "more") for name, bound in IDLE_DURATIONS]
    project = f"the id for the first {MAX_PROJECT_LABELS} projects, then `other`"
    rows = [("`idle_duration`", "; ".join(f"{name}: {bound}" for name, bound in bounds)), ("`project_id`", project)]
    return _table(("label", "values"), rows)


def metric_buckets() -> str:
    return _table(
        ("series", "upper bounds in seconds"),
        (
            (_code(metric.name), ", ".join(f"{bound:g}" for bound in metric.buckets))
            for metric in _SORTED
            if metric.kind is Kind.HISTOGRAM
        ),
    )


# --- errors -----------------------------------------------------------------------------------------------------------


def errors() -> str:
    classes = sorted(error_classes(), key=lambda error: (error.code, error.__name__))
    return _table(
        ("code", "status", "title", "detail", "what to do"),
        ((_code(error.code), str(error.status_hint), error.title, error.detail, error.hint) for error in classes),
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
            found.add((_code(words["code"]), _text_of(call.args[0]), words["hint"]))
    return _table(("code", "status", "what to do"), sorted(found))


def agent_errors() -> str:
    """The calls of `Problem("code", "detail")`, and those of its subclasses' constructors."""
    found: dict[str, str] = {}
    for call in _calls(SOURCE / "agent"):
        texts = [_text_of(argument) for argument in call.args[:2]]
        if _name_of(call) in {"Problem", "AgentProblem", "__init__"} and texts and _CODE.fullmatch(texts[0]):
            detail = texts[1] if len(texts) > 1 and " " in texts[1] else ""
            found[texts[0]] = found.get(texts[0]) or detail
    rows = [(_code(code), str(status_of(AgentProblem(code, ""))), detail) for code, detail in sorted(found.items())]
    return _table(("code", "status", "detail"), rows)


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


# --- API --------------------------------------------------------------------------------------------------------------


@cache
def _application() -> FastAPI:
    return build_app(Settings(data_dir=Path("/var/lib/anyon")))


def api() -> str:
    groups: dict[str, list[str]] = {}
    for path, operations in _application().openapi()["paths"].items():
        for method, operation in operations.items():
            group = groups.setdefault(operation.get("tags", ["system"])[0], [])
            group.append(_operation(f"{method.upper()} {path}", operation))
    return _paragraphs(*(part for tag, texts in sorted(groups.items()) for part in (f"## {tag.capitalize()}", *texts)))


def _operation(name: str, operation: Mapping[str, Any]) -> str:
    fields = [
        (_code(field["name"]), _kind(field["schema"]), _needed(field.get("required", False), field["schema"]))
        for field in operation.get("parameters", [])
        if field["in"] == "query"
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    answers = [
        f"{status} {_answer(status, answer)}"
        for status, answer in operation["responses"].items()
        if not status.endswith("XX")
    ]
    return _paragraphs(
        f"### {name}",
        operation.get("description", ""),
        _table(("query", "value", "default"), fields) if fields else "",
        (f"Body: {_kind(body['schema'])}. " if body else "") + f"Answer: {', '.join(answers)}.",
    )


def _answer(status: str, answer: Mapping[str, Any]) -> str:
    if status == "204":
        return "nothing"
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    return _kind(schema) if schema else "text"


_LIMITS = (
    ("minimum", "≥ {:g}"),
    ("exclusiveMinimum", "> {:g}"),
    ("maximum", "≤ {:g}"),
    ("maxLength", "≤ {} characters"),
)


def _kind(schema: Mapping[str, Any]) -> str:
    """A JSON schema in words."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " or ".join(_code(value) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    name = schema.get("type", "anything")
    name = schema.get("format", "text") if name == "string" else name
    return ", ".join([name, *(form.format(schema[limit]) for limit, form in _LIMITS if limit in schema)])


def _link(name: str) -> str:
    wrapped = re.fullmatch(r"(List)?Data_(\w+)_", name)
    many, shape = (wrapped[1], wrapped[2]) if wrapped else (None, name)
    return f"{'list of ' if many else ''}[{shape}](#{shape.lower()})"


def _needed(required: bool, schema: Mapping[str, Any]) -> str:
    if required:
        return "required"
    return _code(json.dumps(schema["default"])) if schema.get("default") is not None else "—"


def api_shapes() -> str:
    shapes: Mapping[str, Any] = _application().openapi()["components"]["schemas"]
    own = {name: shape for name, shape in sorted(shapes.items()) if not re.match(r"(List)?Data_", name)}
    return _paragraphs(*(_shape(name, shape) for name, shape in own.items()))


def _shape(name: str, shape: Mapping[str, Any]) -> str:
    fields = shape.get("properties")
    if fields is None:
        return _paragraphs(f"### {name}", f"{_kind(shape)}.", shape.get("description", ""))
    required = set(shape.get("required", ()))
    rows = [
        (_code(field), _kind(schema), _needed(field in required, schema), schema.get("description", ""))
        for field, schema in fields.items()
    ]
    table = _table(("field", "value", "default", "meaning"), rows)
    return _paragraphs(f"### {name}", shape.get("description", ""), table)


def api_sockets() -> str:
    return _paragraphs(
        *(_socket(route) for route in sorted(_sockets(_application().routes), key=lambda route: route.path))
    )


def _sockets(routes: Iterable[BaseRoute]) -> Iterator[APIWebSocketRoute]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _sockets(included.routes)
        elif isinstance(route, APIWebSocketRoute):
            yield route


def _socket(route: APIWebSocketRoute) -> str:
    query = _codes(field.alias for field in route.dependant.query_params)
    return _paragraphs(f"### WS {route.path}", route.endpoint.__doc__ or "", f"Query: {query}." if query else "")


# --- command line -----------------------------------------------------------------------------------------------------


def cli() -> str:
    return _paragraphs(*_commands(build_parser(), "anyon"))


def exit_codes() -> str:
    return f"```text\n{(build_parser().epilog or '').strip()}\n```"


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, child in action.choices.items():
                yield from _commands(child, f"{name} {word}")
            return
    rows = [
        (_code(_spelled(action)), _value_of(action), action.help or "")
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction)
    ]
    example = (parser.epilog or "").removeprefix("example:").strip()
    table = _table(("argument", "default", "meaning"), rows) if rows else ""
    yield _paragraphs(f"## {name}", parser.description or "", table, f"```text\n{example}\n```")


def _spelled(action: argparse.Action) -> str:
    value = str(action.metavar or action.dest).upper()
    if not action.option_strings:
        return value
    return action.option_strings[0] if action.nargs == 0 else f"{action.option_strings[0]} {value}"


def _value_of(action: argparse.Action) -> str:
    if action.required:
        return "required"
    return "—" if action.default in (None, False, "") else _code(action.default)


# --- state machines ---------------------------------------------------------------------------------------------------

State = TypeVar("State", bound=StrEnum)
Happening = TypeVar("Happening", bound=StrEnum)


def _diagram(table: Mapping[tuple[State, Happening], State]) -> str:
    """A Mermaid state diagram with one arrow per line of the table."""
    arrows = [f"    {source} --> {target}: {event}" for (source, event), target in table.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(table))[0]}", *arrows, "```"])


def task_columns() -> str:
    columns: dict[str, list[str]] = {}
    for attempt, task in machines.TASK_AFTER.items():
        columns.setdefault(task.value, []).append(attempt.value)
    rows = [(_codes(states), _code(task)) for task, states in columns.items()]
    return _table(("newest attempt", "column of its task"), rows)


BLOCKS: Mapping[str, Callable[[], str]] = {
    "settings": settings,
    "metrics": metrics,
    "metric-labels": metric_labels,
    "metric-buckets": metric_buckets,
    "errors": errors,
    "request-errors": request_errors,
    "agent-errors": agent_errors,
    "api": api,
    "api-sockets": api_sockets,
    "api-shapes": api_shapes,
    "cli": cli,
    "exit-codes": exit_codes,
    "attempt-machine": lambda: _diagram(machines.ATTEMPT),
    "workspace-machine": lambda: _diagram(machines.WORKSPACE),
    "task-columns": task_columns,
}

if __name__ == "__main__":
    main()
