"""Files whose names are no UTF-8: shown, and found again by what is shown."""

from __future__ import annotations

from base64 import b64decode

from tests.api.people import Json, Person


def test_a_name_that_is_no_text_is_listed_and_read(ann: Person, project: Json) -> None:
    attempt = ann.work(project, r"printf 'hello\n' > $(printf 'new\377.txt')")
    (changed,) = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")["files"]
    assert changed["path"] == r"new\xff.txt"
    patch = ann.call("GET", f"/api/attempts/{attempt['id']}/diff/file", path=changed["path"])
    assert "+hello" in patch["patch"]
    ann.call("POST", f"/api/attempts/{attempt['id']}/merge", {})
    names = [entry["name"] for entry in ann.call("GET", f"/api/projects/{project['id']}/files")["entries"]]
    assert r"new\xff.txt" in names
    content = ann.call("GET", f"/api/projects/{project['id']}/files/content", path=r"new\xff.txt")
    assert b64decode(content["content_base64"]) == b"hello\n"
