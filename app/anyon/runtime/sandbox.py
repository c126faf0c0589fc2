"""The bubblewrap command that a workspace runs in: pure functions from facts about the host to arguments.

The file system is an allow-list: programs, libraries and a few harmless files of /etc, read-only, and the four folders
of the one workspace. `docs/reference/isolation.md` says what each part is for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WORKSPACE, HOME, STATE, RUN, IMPORT, PACKAGE = (
    "/workspace",
    "/home/anyon",
    "/var/lib/anyon",
    "/run/anyon",
    "/import",
    "/opt/anyon",
)
UID = 1000
"""User id inside of a sandbox."""
PATH = f"{HOME}/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TEMPORARY_BYTES = 2 * 2**30
SHARED_MEMORY_BYTES = 256 * 2**20

ETC = (
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "crypto-policies",
    "debian_version",
    "host.conf",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "pki/ca-trust/extracted",
    "pki/tls/certs",
    "profile.d",
    "protocols",
    "resolv.conf",
    "services",
    "shells",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
)
"""What a workspace sees of the host's /etc: no passwords, no private keys, no credentials of programs."""

HOSTNAME = "workspace"
_GENERATED_ETC = {
    "passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\nanyon:x:{UID}:{UID}:Anyon:{HOME}:/bin/bash\n",
    "group": f"root:x:0:\ntty:x:5:\nanyon:x:{UID}:\n",
    "profile": (
        "# Login shells of a workspace keep the PATH that the sandbox set.\n"
        '[ -z "${PS1-}" ] || [ -z "${BASH-}" ] || [ ! -r /etc/bash.bashrc ] || . /etc/bash.bashrc\n'
        'for part in /etc/profile.d/*.sh; do [ ! -r "$part" ] || . "$part"; done\n'
        "unset part\n"
    ),
}

_TOP_LEVEL = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


def generated_etc(hosts: str) -> dict[str, str]:
    """Files of a workspace's own /etc by name; `hosts` is what the host's file of that name says.

    A workspace finds its own name in a file: whoever asks for it, git and sudo among them, must not wait for a
    name server that has never heard of it.
    """
    return {**_GENERATED_ETC, "hosts": f"{hosts.rstrip()}\n127.0.1.1 {HOSTNAME}\n"}


@dataclass(frozen=True)
class Host:
    """Facts about this host, gathered once by `inspect`. `etc` and `top_level` are pairs of source and destination."""

    bwrap: str
    setpriv: str
    python: Path
    python_prefix: Path
    package: Path
    generated_etc: Path
    etc: tuple[tuple[Path, str], ...]
    links: tuple[tuple[str, str], ...]
    top_level: tuple[tuple[Path, str], ...]
    as_root: bool
    workspace_uid: int
    disable_userns: bool = False


def inspect(
    root: Path,
) -> tuple[tuple[tuple[Path, str], ...], tuple[tuple[str, str], ...], tuple[tuple[Path, str], ...]]:
    """What to take of the file system below `root`: parts of /etc, links in /, and folders in /."""
    etc = tuple(
        (source.resolve(), f"/etc/{name}") for name in ETC if (source := root / "etc" / name).exists()
    )  # a dangling link, as resolv.conf can be, does not exist
    links = tuple((str((root / name).readlink()), f"/{name}") for name in _TOP_LEVEL if (root / name).is_symlink())
    folders = tuple(
        (root / name, f"/{name}") for name in _TOP_LEVEL if (root / name).is_dir() and not (root / name).is_symlink()
    )
    return etc, links, folders


def environment() -> dict[str, str]:
    """The whole environment inside: nothing of the service's own gets in."""
    return {
        "HOME": HOME,
        "LANG": "C.UTF-8",
        "LOGNAME": "anyon",
        "NPM_CONFIG_PREFIX": f"{HOME}/.local",
        "PATH": PATH,
        "SHELL": "/bin/bash",
        "TERM": "xterm-256color",
        "USER": "anyon",
    }


def arguments(
    host: Host,
    *,
    folder: Path | None,
    import_source: Path | None,
    variables: Mapping[str, str],
    info_descriptor: int | None,
    command: Sequence[str],
) -> list[str]:
    """The command line of bubblewrap that runs `command` in the sandbox of the workspace in `folder`.

    Without a folder the sandbox has the same form but nothing to write to: a trial.
    """
    mounts = [*_system(host), *_python(host), *_agent(host)]
    if folder is not None:
        mounts += _workspace(folder, import_source)
    argv = [host.bwrap, *_namespaces(host), *_parents(mounts), *mounts]
    argv += ["--remount-ro", "/dev", "--remount-ro", "/"]
    argv += ["--chdir", "/", "--clearenv"]
    for name, value in sorted(variables.items()):
        argv += ["--setenv", name, value]
    if info_descriptor is not None:
        argv += ["--info-fd", str(info_descriptor)]
    return [*argv, "--", *_unprivileged(host), *command]


def _namespaces(host: Host) -> list[str]:
    argv = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", HOSTNAME]
    argv += ["--as-pid-1", "--new-session", "--cap-drop", "ALL"]
    if host.as_root:
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):  # for setpriv, which gives them up
            argv += ["--cap-add", capability]
        return argv
    argv += ["--unshare-user", "--uid", str(UID), "--gid", str(UID)]
    return [*argv, "--disable-userns"] if host.disable_userns else argv


def _parents(mounts: Sequence[str]) -> list[str]:
    """Folders above the mount points; those that bubblewrap makes by itself are closed to all but its own user."""
    targets = (target for option, target in zip(mounts, mounts[2:], strict=False) if option in ("--bind", "--ro-bind"))
    parents = {str(parent) for target in targets for parent in Path(target).parents if parent != Path("/")}
    argv: list[str] = []
    for parent in sorted(parents):
        argv += ["--perms", "0755", "--dir", parent]
    return argv


def _unprivileged(host: Host) -> list[str]:
    """As root there is no user namespace, so that a workspace has a user id of its own on the host too."""
    if not host.as_root:
        return []
    return [
        *(host.setpriv, "--reuid", str(host.workspace_uid), "--regid", str(host.workspace_uid), "--clear-groups"),
        *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--"),
    ]


def _system(host: Host) -> list[str]:
    argv = ["--ro-bind", "/usr", "/usr"]
    for source, target in host.top_level:
        argv += ["--ro-bind", str(source), target]
    for link, target in host.links:
        argv += ["--symlink", link, target]
    for source, target in host.etc:
        argv += ["--ro-bind", str(source), target]
    for name in (*_GENERATED_ETC, "hosts"):
        argv += ["--ro-bind", str(host.generated_etc / name), f"/etc/{name}"]
    argv += ["--proc", "/proc", "--dev", "/dev"]
    argv += ["--perms", "1777", "--size", str(SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm"]  # noqa: S108  # inside
    argv += ["--perms", "1777", "--size", str(TEMPORARY_BYTES), "--tmpfs", "/tmp"]  # noqa: S108  # inside
    return [*argv, "--symlink", "/tmp", "/var/tmp"]  # noqa: S108  # inside


def _python(host: Host) -> list[str]:
    if host.python_prefix.is_relative_to("/usr"):
        return []
    return ["--ro-bind", str(host.python_prefix), str(host.python_prefix)]


def _agent(host: Host) -> list[str]:
    return [
        *("--ro-bind", str(host.package / "__init__.py"), f"{PACKAGE}/__init__.py"),
        *("--ro-bind", str(host.package / "agent"), f"{PACKAGE}/agent"),
    ]


def _workspace(folder: Path, import_source: Path | None) -> list[str]:
    argv = ["--bind", str(folder / "repo"), WORKSPACE, "--bind", str(folder / "home"), HOME]
    argv += ["--bind", str(folder / "state"), STATE, "--bind", str(folder / "run"), RUN]
    if import_source is not None:
        argv += ["--ro-bind", str(import_source), IMPORT]
    return argv
