// A project that is not ready: being imported, failed to import, or being deleted.
import { html, useId, useState } from "../dom.js";
import { lineOf } from "../data/attempts.js";
import { changeProject, retryImport } from "../data/projects.js";
import { Elapsed } from "../ui/clock.js";
import { useSubmit } from "../ui/form.js";
import { Icon } from "../ui/icons.js";
import { notify } from "../ui/notices.js";
import { Button, Field, LinkButton, ProblemPanel } from "../ui/parts.js";
import { links } from "../router.js";

function OtherSource({ project }) {
  const [source, setSource] = useState(project.source);
  const id = useId();
  const { busy, problem, submit } = useSubmit(async () => {
    const changed = await changeProject(project, { git_repo_path: source.trim() });
    return changed.problem ? changed : retryImport(project);
  });
  return html`<form class="stack" onSubmit=${submit}>
    <${Field} id=${id} label="Git address or path"><div class="row"><input id=${id} class="input mono grow" autocomplete="off" spellcheck=${false} value=${source} onInput=${(event) => setSource(event.target.value)} /><${Button} type="submit" busy=${busy} disabled=${source.trim() === project.source}>Import from there<//></div><//>
    ${problem && html`<${ProblemPanel} inline problem=${problem} />`}
  </form>`;
}

export function ProjectProblem({ project }) {
  const again = async () => {
    const { problem } = await retryImport(project);
    if (problem) notify({ problem });
  };
  if (project.state === "failed") {
    const problem = { title: "The import failed", detail: "", hint: "", ...project.problem };
    return html`<div class="page narrow">
      <${ProblemPanel} problem=${problem} onRetry=${again}><${LinkButton} small href=${links.settings(project)}>Settings<//><//>
      ${project.role !== "viewer" && html`<${OtherSource} key=${project.source} project=${project} />`}
    </div>`;
  }
  const words = project.state === "deleting" ? "Deleting the project" : project.source ? `Importing ${project.source}` : "Creating the repository";
  return html`<div class="page narrow"><div class="empty" role="status"><span class="tone running"><${Icon} name="working" /></span><h2>${words}</h2><p class="muted"><${Elapsed} time=${project.created_at} /></p><p class="mono muted cut">${lineOf(project).value}</p></div></div>`;
}
