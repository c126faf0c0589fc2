"""The arguments of bubblewrap: what is bound, and that nothing else ever is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anyon.runtime import sandbox

HOST = sandbox.Host(
    bwrap="/usr/bin/bwrap",
    setpriv="/usr/bin/setpriv",
    python=Path("/srv/python/bin/python3.11"),
    python_prefix=Path("/srv/python"),
    package=Path("/srv/anyon"),
    generated_etc=Path("/data/workspaces/.etc"),
    etc=((Path("/run/resolv.conf"), "/etc/resolv.conf"), (Path("/etc/ssl/certs"), "/etc/ssl/certs")),
    links=(("usr/bin", "/bin"),),
    top_level=((Path("/lib64"), "/lib64"),),
    as_root=False,
    workspace_uid=1000,
)
FOLDER = Path("/data/workspaces/p")


def argv(host: sandbox.Host = HOST, import_source: Path | None = None) -> list[str]:
    return sandbox.arguments(
        host,
        folder=FOLDER,
        import_source=import_source,
        variables={"A": "b"},
        info_descriptor=3,
        command=["program", "--flag"],
    )


def bound(arguments: list[str], option: str) -> dict[str, str]:
    return {arguments[at + 2]: arguments[at + 1] for at, word in enumerate(arguments) if word == option}


def test_only_the_four_folders_can_be_written() -> None:
    assert bound(argv(), "--bind") == {
        "/workspace": "/data/workspaces/p/repo",
        "/home/anyon": "/data/workspaces/p/home",
        "/var/lib/anyon": "/data/workspaces/p/state",
        "/run/anyon": "/data/workspaces/p/run",
    }
    assert argv()[argv().index("--remount-ro") :][:4] == ["--remount-ro", "/dev", "--remount-ro", "/"]


def test_what_lies_in_memory_has_a_size() -> None:
    sizes = {argv()[at + 1]: argv()[at - 2 : at] for at, word in enumerate(argv()) if word == "--tmpfs"}
    assert sizes == {"/dev/shm": ["--size", "268435456"], "/tmp": ["--size", "2147483648"]}


def test_what_is_read_is_an_allow_list() -> None:
    read = bound(argv(import_source=Path("/imports/shop")), "--ro-bind")
    assert read.pop("/import") == "/imports/shop"
    assert set(read) == {
        *("/usr", "/lib64", "/etc/resolv.conf", "/etc/ssl/certs"),
        *("/etc/passwd", "/etc/group", "/etc/profile", "/etc/hosts"),
        *("/srv/python", "/opt/anyon/__init__.py", "/opt/anyon/agent"),
    }
    assert "/" not in [*read.values(), *bound(argv(), "--bind").values()]
    assert not {"--dev-bind", "--share-net", "--die-with-parent"} & set(argv())


def test_an_interpreter_of_the_system_needs_no_bind_of_its_own() -> None:
    assert "/usr/local" not in bound(argv(replace(HOST, python_prefix=Path("/usr/local"))), "--ro-bind")


def test_folders_above_the_binds_are_open_to_the_workspace() -> None:
    arguments = argv()
    made = [arguments[at + 1] for at, word in enumerate(arguments) if word == "--dir"]
    assert {"/srv", "/home", "/var", "/var/lib", "/run", "/opt", "/opt/anyon", "/etc", "/etc/ssl"} <= set(made)
    assert made == sorted(made)
    assert all(arguments[at - 2 : at] == ["--perms", "0755"] for at, word in enumerate(arguments) if word == "--dir")


def test_the_environment_is_cleared_before_it_is_set() -> None:
    arguments = argv()
    assert arguments.index("--clearenv") < arguments.index("--setenv")
    assert arguments[arguments.index("--setenv") :][:3] == ["--setenv", "A", "b"]


def test_an_ordinary_user_gets_a_user_namespace_and_no_capability() -> None:
    arguments = argv()
    assert arguments[arguments.index("--unshare-user") :][:5] == ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    assert arguments[arguments.index("--cap-drop") + 1] == "ALL"
    assert "--cap-add" not in arguments
    assert "--disable-userns" not in arguments
    assert "--disable-userns" in argv(replace(HOST, disable_userns=True))
    assert arguments[arguments.index("--") :] == ["--", "program", "--flag"]


def test_root_gives_up_its_user_and_every_capability_before_the_program() -> None:
    arguments = argv(replace(HOST, as_root=True, workspace_uid=4711))
    assert "--unshare-user" not in arguments
    tail = arguments[arguments.index("--") + 1 :]
    assert tail[0] == "/usr/bin/setpriv"
    assert tail[tail.index("--reuid") + 1] == tail[tail.index("--regid") + 1] == "4711"
    assert {"--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"} < set(
        tail
    )
    assert tail[-3:] == ["--", "program", "--flag"]


def test_the_host_is_inspected_without_following_a_dangling_link(tmp_path: Path) -> None:
    for folder in ("etc/ssl/certs", "usr/bin", "lib64", "run"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "run" / "resolv").touch()
    (tmp_path / "etc" / "resolv.conf").symlink_to(tmp_path / "run" / "resolv")
    (tmp_path / "etc" / "localtime").symlink_to("/nowhere/at/all")
    (tmp_path / "etc" / "shadow").touch()
    etc, links, folders = sandbox.inspect(tmp_path)
    assert etc == ((tmp_path / "run/resolv", "/etc/resolv.conf"), (tmp_path / "etc/ssl/certs", "/etc/ssl/certs"))
    assert links == (("usr/bin", "/bin"),)
    assert folders == ((tmp_path / "lib64", "/lib64"),)


@pytest.mark.parametrize("name", ["shadow", "passwd", "group", "sudoers", "ssh", "ssl/private", "machine-id", "fstab"])
def test_no_secret_of_etc_is_on_the_list(name: str) -> None:
    assert not any(name == entry or name.startswith(f"{entry}/") for entry in sandbox.ETC)
