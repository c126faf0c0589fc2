"""Fetches the Pulumi CLI from its vendor's release, checks it and unpacks it; gives up quickly.

The release publishes a file of SHA-256 checksums beside its archives. It comes over HTTPS from the same place, so it
guards against a broken or cut download, not against a vendor whose release was replaced.
"""

from __future__ import annotations

import hashlib
import http.client
import platform
import shutil
import socket
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.errors import LocalError

RELEASES = "https://github.com/pulumi/pulumi/releases/download"
_ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64"}
_CONNECT_SECONDS = 3.0
_WHOLE_SECONDS = 120.0
_CHUNK = 1 << 20


class DownloadFailed(LocalError):
    """The CLI cannot be had this way; nothing of it is left on disk."""

    def __init__(self, summary: str) -> None:
        super().__init__(summary, hint="Install the Pulumi CLI yourself and put it on PATH.")


def download(version: str, target: Path, *, releases: str = RELEASES, seconds: float = _WHOLE_SECONDS) -> None:
    """Put the release into the folder `target`, all of it or nothing. Raises DownloadFailed."""
    deadline = time.monotonic() + seconds
    archive = f"pulumi-v{version}-linux-{_architecture()}.tar.gz"
    base = f"{releases}/v{version}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as folder:
        draft = Path(folder)
        try:
            _require_name(urlsplit(base).hostname or "")
            wanted = _published_digest(f"{base}/pulumi-{version}-checksums.txt", archive, deadline)
            found = _fetch(f"{base}/{archive}", draft / archive, deadline)
            if found != wanted:
                raise DownloadFailed(f"{archive} is damaged: its SHA-256 is {found}, published is {wanted}")
            unpacked = draft / "unpacked"
            _unpack(draft / archive, unpacked)
        except (OSError, http.client.HTTPException, tarfile.TarError) as error:
            raise DownloadFailed(f"{base} does not give it: {_reason(error)}") from error
        if not (unpacked / "pulumi").is_file():
            raise DownloadFailed(f"{archive} does not hold pulumi/pulumi")
        shutil.rmtree(target, ignore_errors=True)
        unpacked.rename(target)


def _unpack(archive: Path, folder: Path) -> None:
    """The files directly within the archive's folder `pulumi`; nothing else is taken, wherever it would go.

    Python 3.11 has filters for this only from 3.11.4 on.
    """
    folder.mkdir()
    with tarfile.open(archive) as content:
        for member in content:
            top, _, name = member.name.removeprefix("./").partition("/")
            source = content.extractfile(member) if member.isfile() and top == "pulumi" else None
            if source is not None and name and "/" not in name and name not in (".", ".."):
                with (folder / name).open("xb") as file:
                    shutil.copyfileobj(source, file)
                (folder / name).chmod(member.mode & 0o755)


def _require_name(host: str) -> None:
    """Fail within the connect timeout where names cannot be resolved; the resolver itself takes its time."""
    if urllib.request.getproxies():
        return  # then the proxy resolves names
    answers: list[object] = []

    def resolve() -> None:
        try:
            answers.append(socket.getaddrinfo(host, 443))
        except OSError as error:
            answers.append(error)

    resolver = threading.Thread(target=resolve, daemon=True)
    resolver.start()
    resolver.join(_CONNECT_SECONDS)
    if not answers:
        raise TimeoutError(f"the name {host} was not resolved within {_CONNECT_SECONDS:g} s")
    if isinstance(answers[0], OSError):
        raise answers[0]


def _architecture() -> str:
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise DownloadFailed(f"there is no Pulumi CLI for {machine}")
    return _ARCHITECTURES[machine]


def _published_digest(url: str, archive: str, deadline: float) -> str:
    with _open(url) as answer:
        lines = b"".join(_chunks(answer, deadline)).decode().splitlines()
    for line in lines:
        digest, _, name = line.strip().partition(" ")
        if name.strip().lstrip("*") == archive:
            return digest.lower()
    raise DownloadFailed(f"{url} names no {archive}")


def _fetch(url: str, file: Path, deadline: float) -> str:
    digest = hashlib.sha256()
    with _open(url) as answer, file.open("wb") as stream:
        for chunk in _chunks(answer, deadline):
            digest.update(chunk)
            stream.write(chunk)
    return digest.hexdigest()


def _open(url: str) -> http.client.HTTPResponse:
    answer: http.client.HTTPResponse = urllib.request.urlopen(url, timeout=_CONNECT_SECONDS)  # noqa: S310  # https, or a test's loopback
    return answer


def _chunks(answer: http.client.HTTPResponse, deadline: float) -> Iterator[bytes]:
    while chunk := answer.read1(_CHUNK):  # returns what one packet brought, so that a slow server meets the deadline
        if time.monotonic() > deadline:
            raise TimeoutError("it is too slow")
        yield chunk


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"status {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
