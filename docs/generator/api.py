"""The OpenAPI document and the WebSockets, in words."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIWebSocketRoute
from starlette.routing import BaseRoute

from anyon.api.app import build_app
from anyon.settings import Settings
from docs.generator.markdown import code, codes, paragraphs, table


@cache
def _application() -> FastAPI:
    return build_app(Settings(data_dir=Path("/var/lib/anyon")))


def api() -> str:
    groups: dict[str, list[str]] = {}
    for path, operations in _application().openapi()["paths"].items():
        for method, operation in operations.items():
            group = groups.setdefault(operation.get("tags", ["system"])[0], [])
            group.append(_operation(f"{method.upper()} {path}", operation))
    return paragraphs(*(part for tag, texts in sorted(groups.items()) for part in (f"## {tag.capitalize()}", *texts)))


def _operation(name: str, operation: Mapping[str, Any]) -> str:
    fields = [
        (code(field["name"]), _kind(field["schema"]), _needed(field.get("required", False), field["schema"]))
        for field in operation.get("parameters", [])
        if field["in"] == "query"
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    answers = [
        f"{status} {_answer(status, answer)}"
        for status, answer in operation["responses"].items()
        if not status.endswith("XX")
    ]
    return paragraphs(
        f"### {name}",
        operation.get("description", ""),
        table(("query", "value", "default"), fields) if fields else "",
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
        return " or ".join(code(value) for value in schema.get("enum", [schema.get("const")]))
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
    return code(json.dumps(schema["default"])) if schema.get("default") is not None else "—"


def api_shapes() -> str:
    shapes: Mapping[str, Any] = _application().openapi()["components"]["schemas"]
    own = {name: shape for name, shape in sorted(shapes.items()) if not re.match(r"(List)?Data_", name)}
    return paragraphs(*(_shape(name, shape) for name, shape in own.items()))


def _shape(name: str, shape: Mapping[str, Any]) -> str:
    fields = shape.get("properties")
    if fields is None:
        return paragraphs(f"### {name}", f"{_kind(shape)}.", shape.get("description", ""))
    required = set(shape.get("required", ()))
    rows = [
        (code(field), _kind(schema), _needed(field in required, schema), schema.get("description", ""))
        for field, schema in fields.items()
    ]
    members = table(("field", "value", "default", "meaning"), rows)
    return paragraphs(f"### {name}", shape.get("description", ""), members)


def api_sockets() -> str:
    return paragraphs(
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
    query = codes(field.alias for field in route.dependant.query_params)
    return paragraphs(f"### WS {route.path}", inspect.getdoc(route.endpoint) or "", f"Query: {query}." if query else "")
