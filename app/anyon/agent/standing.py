"""What `git status` says about a worktree: whether there is something to commit, and what must not be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from anyon.agent.git import Git
from anyon.agent.problems import Problem

_LIMIT_BYTES = 67_108_864
_GITLINK = "160000"
# How many fields stand before the path of an entry, by its kind.
_FIELDS = {"1": 8, "u": 10, "?": 1}


class Standing(NamedTuple):
    """Paths are relative to the worktree."""

    changed: int  # files that differ from the commit, new ones included, but for those below
    unmerged: list[str]
    nested: list[str]  # new folders that are repositories of their own
    links: list[str]  # staged as repositories of their own, which the commit does not know as such


async def standing_of(git: Git, path: str) -> Standing:
    """Takes one process. Raises Problem `too-many-changes` past _LIMIT_BYTES of paths."""
    options = ("--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty")
    output = await git.run("status", *options, cwd=path, limit=_LIMIT_BYTES)
    if output.truncated:
        raise Problem(
            "too-many-changes",
            f"The worktree has changed files whose names take more than {_LIMIT_BYTES} bytes.",
            "Remove what is not meant to be committed, or list it in .gitignore.",
        )
    changed, unmerged, nested, links = 0, list[str](), list[str](), list[str]()
    for kind, fields, name in _entries(output.fields):
        if kind == "u":
            unmerged.append(name)
        elif name.endswith("/"):
            nested.append(name[:-1])
        else:
            changed += 1
            if fields[4:5] == [_GITLINK] and fields[3] != _GITLINK:
                links.append(name)
    return Standing(changed, unmerged, nested, links)


async def new_links(git: Git, path: str, base: str) -> list[str]:
    """What the commits of a worktree since `base` made a repository of its own."""
    options = ("-r", "--raw", "-z", "--no-renames")
    output = await git.run("diff-tree", *options, base, "HEAD", "--", cwd=path, limit=_LIMIT_BYTES)
    fields = iter(output.fields)
    return [
        name
        for description, name in zip(fields, fields, strict=False)
        if description.split(" ")[1] == _GITLINK and description.split(" ")[0] != f":{_GITLINK}"
    ]


async def submodules(git: Git, path: str) -> frozenset[str]:
    """The paths that `.gitmodules` names; a file that git cannot read names none."""
    options = ("--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    output = await git.run("config", *options, cwd=path, accept=(0, 1, 3, 128))
    return frozenset(field.partition("\n")[2].strip("/") for field in output.fields)


def _entries(lines: list[str]) -> Iterator[tuple[str, list[str], str]]:
    """Kind, fields and path of each entry."""
    for line in lines:
        count = _FIELDS.get(line[:1])
        if count is not None:
            *fields, name = line.split(" ", count)
            yield line[0], fields, name
