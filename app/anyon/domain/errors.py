"""What can go wrong in the domain; each error says what happened and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anyon.errors import AnyonError

_SHOWN_FILES = 5


def named(files: Sequence[str]) -> dict[str, Any]:
    """`files` for programs and `names` for people, of which the first few stand in the sentence."""
    more = len(files) - _SHOWN_FILES
    names = ", ".join(files[:_SHOWN_FILES]) + (f" and {more} more" if more > 0 else "")
    return {"files": list(files), "names": names}


class IllegalTransition(AnyonError):
    """An event that the machine does not know in its present state; nothing has changed."""

    code, status_hint = "illegal-transition", 409
    title = "That is not possible now"
    detail = "The {subject} is {state}; {event} is not possible in that state."
    hint = "Reload to see its present state."
    public = ("subject", "state", "event")


class SourceRefused(AnyonError):
    code, status_hint = "source-refused", 422
    title = "This source cannot be imported"
    detail = "{reason}"
    hint = (
        "Give an https://, http://, ssh:// or git:// address, a folder under {roots}, or nothing for a new repository."
    )


class SourceHoldsCredential(AnyonError):
    code, status_hint = "source-holds-credential", 422
    title = "The address holds a password or a token"
    detail = "What stands before the @ would be kept with the project and shown to all its members"
    hint = (
        "Leave it out. A private repository is imported by its ssh:// address: put a key into ~/.ssh in a terminal of "
        "the project, then try the import again."
    )


class ProjectNotReady(AnyonError):
    code, status_hint = "project-not-ready", 409
    title = "The project is not ready"
    detail = "The project is {state}."
    hint = "Wait until its import has finished, or retry the import if it failed."
    public = ("state",)


class ExecutorUnknown(AnyonError):
    code, status_hint = "executor-unknown", 422
    title = "There is no such executor"
    detail = "`{executor}` is not an executor."
    hint = "Choose one of: {known}."


class CredentialMissing(AnyonError):
    code, status_hint = "credential-missing", 422
    title = "A credential is missing"
    detail = "{title} needs one of {names}, and your account has none of them."
    hint = "Store it under Account → Credentials, then retry."
    public = ("names",)


class ExecutionFailed(AnyonError):
    """Not raised: it is the problem of an attempt whose program ended badly."""

    code, status_hint = "execution-failed", 409
    title = "The program failed"
    detail = "It ended with {ending}."
    hint = "Read the end of the log. What it changed is committed and can be reviewed; retry starts a new attempt."
    public = ("exit_code", "signal")


class ExecutionLost(AnyonError):
    """Not raised: it is the problem of an attempt whose workspace ended under it."""

    code, status_hint = "execution-lost", 409
    title = "The workspace ended while the program ran"
    detail = "The program ended with its workspace, before it was done."
    hint = "Its files are still in the worktree. Merge commits what is there; retry starts a new attempt."


class AttemptUnfinished(AnyonError):
    code, status_hint = "attempt-unfinished", 409
    title = "The attempt has not finished"
    detail = "The attempt is {state}."
    hint = "Wait for its end or cancel it first."
    public = ("state",)


class AttemptWithoutWorktree(AnyonError):
    """Of an attempt that has no worktree yet."""

    code, status_hint = "attempt-without-worktree", 409
    title = "The attempt has no worktree yet"
    detail = "Attempt {number} is {state}; it gets its worktree just before its program starts."
    hint = "Try again once it runs."
    public = ("state",)


class AttemptNeverStarted(AnyonError):
    code, status_hint = "attempt-never-started", 409
    title = "The attempt never started"
    detail = "Attempt {number} is {state}: it ended before its program could start, so it changed nothing."
    hint = "If it failed, its problem says why. Discard it, or start another attempt at the task."
    public = ("state",)


class AttemptMerged(AnyonError):
    code, status_hint = "attempt-merged", 409
    title = "The attempt is merged"
    detail = "Attempt {number} is merged into {base_branch}; its worktree and its branch went with that."
    hint = "Look at its diff and its log. To go on with the work, start another attempt at the task."


class AttemptDiscarded(AnyonError):
    code, status_hint = "attempt-discarded", 409
    title = "The attempt is discarded"
    detail = "Attempt {number} was discarded; its worktree and its branch are gone."
    hint = "Look at its log. To do the work anew, start another attempt at the task."


class WorkWouldBeLost(AnyonError):
    code, status_hint = "work-would-be-lost", 409
    title = "Work would be lost"
    detail = "{files} uncommitted files and {commits} commits of this attempt are not merged."
    hint = "Merge the attempt first, or discard it with force to lose them."
    public = ("files", "commits")


class WorktreeLeft(AnyonError):
    """Not raised: it is the note of a merged attempt whose worktree could not be removed."""

    code, status_hint = "worktree-left", 409
    title = "The attempt is merged, its worktree is left"
    detail = "The merge is done, but {worktree} could not be removed: {reason}"
    hint = (
        "In a terminal of the project, take out of it what is wanted, then remove it: "
        "`git worktree remove --force {worktree}` and `git branch -D {branch}`."
    )


class NestedRepository(AnyonError):
    """Of an attempt in review it is the note that a part of its work is in no commit."""

    code, status_hint = "nested-repository", 409
    title = "A repository lies inside the worktree"
    detail = "These folders are repositories of their own, so they are in no commit of the attempt: {names}."
    hint = (
        "In the attempt's terminal, move them out of the worktree, or remove the .git of each so that its files are "
        "committed; then merge. A discard with force loses them."
    )
    public = ("files",)


class MergeConflict(AnyonError):
    code, status_hint = "merge-conflict", 409
    title = "The branches conflict"
    detail = "Both sides changed: {names}. Nothing was touched."
    hint = (
        "Rebase the attempt and resolve the conflict in its terminal, or start another attempt from the present state."
    )
    public = ("files",)


class LocalChanges(AnyonError):
    code, status_hint = "local-changes", 409
    title = "Local changes are in the way"
    detail = "The project's working copy has changes that the merge would overwrite: {names}. Nothing was touched."
    hint = "Commit or remove them in a terminal of the project, then merge again."
    public = ("files",)


class WorkspaceFailed(AnyonError):
    code, status_hint = "workspace-failed", 502
    title = "The workspace did not start"
    detail = "{reason}"
    hint = "Retry; if it fails again, ask an administrator to look at the workspace's log."


class AccountShut(AnyonError):
    code, status_hint = "account-shut", 409
    title = "The account is disabled"
    detail = "{email} is disabled: a login link could not work."
    hint = "Enable it first: Administration, in the browser."


class AccountsNeedIsolation(AnyonError):
    code, status_hint = "accounts-need-isolation", 409
    title = "A second account is refused on this host"
    detail = "Workspaces are not isolated from each other here, so every user could read every other user's work."
    hint = (
        "Install bubblewrap and restart, or set ANYON_ALLOW_UNISOLATED_ACCOUNTS=true if every user of this host "
        "trusts every other."
    )


class LastAdministrator(AnyonError):
    code, status_hint = "last-administrator", 409
    title = "Somebody must administer"
    detail = "This is the last enabled administrator."
    hint = "Make another account an administrator first."


class ValueRefused(AnyonError):
    code, status_hint = "value-refused", 422
    title = "A value is not acceptable"
    detail = "{field}: {reason}"
    hint = "{fix}"
    public = ("field",)
