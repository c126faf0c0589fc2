"""The CLI from a loopback file server that is good, bad, absent or slow."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.local import download
from infra.local.download import DownloadFailed

VERSION = "9.9.9"
CHECKSUMS = f"/v{VERSION}/pulumi-{VERSION}-checksums.txt"


class Server:
    """Serves `files` by path; `pace` runs before every 1,000 bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.pace: Callable[[], object] = lambda: None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = server.files.get(self.path)
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                for start in range(0, len(content or b""), 1000):
                    server.pace()
                    self.wfile.write((content or b"")[start : start + 1000])

            def log_message(self, *_: object) -> None:
                """Quiet."""

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._server.daemon_threads = False  # closing waits for the answers under way
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def archive() -> str:
    return f"/v{VERSION}/pulumi-v{VERSION}-linux-x64.tar.gz"


def release(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def publish(server: Server, archive: str, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    name = archive.rpartition("/")[2]
    server.files = {archive: content, CHECKSUMS: f"{'0' * 64}  other.zip\n{digest}  {name}\n".encode()}


def fails(server: Server, target: Path, seconds: float = 20) -> str:
    with pytest.raises(DownloadFailed) as caught:
        download.download(VERSION, target, releases=server.address, seconds=seconds)
    assert list(target.parent.iterdir()) == [], "something is left of a failed download"
    return caught.value.summary


def test_a_good_release_is_unpacked(server: Server, archive: str, tmp_path: Path) -> None:
    publish(
        server, archive, release({"pulumi/pulumi": b"#!/bin/sh\necho v9.9.9", "pulumi/pulumi-language-python": b""})
    )
    download.download(VERSION, tmp_path / "pulumi" / VERSION, releases=server.address)
    assert {path.name for path in (tmp_path / "pulumi" / VERSION).iterdir()} == {"pulumi", "pulumi-language-python"}
    assert (tmp_path / "pulumi" / VERSION / "pulumi").stat().st_mode & 0o100


def test_a_damaged_archive_is_refused_with_both_checksums(server: Server, archive: str, tmp_path: Path) -> None:
    publish(server, archive, release({"pulumi/pulumi": b"good"}))
    server.files[archive] = release({"pulumi/pulumi": b"evil"})
    message = fails(server, tmp_path / "x" / VERSION)
    assert "is damaged" in message
    assert hashlib.sha256(server.files[archive]).hexdigest() in message


def test_an_archive_without_a_published_checksum_is_refused(server: Server, archive: str, tmp_path: Path) -> None:
    publish(server, archive, release({"pulumi/pulumi": b"good"}))
    server.files[CHECKSUMS] = b"0000  something-else.tar.gz\n"
    assert "names no pulumi-v9.9.9-linux-x64.tar.gz" in fails(server, tmp_path / "x" / VERSION)


def test_an_archive_that_would_write_elsewhere_is_refused(server: Server, archive: str, tmp_path: Path) -> None:
    publish(server, archive, release({"../../../escaped": b"x"}))
    fails(server, tmp_path / "x" / VERSION)
    assert not (tmp_path / "escaped").exists()


def test_an_archive_without_the_program_is_refused(server: Server, archive: str, tmp_path: Path) -> None:
    publish(server, archive, release({"pulumi/readme": b"x"}))
    assert "does not hold pulumi/pulumi" in fails(server, tmp_path / "x" / VERSION)


def test_a_release_that_does_not_exist_says_so(server: Server, tmp_path: Path) -> None:
    assert "status 404" in fails(server, tmp_path / "x" / VERSION)


def test_a_cut_download_is_refused(server: Server, archive: str, tmp_path: Path) -> None:
    publish(server, archive, release({"pulumi/pulumi": b"good" * 5000}))
    server.files[archive] = server.files[archive][:-10]
    assert "damaged" in fails(server, tmp_path / "x" / VERSION)


def test_a_slow_server_meets_the_deadline(server: Server, archive: str, tmp_path: Path) -> None:
    publish(server, archive, release({"pulumi/pulumi": bytes(range(256)) * 1000}))
    server.pace = lambda: threading.Event().wait(0.01)  # never set: it only takes time
    server.files[CHECKSUMS] = server.files[CHECKSUMS].ljust(100_000)
    assert "too slow" in fails(server, tmp_path / "x" / VERSION, seconds=0.1)


def test_a_silent_server_is_given_up(
    server: Server, archive: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_CONNECT_SECONDS", 0.1)
    publish(server, archive, release({"pulumi/pulumi": b"x"}))
    answer = threading.Event()
    server.pace = answer.wait
    try:
        assert "timed out" in fails(server, tmp_path / "x" / VERSION)
    finally:
        answer.set()


def test_an_unreachable_server_is_given_up_at_once(server: Server, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        server.address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        assert "refused" in fails(server, tmp_path / "x" / VERSION)


def test_a_machine_without_a_release_is_named(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    (tmp_path / "x").mkdir()
    assert "riscv64" in fails(server, tmp_path / "x" / VERSION)
