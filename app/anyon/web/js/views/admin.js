// Administration: users, and the workspaces of everybody.
import { html } from "../dom.js";
import { useResource } from "../resource.js";
import { isAdmin } from "../session.js";
import { projects } from "../data/projects.js";
import { bytes, took } from "../format.js";
import { Ago } from "../ui/clock.js";
import { Icon } from "../ui/icons.js";
import { Button, EmptyState, Middle, ProblemPanel, Skeleton } from "../ui/parts.js";
import { usePage } from "../ui/page.js";
import { NotHere } from "./app.js";
import { WORKSPACE_LOOK } from "./rail.js";
import { Users } from "./users.js";

const COLUMNS = ["Project", "State", "Since", "Last active"];
const NUMBERS = ["Processes", "CPU", "Memory", "Disk"];

function Row({ workspace }) {
  const look = WORKSPACE_LOOK[workspace.state] ?? WORKSPACE_LOOK.stopped;
  const name = projects.items().find((project) => project.id === workspace.project_id)?.name;
  return html`<tr>
    <th scope="row">${name ? html`<${Middle} text=${name} />` : html`<span class="mono muted" title=${workspace.project_id}>${workspace.project_id.slice(0, 8)}</span>`}</th>
    <td><span class=${`row tone ${look.tone}`}><${Icon} name=${look.icon} />${look.word}</span></td>
    <td class="muted"><${Ago} time=${workspace.started_at} /></td>
    <td class="muted"><${Ago} time=${workspace.last_activity_at} /></td>
    <td class="muted number">${workspace.processes}</td>
    <td class="muted number">${took(workspace.cpu_seconds)}</td>
    <td class="muted number">${bytes(workspace.memory_bytes)}</td>
    <td class="muted number">${bytes(workspace.disk_bytes)}</td>
  </tr>`;
}

function Workspaces() {
  const { status, data, problem, load } = useResource("/api/admin/workspaces");
  let body = html`<${Skeleton} label="Loading workspaces" rows=${3} />`;
  if (status === "failed") body = html`<${ProblemPanel} inline problem=${problem} onRetry=${load} />`;
  else if (status === "ready" && data.length === 0) body = html`<${EmptyState} icon="project" title="No workspace is running">They start by themselves when a task or a terminal needs them.<//>`;
  else if (status === "ready") {
    body = html`<div class="table-scroll" tabindex="0" role="region" aria-label="Workspaces"><table class="table"><thead><tr>${COLUMNS.map((title) => html`<th key=${title} scope="col">${title}</th>`)}${NUMBERS.map((title) => html`<th key=${title} scope="col" class="number">${title}</th>`)}</tr></thead>
      <tbody>${data.map((workspace) => html`<${Row} key=${workspace.project_id} workspace=${workspace} />`)}</tbody></table></div>`;
  }
  return html`<section class="section"><div class="section-head"><h2>Workspaces</h2><${Button} small kind="quiet" icon="retry" label="Load again" class="push" onClick=${load} /></div>${body}</section>`;
}

export function Admin() {
  usePage("Administration");
  if (!isAdmin()) return html`<${NotHere} what="page" />`;
  return html`<div class="page"><div class="page-head"><h1>Administration</h1></div><${Users} /><${Workspaces} /></div>`;
}
