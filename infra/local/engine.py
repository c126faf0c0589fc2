"""The Pulumi CLI, used so that everything it keeps is in the checkout: state, plugins, passphrase, settings."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import yaml

from infra import versions
from infra.local import download, relay
from infra.local.errors import LocalError
from infra.local.host.control import write_private
from infra.local.host.handlers import HANDLERS

STACK = "local"
_RETRY_SECONDS = 3600.0  # after a failed download `make up` goes on without the CLI for this long
_CONFIGURED = {"destroy", "preview", "refresh", "up"}  # commands that evaluate or check the configuration


class EngineUnavailable(LocalError):
    """There is no CLI and none can be had. `make up` goes on without."""


@dataclass(frozen=True)
class Engine:
    """One CLI at work for one checkout."""

    root: Path
    program: Path

    @property
    def folder(self) -> Path:
        return self.root / ".anyon"

    @property
    def _config_file(self) -> Path:
        return self.folder / "stack" / f"Pulumi.{STACK}.yaml"

    def up(self) -> int:
        return self.run("up", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-progress")

    def down(self) -> int:
        """Destroys what is not protected: whether data is, does not matter to who only wants to stop."""
        arguments = ("--yes", "--skip-preview", "--exclude-protected", "--suppress-outputs", "--suppress-progress")
        return self.run("destroy", *arguments)

    def run(self, command: str, *arguments: str) -> int:
        """Any command of the CLI on the stack, which is made if need be. Returns its exit status."""
        self._prepare()
        chosen = ["--stack", STACK]
        if command in _CONFIGURED:
            chosen += ["--config-file", str(self._config_file)]
        prefix = relay.alone()
        with relay.serving(HANDLERS) if prefix else nullcontext() as address:
            variables = {relay.VARIABLE: address} if address else {}
            return subprocess.run(
                [*prefix, self.program, command, *arguments, *chosen],
                cwd=self.root,
                env=self.environment(os.environ) | variables,
                check=False,
            ).returncode

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Nothing that a person has set for other stacks reaches this one."""
        others = {name: value for name, value in inherited.items() if not name.startswith("PULUMI_")}
        return {
            **others,
            "PATH": f"{self.program.parent}{os.pathsep}{inherited.get('PATH', os.defpath)}",
            "PULUMI_HOME": str(self.folder / "pulumi-home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.folder / "passphrase"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DIY_BACKEND_RETAIN_CHECKPOINTS": "true",
            "PULUMI_ERROR_OUTPUT_STRING": "true",
        }

    def _prepare(self) -> None:
        """Folders, passphrase and stack; the committed stack file with this checkout's salt beside it."""
        for name in ("state", "pulumi-home", "stack"):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.folder / "passphrase").exists():
            write_private(self.folder / "passphrase", secrets.token_urlsafe(32))
        if not has_stack(self.root):
            self._create_stack()
        salt = yaml.safe_load(self._config_file.read_text())["encryptionsalt"]
        committed = (self.root / "infra" / "stacks" / f"Pulumi.{STACK}.yaml").read_text()
        write_private(self._config_file, f"encryptionsalt: {salt}\n{committed}")

    def _create_stack(self) -> None:
        """In a project of its own: the CLI writes the salt, which differs in every checkout, into its stack file."""
        project = self._config_file.parent
        self._config_file.unlink(missing_ok=True)
        write_private(project / "Pulumi.yaml", "name: anyon\nruntime: python\n")
        created = subprocess.run(
            [self.program, "stack", "init", STACK, "--secrets-provider", "passphrase", "--non-interactive"],
            cwd=project,
            env=self.environment(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if created.returncode != 0:
            raise LocalError(
                "The stack could not be created",
                detail=created.stderr.strip(),
                hint=f"The state is in {self.folder / 'state'}; move it away to begin anew. It holds no data.",
            )


def has_stack(root: Path) -> bool:
    """Whether this checkout was ever brought up with an engine."""
    return any((root / ".anyon" / "state" / ".pulumi" / "stacks" / "anyon").glob(f"{STACK}.json*"))


def find(root: Path, environment: Mapping[str, str], *, releases: str = download.RELEASES) -> Engine:
    """The CLI from PATH, from this checkout, or from its vendor, in this order. Raises EngineUnavailable."""
    on_path = shutil.which("pulumi", path=environment.get("PATH"))
    if on_path is not None and _version(Path(on_path)) >= versions.PULUMI_OLDEST:
        return Engine(root, Path(on_path))
    folder = root / ".anyon" / "pulumi"
    ours = folder / versions.PULUMI
    if not (ours / "pulumi").exists():
        _download(folder, ours, releases)
    return Engine(root, ours / "pulumi")


def _download(folder: Path, target: Path, releases: str) -> None:
    note = folder / "unavailable"
    if note.exists() and time.time() - note.stat().st_mtime < _RETRY_SECONDS:
        raise EngineUnavailable(note.read_text().strip(), hint=f"Tried again an hour after it failed, or: rm {note}")
    sys.stdout.write(f"Fetching the Pulumi CLI {versions.PULUMI}, once ...\n")
    sys.stdout.flush()
    try:
        download.download(versions.PULUMI, target, releases=releases)
    except download.DownloadFailed as error:
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(error.summary)
        raise EngineUnavailable(error.summary, hint=error.hint) from error


def _version(program: Path) -> tuple[int, ...]:
    """(0,) for a program that does not tell."""
    answer = subprocess.run(
        [program, "version"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"},
    )
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", answer.stdout)
    return tuple(int(part) for part in found.groups()) if found else (0,)
