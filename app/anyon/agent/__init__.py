"""The agent: the main process of a workspace, and the client that the control plane speaks to it with.

Inside the workspace only the standard library is there, so nothing here imports more than that and `anyon.agent`.
`client.py`, `stream.py` and `errors.py` run in the control plane; everything else runs in the workspace.

    server ── connection ── operations ─┬─ executions ── logs, redaction, records
                 │                      ├─ terminals ── ring
             protocol, windows          ├─ repository ── git, worktrees, diff, merge
                 │                      └─ files ── paths
               client                   (processes start in `processes`, and are reaped there)
"""
