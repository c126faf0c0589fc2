"""What can go wrong between a runtime and the host."""

from __future__ import annotations

from anyon.errors import AnyonError


class StartFailed(AnyonError):
    code, status_hint = "workspace-start-failed", 502
    title = "The workspace did not start"
    detail = "Its agent ended before it was ready. It said: {output}"
    hint = "Correct the cause named above and start the workspace again; its log has more."
    public = ("output",)


class StartTimedOut(AnyonError):
    code, status_hint = "workspace-start-timed-out", 504
    title = "The workspace does not answer"
    detail = "Its agent accepted no connection within {seconds:g} s."
    hint = "Stop the workspace and start it again. On a slow host raise ANYON_START_SECONDS."
    public = ("seconds",)


class StopTimedOut(AnyonError):
    code, status_hint = "workspace-stop-timed-out", 500
    title = "The workspace does not end"
    detail = "Processes {pids} were killed and are still there after {seconds:g} s."
    hint = "They hang in the kernel, as on a disk that is gone. Bring the disk back, or restart the host."


class WorkspaceBusy(AnyonError):
    code, status_hint = "workspace-busy", 503
    title = "The workspace is being started or stopped elsewhere"
    detail = "Another process of the service has held it for more than {seconds:g} s."
    hint = "Try again; if it goes on, look for a second, stuck `anyon serve` on this host."
    public = ("seconds",)


class IsolationUnavailable(AnyonError):
    code, status_hint = "isolation-unavailable", 500
    title = "Workspaces cannot be isolated on this host"
    detail = "ANYON_ISOLATION=bubblewrap insists on bubblewrap, but {reason}"
    hint = "{remedy}"
    public = ("reason",)


class WorkspaceFolderUnusable(AnyonError):
    code, status_hint = "workspace-folder-unusable", 500
    title = "The workspace's folder cannot be used"
    detail = "{path}: {reason}"
    hint = "It must be a real folder that belongs to the service, on a disk with free space."
