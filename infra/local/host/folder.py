"""The data folder: made once, never removed by anything but `erase`."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from pathlib import Path

from pydantic import BaseModel

from infra.local.errors import LocalError
from infra.local.host.control import write_private
from infra.local.specs import FolderSpec

_MARKER = ".anyon-data"


class FolderState(BaseModel):
    marker: str
    """Says that the folder is ours, and which one it is."""


def apply(spec: FolderSpec) -> FolderState:
    """Make the folder, or take over one that has our marker; refuses a folder with other people's files."""
    path = Path(spec.path)
    if (state := observe(spec)) is not None:
        return state
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise LocalError(
            f"{path} has files that are not ours",
            hint="Name another folder by anyon:data_dir in infra/stacks/Pulumi.local.yaml, or empty this one.",
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        # As root the workspaces run under another user id, which passes through; what is inside is closed itself.
        path.chmod(0o711 if os.getuid() == 0 else 0o700)
        write_private(path / _MARKER, json.dumps({"marker": secrets.token_hex(8)}))
    except OSError as error:
        raise LocalError(
            f"The data folder {path} cannot be made: {error.strerror}",
            hint="Name a folder that you may write by anyon:data_dir in infra/stacks/Pulumi.local.yaml.",
        ) from error
    return FolderState.model_validate_json((path / _MARKER).read_text())


def observe(spec: FolderSpec) -> FolderState | None:
    marker = Path(spec.path) / _MARKER
    return FolderState.model_validate_json(marker.read_text()) if marker.exists() else None


def remove(spec: FolderSpec) -> None:
    """Nothing: data outlives the stack. `make purge` removes it."""


def erase(spec: FolderSpec) -> bool:
    """Delete the data for good; False when there is none. Refuses a folder without our marker."""
    path = Path(spec.path)
    if not path.exists():
        return False
    if observe(spec) is None:
        raise LocalError(f"{path} does not look like our data folder", hint="Look into it and remove it by hand.")
    _delete(path)
    return True


def _delete(path: Path) -> None:
    """By the system's tools: workspaces make trees deeper than a path may be long, and folders that are read-only."""
    if os.geteuid() != 0:
        _run("chmod", "-R", "u+rwX", "--", str(path))
    done = _run("rm", "-rf", "--one-file-system", "--", str(path))
    if done.returncode != 0:
        raise LocalError(
            f"{path} cannot be removed",
            hint="Repair what the message names, then remove the folder by hand.",
            detail=done.stderr[-2000:].strip(),
        )


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
