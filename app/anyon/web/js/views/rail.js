// The rail: every project with its state and what needs me; a sheet on narrow screens.
import { html, useEffect, useRef } from "../dom.js";
import { currentProject, projects } from "../data/projects.js";
import { count } from "../format.js";
import { links, route } from "../router.js";
import { isAdmin, session } from "../session.js";
import { Icon } from "../ui/icons.js";
import { Button, Middle } from "../ui/parts.js";

export const WORKSPACE_LOOK = {
  running: { icon: "running", tone: "done", word: "running" },
  starting: { icon: "working", tone: "running", word: "starting" },
  stopping: { icon: "working", tone: "waiting", word: "stopping" },
  stopped: { icon: "stopped", tone: "muted", word: "stopped" },
  failed: { icon: "failed", tone: "failed", word: "failed" },
};

export function lookOfProject(project) {
  if (project.state === "failed") return { icon: "failed", tone: "failed", word: "import failed" };
  if (project.state === "creating") return { icon: "working", tone: "running", word: "importing" };
  if (project.state === "deleting") return { icon: "working", tone: "waiting", word: "deleting" };
  return WORKSPACE_LOOK[project.workspace?.state] ?? WORKSPACE_LOOK.stopped;
}

function Entry({ href, icon, children, current, sub }) {
  return html`<li><a href=${href} class=${`rail-entry ${sub ? "sub" : ""}`} aria-current=${current ? "page" : undefined}>${icon && html`<${Icon} name=${icon} />`}<span class="cut grow">${children}</span></a></li>`;
}

function ProjectEntry({ project }) {
  const { name } = route.value;
  const open = currentProject.value?.id === project.id;
  const look = lookOfProject(project);
  return html`<li>
    <a href=${links.board(project)} class="rail-entry" aria-current=${open ? "true" : undefined}>
      <span class=${`tone ${look.tone}`}><${Icon} name=${look.icon} /></span>
      <span class="grow cut"><${Middle} text=${project.name} /></span>
      <span class="sr-only">${look.word}</span>
      ${project.needs_me > 0 && html`<span class="badge" title=${`${count(project.needs_me, "task")} need you`}>${project.needs_me}<span class="sr-only"> need you</span></span>`}
    </a>
    ${open && html`<ul>
      <${Entry} sub href=${links.board(project)} current=${name === "board" || name === "task" || name === "attempt"}>Board<//>
      <${Entry} sub href=${links.terminals(project)} current=${name === "terminals"}>Terminals<//>
      <${Entry} sub href=${links.settings(project)} current=${name === "settings"}>Settings<//>
    </ul>`}
  </li>`;
}

export function Rail({ open, onClose }) {
  const { data = [] } = projects.state.value;
  const { name, path } = route.value;
  const user = session.value.data.user;
  const element = useRef(null);
  useEffect(onClose, [path]);
  useEffect(() => {
    if (!open) return undefined;
    const before = document.activeElement;
    element.current.querySelector("a, button")?.focus();
    const onKey = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      onClose();
    };
    document.addEventListener("keydown", onKey, true);
    return () => {
      document.removeEventListener("keydown", onKey, true);
      before?.focus?.();
    };
  }, [open]);
  return html`${open && html`<div class="rail-scrim" onClick=${onClose}></div>`}
    <aside class=${`rail ${open ? "open" : ""}`} aria-label="Navigation" ref=${element}>
      <div class="rail-head"><a href="/" class="brand"><${Icon} name="brand" />anyon</a><${Button} kind="quiet" icon="close" label="Close the menu" class="only-narrow push" onClick=${onClose} /></div>
      <nav aria-label="Places" class="rail-places">
        <ul>
          <${Entry} href="/" icon="project" current=${name === "projects"}>Projects<//>
          ${data.map((project) => html`<${ProjectEntry} key=${project.id} project=${project} />`)}
        </ul>
      </nav>
      <nav aria-label="Account" class="rail-foot"><ul>
        ${isAdmin() && html`<${Entry} href="/admin" icon="shield" current=${name === "admin"}>Administration<//>`}
        <${Entry} href="/me" icon="user" current=${name === "account"}>${user.name || user.email}<//>
      </ul></nav>
    </aside>`;
}
