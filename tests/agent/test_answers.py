"""What agents say is parsed to the last field, or it is a violation; nothing else ever comes out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyon.agent import answers
from anyon.agent.errors import AgentProtocolViolation
from anyon.agent.fields import MAX_TEXT, cleaned

COMMIT = "9fceb02" + "0" * 33
EXECUTION = {
    "id": "e1",
    "state": "exited",
    "started_at": 1.0,
    "finished_at": 2,
    "exit_code": 0,
    "signal": None,
    "log_bytes": 120,
    "first_byte_at": 1.1,
    "stopped": False,
}
TERMINAL = {"id": "t1", "open": True, "last_activity": 2.0, "exit_code": -9}
STATUS = {"executions": [EXECUTION], "terminals": [TERMINAL], "last_activity": 1.0, "heartbeat_until": None}
FILE = {"path": "b.py", "old_path": None, "status": "M", "added": 2, "removed": None, "binary": False}
DIFF = {"base": COMMIT, "head": COMMIT, "files": [FILE], "added": 2, "removed": 1, "truncated": False}
ENTRY = {"name": "guide.md", "kind": "file", "size": 120, "modified_at": 1.0}

GOOD: dict[str, tuple[Callable[[object], object], dict[str, Any]]] = {
    "execution": (answers.Execution.parse, EXECUTION),
    "terminal": (answers.Terminal.parse, TERMINAL),
    "status": (answers.Status.parse, STATUS),
    "snapshot": (answers.watched, {"event": "snapshot", **STATUS}),
    "execution event": (answers.watched, {"event": "execution", "execution": EXECUTION}),
    "terminal event": (answers.watched, {"event": "terminal", "terminal": TERMINAL}),
    "progress": (answers.watched, {"event": "progress", "subject": "e1", "text": "42%"}),
    "terminals": (answers.open_terminals, {"terminals": [TERMINAL]}),
    "gap": (answers.gap, {"event": "gap", "from": 10, "to": 90}),
    "attached": (answers.Attached.parse, {"from": 10, "reset": True, "shown": 12, "cols": 80, "rows": 24}),
    "import": (answers.import_progress, {"text": "42%"}),
    "branch": (answers.default_branch, {"default_branch": "main"}),
    "work": (answers.Work.parse, {"uncommitted": 3, "commits": 1}),
    "diff": (answers.Diff.parse, DIFF),
    "patch": (answers.Patch.parse, {"patch": "+\x1b[1m", "truncated": False, "binary": False}),
    "folder": (answers.Directory.parse, {"entries": [ENTRY], "truncated": False}),
    "file": (answers.Content.parse, {"content_base64": "Z3VpZGU=", "size": 5, "truncated": False}),
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@pytest.mark.parametrize("name", GOOD)
def test_what_honest_agents_say_is_understood(name: str) -> None:
    parse, raw = GOOD[name]
    assert parse(raw) is not None


@given(st.sampled_from(sorted(GOOD)), st.data(), anything)
def test_what_comes_out_can_be_stored_and_encoded_or_is_a_violation(name: str, data: st.DataObject, lie: Any) -> None:
    parse, raw = GOOD[name]
    lied = json.loads(json.dumps(raw))
    place = data.draw(st.sampled_from(list(_places(lied))))
    place[0][place[1]] = lie
    try:
        found = parse(lied)
    except AgentProtocolViolation as violation:
        violation.describe().encode()
        return
    text = repr(found)
    text.encode()
    assert not {"inf", "nan"} & set(text.replace("=", " ").replace(",", " ").split())


def _places(value: Any) -> Any:
    """Every member of an object and of the objects in it: its holder and its key."""
    for key, member in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(member, (dict, list)):
            yield from _places(member)


@pytest.mark.parametrize("number", [1e999, float("nan"), 10**400, -1, True, "1", None, 1.5])
def test_an_impossible_number_is_a_violation(number: Any) -> None:
    with pytest.raises(AgentProtocolViolation, match="`log_bytes` is not a whole number"):
        answers.Execution.parse({**EXECUTION, "log_bytes": number})


def test_text_is_cut_and_cleaned() -> None:
    assert cleaned("\ud800 boom\x1b[2J\0\n") == "\ufffd boom\ufffd[2J\ufffd\n"
    assert len(cleaned("x" * 100_000)) == MAX_TEXT


def test_an_event_of_a_newer_agent_is_nothing() -> None:
    assert answers.watched({"event": "dance"}) is None
    assert answers.gap({"event": "dance"}) is None


def test_an_id_that_is_not_ours_is_none() -> None:
    assert answers.uuid_of("e1") is None
