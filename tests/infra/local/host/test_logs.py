from __future__ import annotations

from pathlib import Path

from infra.local.host import logs


def test_a_long_log_is_moved_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    with log.open("a") as writer:
        for part in ("first", "second", "third", "fourth"):
            writer.write(f"{part} " * 10)
            writer.flush()
            logs.rotate(log, limit=20, kept=2)
        writer.write("last")
    assert log.read_text() == "last"
    assert (tmp_path / "service.log.1").read_text().startswith("fourth")
    assert (tmp_path / "service.log.2").read_text().startswith("third")
    assert not (tmp_path / "service.log.3").exists()


def test_a_short_log_and_no_log_are_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    logs.rotate(log)
    log.write_text("short")
    logs.rotate(log)
    assert [path.name for path in tmp_path.iterdir()] == ["service.log"]


def test_the_tail_is_bounded_in_lines_and_bytes(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    assert logs.tail(log, 3) == ""
    log.write_text("\n".join(f"line {number}" for number in range(50_000)))
    assert logs.tail(log, 2) == "line 49998\nline 49999"
    log.write_bytes(b"x" * 1_000_000)
    assert len(logs.tail(log, 2)) == 65536
