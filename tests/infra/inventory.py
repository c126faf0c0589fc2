"""Golden plans: what each stack declares, as a page that a person reads in a pull request.

`python -m tests.infra.inventory` writes them again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from infra.config.loader import from_file
from infra.config.local import LocalConfig
from infra.program import build
from tests.infra.recorder import Recording, Secret, record

REPOSITORY = Path(__file__).resolve().parents[2]
STACKS = ("local",)
_RELEASE = "0123456789abcdef"


def config_of(stack: str) -> LocalConfig:
    """The committed stack file, with a release that does not change with every edit."""
    return from_file(REPOSITORY, stack, {}, release=_RELEASE)


def inventory(stack: str) -> dict[str, Any]:
    config = config_of(stack)
    return describe(record(lambda: build(config), stack))


def describe(recording: Recording) -> dict[str, Any]:
    return {
        "counts": recording.counts(),
        "outputs": sorted(recording.outputs[""]),
        "resources": {
            resource.name: {
                "type": resource.type,
                **({"parent": resource.parent} if resource.parent else {}),
                **({"depends_on": resource.depends_on} if resource.depends_on else {}),
                **{name: True for name in ("protect", "retain_on_delete") if getattr(resource, name)},
                **({"inputs": _readable(resource.inputs)} if resource.inputs else {}),
            }
            for resource in sorted(recording.resources, key=lambda resource: resource.name)
        },
    }


def path_of(stack: str) -> Path:
    return Path(__file__).parent / "inventories" / f"{stack}.yaml"


def _readable(value: Any) -> Any:
    match value:
        case Secret(value=inner):
            return {"secret": sorted(inner) if isinstance(inner, dict) else "…"}
        case dict():
            return {key: _readable(item) for key, item in sorted(value.items())}
        case list():
            return [_readable(item) for item in value]
        case str():
            return value.replace(str(REPOSITORY), "<checkout>")
        case _:
            return value


class _Dumper(yaml.SafeDumper):
    """Items of a list stand deeper than its key, as the linter wants it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def main() -> None:
    for stack in STACKS:
        text = yaml.dump(inventory(stack), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
        path_of(stack).write_text(f"---\n{text}")


if __name__ == "__main__":
    main()
