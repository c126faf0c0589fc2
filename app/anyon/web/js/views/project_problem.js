// A project that is not ready: being imported, failed to import, or being deleted.
import { html } from "../dom.js";
import { post } from "../api.js";
import { lineOf } from "../data/attempts.js";
import { projects } from "../data/projects.js";
import { Elapsed } from "../ui/clock.js";
import { Icon } from "../ui/icons.js";
import { notify } from "../ui/notices.js";
import { LinkButton, ProblemPanel } from "../ui/parts.js";
import { links } from "../router.js";

export function ProjectProblem({ project }) {
  const retry = async () => {
    const { data, problem } = await post(`/api/projects/${project.id}/retry`);
    if (problem) notify({ problem });
    else if (data) projects.upsert(data);
  };
  if (project.state === "failed") {
    const problem = { title: "The import failed", detail: "", hint: "", ...project.problem };
    return html`<div class="page narrow"><${ProblemPanel} problem=${problem} onRetry=${retry}><${LinkButton} small href=${links.settings(project)}>Settings<//><//></div>`;
  }
  const words = project.state === "deleting" ? "Deleting the project" : project.source ? `Importing ${project.source}` : "Creating the repository";
  return html`<div class="page narrow"><div class="empty" role="status"><span class="tone running"><${Icon} name="working" /></span><h2>${words}</h2><p class="muted"><${Elapsed} time=${project.created_at} /></p><p class="mono muted cut">${lineOf(project).value}</p></div></div>`;
}
