"""Every place, as addresses of one project that has something of everything."""

from __future__ import annotations

from dataclasses import dataclass

from anyon.loadtest.service import Service

CHANGE = r"""printf 'def greet():\n    return "hello"\n' > greet.py
mkdir -p notes data
seq 1 2000 > data/numbers.txt
head -c 2000 /dev/urandom > data/noise.bin
printf '\033[32mgreen\033[0m and \033[1;31mred\033[0m\n'
for line in $(seq 1 300); do echo "line $line of the build"; done
echo 'the end'"""


@dataclass(frozen=True)
class Places:
    """Addresses below the installation's."""

    slug: str
    task: int
    attempt: int

    @property
    def project(self) -> str:
        return f"/p/{self.slug}"

    def all(self) -> dict[str, str]:
        """Name and address of each place behind the login."""
        return {
            "projects": "/",
            "board": self.project,
            "task": f"{self.project}/t/{self.task}",
            "attempt": f"{self.project}/t/{self.task}/{self.attempt}",
            "terminals": f"{self.project}/terminals",
            "settings": f"{self.project}/settings",
            "account": "/me",
            "admin": "/admin",
        }


async def furnish(service: Service, name: str) -> Places:
    """A project with a task in each column: waiting, running, in review, failed, done."""
    project = await service.create_project(name)
    reviewed = await service.create_task(project["id"], CHANGE, title="Greet by name", executor="shell")
    await service.settled(reviewed["latest_attempt"]["id"])
    failed = await service.create_task(project["id"], "echo no; exit 3", title="Publish the package", executor="shell")
    await service.settled(failed["latest_attempt"]["id"])
    merged = await service.create_task(
        project["id"], "echo 1.0 > VERSION", title="Number the release", executor="shell"
    )
    await service.settled(merged["latest_attempt"]["id"])
    await service.request("POST", f"/api/attempts/{merged['latest_attempt']['id']}/merge", {})
    await service.create_task(project["id"], "Write the manual", start=False)
    await service.create_task(
        project["id"], "while :; do date; sleep 1; done", title="Watch the queue", executor="shell"
    )
    return Places(project["slug"], reviewed["number"], 1)
