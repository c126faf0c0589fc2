"""A browser that does not read, and one that pastes a book."""

from __future__ import annotations

import pytest

from tests.faults.support import repository
from tests.faults.terminal import Terminal, open_terminal
from tests.fixtures.installation import Installation

pytestmark = pytest.mark.faults

_PIECE = 32_768  # below the largest message that a browser may send


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123 - one line
        (line,) = [each for each in status if each.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


async def test_a_reader_that_stops_reading_costs_a_bounded_memory_and_no_other_viewer_waits(
    installation: Installation,
) -> None:
    async with installation.service() as service:
        project = await service.create_project("slow")
        terminal_id = await open_terminal(service, project["id"])
        sleeper = await service.socket(f"/api/terminals/{terminal_id}/socket")
        await sleeper.recv()  # attached, and from here on nothing is read or acknowledged
        before = resident_bytes(installation.process.pid)
        async with Terminal(service, terminal_id) as reader:
            await reader.type("seq 1 1000000; echo the-'end'\n")
            await reader.seen("the-end")
            assert resident_bytes(installation.process.pid) - before < 32_000_000
        await sleeper.close()
        async with Terminal(service, terminal_id) as later:
            assert later.attached["reset"]
            await later.pid("alive")


async def test_ten_thousand_pasted_lines_arrive_as_they_are(installation: Installation) -> None:
    text = "".join(f"line {number} of a long paste with some äöü in it\n" for number in range(10_000))
    async with installation.service() as service:
        project = await service.create_project("paste")
        async with Terminal(service, await open_terminal(service, project["id"])) as terminal:
            await terminal.type("stty -echo; cat > $ANYON_WORKSPACE/pasted; echo paste-'over'\n")
            await terminal.seen("stty -echo; cat .*\r\n")
            for start in range(0, len(text), _PIECE):
                await terminal.type(text[start : start + _PIECE])
            await terminal.type("\x04")
            await terminal.seen("paste-over")
        pasted = repository(installation, project) / "pasted"
        assert pasted.read_text() == text
