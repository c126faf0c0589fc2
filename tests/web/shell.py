"""What index.html lists (styles, preloaded modules) follows from the files; `python -m tests.web.shell` writes it."""

from __future__ import annotations

import json
import re
from pathlib import Path

WEB = Path(__file__).parents[2] / "app" / "anyon" / "web"
INDEX = WEB / "index.html"
STYLES = ("tokens", "base", "controls", "forms", "frame", "projects", "board", "attempt", "diff", "terminal_pane")

_IMPORT = re.compile(r'^(?:import|export)\b[^"\n]*?from "([^"]+)"|^import "([^"]+)"', re.MULTILINE)
_VENDORED_IMPORT = re.compile(r'(?:^|[;}])\s*(?:import|export)\s*(?:[\w$*{}\s,]*\bfrom)?\s*"([^"]+)"')
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)
_STYLE_LINKS = re.compile(r"(?:    <link rel=\"stylesheet\"[^\n]*\n)+|<!--styles-->\n")
_PRELOADS = re.compile(r"(?:    <link rel=\"modulepreload\"[^\n]*\n)+|<!--preload-->\n")


def import_map_text(index: str) -> str:
    """The exact inline text that the policy's hash covers."""
    found = _IMPORT_MAP.search(index)
    assert found is not None
    return found.group(1)


def import_map(index: str) -> dict[str, str]:
    imports: dict[str, str] = json.loads(import_map_text(index))["imports"]
    return imports


def file_of(address: str) -> Path:
    return WEB / address.removeprefix("/assets/")


def imports_of(file: Path, names: dict[str, str]) -> list[Path]:
    """The files that a module imports statically, in order."""
    text = file.read_text(encoding="utf-8")
    pattern = _VENDORED_IMPORT if "vendor" in file.parts else _IMPORT
    specifiers = ["".join(groups) if isinstance(groups, tuple) else groups for groups in pattern.findall(text)]
    return [(file.parent / name).resolve() if name.startswith(".") else file_of(names[name]) for name in specifiers]


def first_load_modules() -> list[Path]:
    """Everything that main.js imports without being asked, main.js first."""
    names = import_map(INDEX.read_text(encoding="utf-8"))
    seen: list[Path] = []
    waiting = [WEB / "js" / "main.js"]
    while waiting:
        file = waiting.pop(0)
        if file in seen:
            continue
        seen.append(file)
        waiting.extend(imports_of(file, names))
    return seen


def address_of(file: Path) -> str:
    return f"/assets/{file.relative_to(WEB).as_posix()}"


def rendered(index: str) -> str:
    """index.html with the lists brought up to date."""
    styles = "".join(f'    <link rel="stylesheet" href="/assets/css/{name}.css">\n' for name in STYLES)
    modules = sorted(address_of(file) for file in first_load_modules()[1:])
    preloads = "".join(f'    <link rel="modulepreload" href="{address}">\n' for address in modules)
    return _PRELOADS.sub(preloads, _STYLE_LINKS.sub(styles, index, count=1), count=1)


if __name__ == "__main__":
    INDEX.write_text(rendered(INDEX.read_text(encoding="utf-8")), encoding="utf-8")
