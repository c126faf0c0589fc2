// Administration: users, and the workspaces of everybody.
import { html } from "../dom.js";
import { useResource } from "../resource.js";
import { isAdmin } from "../session.js";
import { duration, bytes } from "../format.js";
import { Ago } from "../ui/clock.js";
import { Icon } from "../ui/icons.js";
import { Button, EmptyState, Middle, ProblemPanel, Skeleton } from "../ui/parts.js";
import { usePage } from "../ui/page.js";
import { NotHere } from "./app.js";
import { WORKSPACE_LOOK } from "./rail.js";
import { Users } from "./users.js";

function Row({ workspace }) {
  const look = WORKSPACE_LOOK[workspace.state] ?? WORKSPACE_LOOK.stopped;
  const name = workspace.project_name ?? workspace.slug ?? workspace.project_id;
  return html`<tr>
    <th scope="row"><${Middle} text=${name} /></th>
    <td><span class=${`row tone ${look.tone}`}><${Icon} name=${look.icon} />${look.word}</span></td>
    <td class="muted">${workspace.owner ?? workspace.owner_email ?? ""}</td>
    <td class="muted">${workspace.started_at && workspace.state === "running" ? html`<${Ago} time=${workspace.started_at} />` : workspace.stopped_at ? html`<${Ago} time=${workspace.stopped_at} />` : "never"}</td>
    <td class="muted number">${workspace.memory_bytes ? bytes(workspace.memory_bytes) : ""}</td>
    <td class="muted number">${workspace.quiet_seconds === undefined || workspace.quiet_seconds === null ? "" : duration(workspace.quiet_seconds)}</td>
    <td class="muted">${workspace.kept_awake_by?.map((lease) => lease.label).join(", ") || workspace.stop_reason || ""}</td>
  </tr>`;
}

function Workspaces() {
  const { status, data, problem, load } = useResource("/api/admin/workspaces");
  let body = html`<${Skeleton} label="Loading workspaces" rows=${3} />`;
  if (status === "failed") body = html`<${ProblemPanel} inline problem=${problem} onRetry=${load} />`;
  else if (status === "ready" && data.length === 0) body = html`<${EmptyState} icon="project" title="No workspaces yet">They appear with the first project.<//>`;
  else if (status === "ready") {
    body = html`<div class="table-scroll" tabindex="0" role="region" aria-label="Workspaces"><table class="table"><thead><tr><th scope="col">Project</th><th scope="col">State</th><th scope="col">Owner</th><th scope="col">Since</th><th scope="col" class="number">Memory</th><th scope="col" class="number">Quiet for</th><th scope="col">Kept awake by</th></tr></thead>
      <tbody>${data.map((workspace) => html`<${Row} key=${workspace.project_id} workspace=${workspace} />`)}</tbody></table></div>`;
  }
  return html`<section class="section"><div class="section-head"><h2>Workspaces</h2><${Button} small kind="quiet" icon="retry" label="Load again" class="push" onClick=${load} /></div>${body}</section>`;
}

export function Admin() {
  usePage("Administration");
  if (!isAdmin()) return html`<${NotHere} what="page" />`;
  return html`<div class="page"><div class="page-head"><h1>Administration</h1></div><${Users} /><${Workspaces} /></div>`;
}
