// Projects: what do I have, what is running, what needs me.
import { html, useRef } from "../dom.js";
import { projects, retryImport } from "../data/projects.js";
import { STATES } from "../data/tasks.js";
import { cause, count, wholeProblem } from "../format.js";
import { useShortcut } from "../keys.js";
import { links } from "../router.js";
import { Ago } from "../ui/clock.js";
import { show } from "../ui/dialog.js";
import { useListKeys } from "../ui/list_keys.js";
import { notify } from "../ui/notices.js";
import { Button, Chip, EmptyState, Middle, ProblemPanel, Skeleton } from "../ui/parts.js";
import { usePage } from "../ui/page.js";
import { NewProject, ProjectForm } from "./new_project.js";
import { lookOfProject } from "./rail.js";
import { Icon } from "../ui/icons.js";

export function openNewProject() {
  const close = show(() => html`<${NewProject} onClose=${() => close()} />`);
}

async function retry(project) {
  const { problem } = await retryImport(project);
  if (problem) notify({ problem });
}

function Counts({ counts }) {
  return html`<ul class="project-counts">
    ${STATES.filter((state) => state.name !== "cancelled").map((state) => html`<li key=${state.name} class=${counts[state.name] ? `tone ${state.name}` : "muted"} title=${`${counts[state.name]} ${state.title.toLowerCase()}`}>
      <${Icon} name=${state.name} /><span>${counts[state.name]}</span><span class="sr-only">${state.title.toLowerCase()}</span>
    </li>`)}
  </ul>`;
}

function since(project) {
  const { workspace } = project;
  if (project.state !== "ready") return html`<${Ago} time=${project.created_at} />`;
  if (workspace.state === "running" && workspace.started_at) return html`<${Ago} time=${workspace.started_at} prefix="since " />`;
  if (workspace.stopped_at) return html`<${Ago} time=${workspace.stopped_at} />`;
  return null;
}

function ProjectRow({ project }) {
  const look = lookOfProject(project);
  const problem = project.state === "failed" ? (project.problem ?? { title: "The import failed" }) : null;
  return html`<li class="project-row" data-item>
    <span class=${`tone ${look.tone}`}><${Icon} name=${look.icon} /></span>
    <div class="project-name">
      <a class="cover" href=${links.board(project)} title=${problem ? wholeProblem(problem) : undefined} data-focus><h2><${Middle} text=${project.name} /></h2></a>
      <span class="muted small project-source">${project.source ? html`<${Middle} text=${project.source} keep=${16} />` : "new repository"}</span>
    </div>
    <div class="project-state small"><span class=${`tone ${look.tone}`}>${look.word}</span> <span class="muted">${since(project)}</span></div>
    ${problem
      ? html`<div class="project-problem small"><span class="cut removed">${cause(problem)}</span><${Button} small icon="retry" onClick=${() => retry(project)}>Import again<//></div>`
      : html`<${Counts} counts=${project.counts} />`}
    <div class="project-need">${project.needs_me > 0 && html`<${Chip} tone="review" icon="review">${count(project.needs_me, "task")} ${project.needs_me === 1 ? "needs" : "need"} you<//>`}</div>
  </li>`;
}

export function Projects() {
  usePage("Projects");
  useShortcut("new", openNewProject);
  const list = useRef(null);
  useListKeys(list);
  const { status, data, problem } = projects.state.value;
  if (status === "loading") return html`<div class="page"><div class="page-head"><h1>Projects</h1></div><${Skeleton} label="Loading projects" rows=${4} shape="tall" /></div>`;
  if (status === "failed") return html`<div class="page"><${ProblemPanel} problem=${problem} onRetry=${projects.load} /></div>`;
  if (data.length === 0) {
    return html`<div class="page narrow first-project">
      <h1 class="sr-only">Projects</h1>
      <${EmptyState} icon="project" title="Start with a repository">Paste a git address. Anyon clones it into a workspace of its own, where you and your agents work on it.<//>
      <div class="card-box"><${ProjectForm} /></div>
    </div>`;
  }
  return html`<div class="page">
    <div class="page-head"><h1>Projects</h1><${Button} kind="primary" icon="plus" keys="new" class="push" onClick=${openNewProject}>New project<//></div>
    <ul class="project-list" aria-label="Projects" ref=${list}>${data.map((project) => html`<${ProjectRow} key=${project.id} project=${project} />`)}</ul>
  </div>`;
}
