// The settings of a project: how it starts agents, how long its workspace stays awake, and its end.
import { html, useId, useState } from "../dom.js";
import { del, post, put } from "../api.js";
import { changeProject, projects } from "../data/projects.js";
import { duration, seconds } from "../format.js";
import { useShortcut } from "../keys.js";
import { links, navigate } from "../router.js";
import { Ago, now } from "../ui/clock.js";
import { Confirm, show } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";
import { Menu } from "../ui/menu.js";
import { notify } from "../ui/notices.js";
import { Button, Field, ProblemPanel, Skeleton } from "../ui/parts.js";
import { usePage } from "../ui/page.js";
import { ExecutorSelect } from "./new_project.js";
import { lookOfProject } from "./rail.js";
import { useIdle } from "./workspace_state.js";

async function save(project, fields, done) {
  const { problem } = await changeProject(project, fields);
  notify(problem ? { problem } : { text: done });
}

function General({ project }) {
  const [name, setName] = useState(project.name);
  const id = useId();
  const rename = (event) => {
    event.preventDefault();
    save(project, { name: name.trim() }, "Renamed");
  };
  return html`<section class="section">
    <h2>General</h2>
    <form class="stack" onSubmit=${rename}>
      <${Field} id=${`${id}-name`} label="Name"><div class="row"><input id=${`${id}-name`} class="input grow" required maxlength="100" value=${name} onInput=${(event) => setName(event.target.value)} /><${Button} type="submit" disabled=${!name.trim() || name.trim() === project.name}>Rename<//></div><//>
      <${Field} id=${`${id}-executor`} label="Default executor" hint="What a new task of this project runs, unless it names another."><${ExecutorSelect} id=${`${id}-executor`} value=${project.default_executor ?? ""} none="The installation's default" onChange=${(value) => save(project, { default_executor: value || null }, "Default executor changed")} /><//>
      <dl class="pairs small"><dt>Source</dt><dd class="mono">${project.source || "new repository"}</dd><dt>Default branch</dt><dd class="mono">${project.default_branch}</dd><dt>Created</dt><dd><${Ago} time=${project.created_at} /></dd></dl>
    </form>
  </section>`;
}

const KINDS = { execution: "play", terminal: "terminal", pin: "pin", heartbeat: "clock" };

function Leases({ idle }) {
  if (!idle) return html`<${Skeleton} label="Loading what keeps it awake" rows=${1} />`;
  if (idle.kept_awake_by.length === 0) return null;
  return html`<ul class="rows small" aria-label="Kept awake by">${idle.kept_awake_by.map((lease) => html`<li key=${lease.kind + lease.subject} class="row lease"><${Icon} name=${KINDS[lease.kind] ?? "clock"} /><span class="cut grow">${lease.label}</span><span class="muted">${lease.until ? `for ${duration(seconds(lease.until) - now.value / 1000)}` : lease.kind}</span></li>`)}</ul>`;
}

function sentence(project, idle, time) {
  const { workspace } = project;
  if (workspace.state === "stopped") return html`Stopped${workspace.stopped_at ? html` <${Ago} time=${workspace.stopped_at} />` : ""}${workspace.stop_reason ? `: ${workspace.stop_reason}` : ""}. It starts by itself when a task or a terminal needs it.`;
  if (!idle || workspace.state !== "running") return lookOfProject(project).word;
  const rule = `A workspace stops after ${duration(idle.idle_seconds)} in which nothing runs.`;
  if (idle.kept_awake_by.length) return `Running. ${rule} Right now it is kept awake by:`;
  return `Running. ${rule}${idle.stops_at ? ` It stops in ${duration(Math.max(0, seconds(idle.stops_at) - time / 1000))}.` : ""}`;
}

function Workspace({ project }) {
  const idle = useIdle(project);
  const look = lookOfProject(project);
  const { workspace } = project;
  const [busy, setBusy] = useState(false);
  const act = async (request) => {
    setBusy(true);
    const { problem } = await request();
    setBusy(false);
    if (problem) notify({ problem });
    await Promise.all([projects.load(), idle.load()]);
  };
  const pin = (hours) => () => act(() => put(`/api/projects/${project.id}/pin`, { hours }));
  const pinned = workspace.pinned_until && Date.parse(workspace.pinned_until) > now.value;
  const running = workspace.state === "running";
  return html`<section class="section" id="workspace">
    <h2 class="row">Workspace <span class=${`row tone ${look.tone} small`}><${Icon} name=${look.icon} />${look.word}</span></h2>
    ${workspace.problem && html`<${ProblemPanel} inline problem=${{ title: "The workspace failed", ...workspace.problem }} />`}
    <p class="muted">${sentence(project, idle.state.value.data, now.value)}</p>
    ${running && html`<${Leases} idle=${idle.state.value.data} />`}
    <div class="row wrap">
      ${pinned ? html`<${Button} icon="pin" busy=${busy} onClick=${() => act(() => del(`/api/projects/${project.id}/pin`))}>Let it sleep again<//>`
        : html`<${Menu} kind="" small=${false} icon="pin" label="Keep awake" items=${[["for 2 hours", 2], ["for 8 hours", 8], ["for 3 days", 72], ["until I change it", null]].map(([title, hours]) => ({ title, run: pin(hours) }))}>Keep awake<//>`}
      ${running ? html`<${Button} icon="stop" busy=${busy} onClick=${() => askStop(project, idle.state.value.data)}>Stop now<//>`
        : html`<${Button} icon="play" busy=${busy || workspace.state === "starting"} onClick=${() => act(() => post(`/api/projects/${project.id}/workspace/start`))}>Start now<//>`}
    </div>
  </section>`;
}

function askStop(project, idle) {
  const lost = (idle?.kept_awake_by ?? []).filter((lease) => lease.kind === "execution" || lease.kind === "terminal");
  const run = async () => {
    const answer = await post(`/api/projects/${project.id}/workspace/stop`);
    if (!answer.problem) projects.load();
    return answer;
  };
  const close = show(() => html`<${Confirm} title="Stop the workspace?" verb="Stop" danger run=${run} onClose=${() => close()}>
    <p>Every process in it ends. Files stay.</p>
    ${lost.length > 0 && html`<ul class="rows small">${lost.map((lease) => html`<li class="row lease"><${Icon} name=${KINDS[lease.kind]} /><span class="cut">${lease.label}</span></li>`)}</ul>`}
  <//>`);
}

function Delete({ project }) {
  const total = Object.values(project.counts).reduce((sum, number) => sum + number, 0);
  const ask = () => {
    const close = show(() => html`<${Confirm} title=${`Delete ${project.name}?`} verb="Delete project" danger word=${project.name} onClose=${() => close()} run=${async () => {
      const answer = await del(`/api/projects/${project.id}`);
      if (!answer.problem) {
        projects.load();
        navigate("/");
      }
      return answer;
    }}><p>${total === 1 ? "1 task" : `${total} tasks`}, every attempt with its log, and the working copy with all unmerged branches will be lost. Running processes end.</p><//>`);
  };
  return html`<section class="section danger-zone"><h2>Delete this project</h2><p class="muted">Nothing of it is kept. A repository that it was cloned from is not touched.</p><div><${Button} kind="danger quiet" icon="trash" onClick=${ask}>Delete project<//></div></section>`;
}

export function ProjectSettings({ project }) {
  usePage(`Settings of ${project.name}`);
  useShortcut("back", () => navigate(links.board(project)));
  return html`<div class="page prose">
    <div class="page-head"><h1>Settings</h1></div>
    <${General} project=${project} />
    ${project.state === "ready" && html`<${Workspace} project=${project} />`}
    ${project.role === "owner" && html`<${Delete} project=${project} />`}
  </div>`;
}
