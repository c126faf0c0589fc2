"""What the product costs at rest: memory of its processes, and what a browser has to load."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin

import httpx

from tests.bench.model import Row, Scale
from tests.fixtures.installation import Installation, temporary_installation

_BARE = "import asyncio, ssl, sys; print(flush=True); sys.stdin.read()"
_SOCKETS, _TERMINALS = 200, 3
_LIMIT_PAGE = 250.0  # KB, gzip
_IMPORTED = re.compile(r"""(?:import|from)\s*["']([^"']+)["']""")
_IMPORT_MAP = re.compile(r"importmap[^>]*>(.*?)</script>", re.DOTALL)
_LINKED = re.compile(r"""(?:href|src)=["'](/assets/[^"']+)["']""")


def resident_mb(pid: int) -> float:
    """VmRSS."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return round(int(found[1]) / 1024, 1)


def bare_python() -> float:
    """A process of the same interpreter that has loaded asyncio and ssl."""
    with subprocess.Popen([sys.executable, "-c", _BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        size = resident_mb(process.pid)
        process.communicate()
    return size


async def memory(scale: Scale, python: Sequence[str] = (sys.executable,)) -> list[Row]:
    """`python` is that of an environment with nothing but what the service needs, where there is one."""
    baseline = await asyncio.to_thread(bare_python)
    async with temporary_installation(python=python, log_level="warning") as installation:
        await installation.token()
        await installation.stop()
        await installation.start()  # the first start has loaded what makes the database, and never needs it again
        idle = resident_mb(installation.process.pid)
        connected, agent = await _in_use(installation, scale)
    note = "VmRSS; 1 service on SQLite, started a second time; the environment is the one that runs the benchmarks"
    rows = (
        ("control plane, idle", idle, 90.0, note),
        ("control plane, 200 sockets", connected, 150.0, "the same with 200 event sockets and 1 workspace"),
        ("agent, 3 idle terminals", agent, 35.0, "VmRSS of 1 agent"),
    )
    return [
        Row(f"memory: {name}", "MB", value, limit, "bare Python + asyncio + ssl", baseline, method)
        for name, value, limit, method in rows
    ]


async def _in_use(installation: Installation, scale: Scale) -> tuple[float, float]:
    async with installation.service() as service:
        project = await service.create_project("bench")
        sockets = [await service.socket("/api/events") for _ in range(scale.size(_SOCKETS, 5))]
        for _ in range(_TERMINALS):
            await service.request("POST", f"/api/projects/{project['id']}/terminals", {"cols": 80, "rows": 24})
        label = installation.data_dir / "workspaces" / project["id"] / "label.json"
        agent = json.loads(await asyncio.to_thread(label.read_text))["pid"]
        sizes = resident_mb(installation.process.pid), resident_mb(agent)
        for socket in sockets:
            await socket.close()
    return sizes


async def first_load(_scale: Scale) -> list[Row]:
    async with (
        temporary_installation(log_level="warning") as installation,
        httpx.AsyncClient(base_url=installation.url, trust_env=False) as client,
    ):
        page = (await client.get("/")).text
        files = {"/": page.encode()}
        found = _IMPORT_MAP.search(page)
        names = json.loads(found[1])["imports"] if found else {}
        waiting = list(_LINKED.findall(page))
        while waiting:
            path = waiting.pop()
            if path not in files:
                answer = await client.get(path)
                assert answer.is_success, f"{path}: {answer.status_code}"
                files[path] = answer.content
                if path.endswith(".js"):
                    waiting += _imports(path, answer.text, names)
    size = sum(len(gzip.compress(content)) for content in files.values()) / 1000
    method = f"the page and what it links or imports statically: {len(files)} files, each by gzip -9"
    return [Row("UI first load", "KB", round(size, 1), _LIMIT_PAGE, "", None, method)]


def _imports(path: str, script: str, names: dict[str, str]) -> list[str]:
    """Addresses of the modules that a module imports when it is loaded; `import()` comes later."""
    return [
        names.get(name) or urljoin(path, name)
        for name in _IMPORTED.findall(script)
        if name in names or name.startswith((".", "/"))
    ]
