"""Runs git, hardened.

Hooks, fsmonitor, automatic maintenance and prompts are off. That is set through the environment, which wins over the
configuration of the repository; what the servers of local clones need stands in a configuration file, because git
does not hand that environment on to them.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from anyon.agent.commands import Commands, Output, Progress
from anyon.agent.messages import Author
from anyon.agent.problems import Problem

GIT_SECONDS = 60.0
MAX_OUTPUT_BYTES = 8_388_608
_ERROR_LINES = 8
_NICE = ("nice", "-n", "10")

_NOBODY = Author("Anyon", "anyon@localhost")
"""Who moved a branch, in git's own log of it: without a name git asks the resolver for that of this host."""

_CONFIGURATION = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.quotePath", "false"),
    ("core.untrackedCache", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("commit.gpgSign", "false"),
    ("submodule.recurse", "false"),
    ("protocol.allow", "never"),
    ("protocol.https.allow", "always"),
    ("protocol.http.allow", "always"),
    ("protocol.ssh.allow", "always"),
    ("protocol.git.allow", "always"),
    ("protocol.file.allow", "user"),  # a person's own import; never one that a submodule asks for
    ("safe.directory", "*"),
    ("advice.detachedHead", "false"),
)


class GitFailed(Problem):
    """git ended with a failure; `exit_code` and the last lines that it wrote say more."""

    def __init__(self, arguments: tuple[str, ...], exit_code: int | None, stderr: bytes) -> None:
        self.exit_code = exit_code
        self.lines = "\n".join(stderr.decode(errors="replace").strip().splitlines()[-_ERROR_LINES:])
        super().__init__("git-failed", f"git {arguments[0]} failed: {self.lines or f'exit status {exit_code}'}")


class Git:
    """git for one workspace; `state` is the folder that takes its configuration file."""

    def __init__(self, commands: Commands, state: Path, environment: Mapping[str, str]) -> None:
        self._commands = commands
        self._nice = _NICE if shutil.which(_NICE[0], path=environment.get("PATH")) else ()
        configuration = state / "gitconfig"
        configuration.write_text("".join(_as_file(key, value) for key, value in _CONFIGURATION))
        self._environment = {
            **{name: value for name, value in environment.items() if not name.startswith("GIT_")},
            **_as_variables(_NOBODY),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(configuration),
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "SSH_ASKPASS": "/bin/false",
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_PAGER": "cat",
            "GIT_EDITOR": "true",
            "LC_ALL": "C",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_CONFIG_COUNT": str(len(_CONFIGURATION)),
            **{f"GIT_CONFIG_KEY_{index}": key for index, (key, _) in enumerate(_CONFIGURATION)},
            **{f"GIT_CONFIG_VALUE_{index}": value for index, (_, value) in enumerate(_CONFIGURATION)},
        }

    async def run(
        self,
        *arguments: str,
        cwd: str = "",
        author: Author | None = None,
        variables: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float = GIT_SECONDS,
        limit: int = MAX_OUTPUT_BYTES,
        accept: tuple[int, ...] = (0,),
        progress: Progress | None = None,
        low_priority: bool = False,
    ) -> Output:
        """Run git in the folder `cwd` of the workspace.

        Raises GitFailed for an exit status that is not in `accept`, Problem `command-timeout`.
        """
        output = await self._commands.run(
            (*(self._nice if low_priority else ()), "git", *arguments),
            {**self._environment, **(variables or {}), **(_as_variables(author) if author else {})},
            cwd=cwd,
            timeout=timeout,
            limit=limit,
            stdin=stdin,
            progress=progress,
        )
        if output.exit_code not in accept and not output.truncated:
            raise GitFailed(arguments, output.exit_code, output.stderr)
        return output


def _as_variables(author: Author) -> dict[str, str]:
    return {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_COMMITTER_NAME": author.name,
        "GIT_COMMITTER_EMAIL": author.email,
    }


def _as_file(key: str, value: str) -> str:
    section, _, name = key.rpartition(".")
    head, _, tail = section.partition(".")
    return f'[{head} "{tail}"]\n\t{name} = {value}\n' if tail else f"[{head}]\n\t{name} = {value}\n"
