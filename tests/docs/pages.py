"""The documentation as data: pages, their headings, links and code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(
    r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|(?:src|srcset)=\"(?P<image>[^\"]+)\"|!\[[^\]]*\]\((?P<picture>[^)]+)\)"
)
_REFERENCE = re.compile(r"^\[[^\]]+\]: (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def name(self) -> str:
        """Its path from the root of the repository."""
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """The code blocks in a language."""
        return [found["code"] for found in _FENCE.finditer(self.text) if found["language"] == language]

    def links(self) -> Iterator[str]:
        """Every target: of links, references and images."""
        for found in _LINK.finditer(self.prose):
            yield next(target for target in found.groups() if target)
        yield from _REFERENCE.findall(self.prose)

    def anchors(self) -> set[str]:
        """What may follow `#` in a link to this page, as the common forges make it of headings."""
        titles = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {_anchor(title) for title in titles}


def _anchor(title: str) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def pages() -> list[Page]:
    """Every page of the repository that people read."""
    return [Page(path) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])]


def page(name: str) -> Page:
    return Page(ROOT / name)
