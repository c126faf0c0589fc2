// One dialog for a project from a git address, a folder of the host, or nothing.
import { html, useId, useState } from "../dom.js";
import { createProject, executors } from "../data/projects.js";
import { nameOfSource } from "../format.js";
import { links, navigate } from "../router.js";
import { Dialog } from "../ui/dialog.js";
import { useSubmit } from "../ui/form.js";
import { Button, Field, ProblemPanel } from "../ui/parts.js";

const KINDS = [
  [/^$/, "Leave it empty to start a new repository with a main branch."],
  [/^\//, "A folder below one of the host's import roots: a git repository, or plain files."],
  [/^(https?|ssh|git):\/\/|^[\w.-]+@[\w.-]+:/, "The repository is cloned into the project's workspace."],
  [/./, "Give a git address (https://, ssh:// or git@…) or an absolute path on the host."],
];
const hintFor = (source) => KINDS.find(([pattern]) => pattern.test(source.trim()))[1];

export function ExecutorSelect({ id, value, onChange, none }) {
  const { data = [] } = executors.state.value;
  return html`<select id=${id} class="input" value=${value} onChange=${(event) => onChange(event.target.value)}>
    ${none && html`<option value="">${none}</option>`}
    ${data.map((executor) => html`<option key=${executor.name} value=${executor.name}>${executor.title}</option>`)}
  </select>`;
}

export function ProjectForm({ onDone, onCancel }) {
  const [source, setSource] = useState("");
  const [name, setName] = useState(null);
  const [executor, setExecutor] = useState("");
  const id = useId();
  const shown = name ?? nameOfSource(source);
  const create = () => createProject({ name: shown.trim(), git_repo_path: source.trim(), ...(executor ? { default_executor: executor } : {}) });
  const { busy, problem, submit } = useSubmit(create, (project) => {
    onDone?.();
    navigate(links.board(project));
  });
  return html`<form class="stack" onSubmit=${submit}>
    <${Field} id=${`${id}-source`} label="Git address or path" hint=${hintFor(source)}>
      <input id=${`${id}-source`} class="input mono" data-autofocus autocomplete="off" spellcheck=${false} placeholder="https://git.example.com/team/shop.git" value=${source} aria-describedby=${`${id}-source-note`} onInput=${(event) => setSource(event.target.value)} />
    <//>
    <div class="field-row">
      <${Field} id=${`${id}-name`} label="Name"><input id=${`${id}-name`} class="input" required maxlength="100" autocomplete="off" value=${shown} onInput=${(event) => setName(event.target.value)} /><//>
      <${Field} id=${`${id}-executor`} label="Default executor"><${ExecutorSelect} id=${`${id}-executor`} value=${executor} onChange=${setExecutor} none="The installation's default" /><//>
    </div>
    ${problem && html`<${ProblemPanel} inline problem=${problem} />`}
    <footer class="dialog-foot">
      ${onCancel && html`<${Button} onClick=${onCancel}>Cancel<//>`}
      <${Button} kind="primary" type="submit" busy=${busy} disabled=${!shown.trim()}>Create project<//>
    </footer>
  </form>`;
}

export function NewProject({ onClose }) {
  return html`<${Dialog} title="New project" onClose=${onClose}><${ProjectForm} onDone=${onClose} onCancel=${onClose} /><//>`;
}
