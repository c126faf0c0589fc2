// The new-task dialog. What was typed is kept until the task exists.
import { html, useId, useState } from "../dom.js";
import { executors } from "../data/projects.js";
import { createTask } from "../data/tasks.js";
import { MAC } from "../keys.js";
import { preference } from "../preferences.js";
import { useResource } from "../resource.js";
import { Dialog } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";
import { useSubmit } from "../ui/form.js";
import { Button, Field, ProblemPanel } from "../ui/parts.js";

// The chosen executor needs one of these credentials, and this user has none of them.
export function MissingCredential({ executor }) {
  const secrets = useResource(executor?.requires.length ? "/api/me/secrets" : null);
  if (!executor?.requires.length || secrets.status !== "ready") return null;
  if (secrets.data.some((secret) => executor.requires.includes(secret.name))) return null;
  return html`<p class="note waiting"><${Icon} name="key" /><span>${executor.title} needs ${executor.requires.map((name, index) => html`${index > 0 && " or "}<code>${name}</code>`)}. <a class="link" href="/me">Add it to your credentials</a>.</span></p>`;
}

export function ExecutorChoice({ value, onChange }) {
  const { data = [] } = executors.state.value;
  const name = useId();
  return html`<fieldset class="choices">
    <legend>Executor</legend>
    ${data.map((executor) => html`<label key=${executor.name} class="choice">
      <input type="radio" name=${name} value=${executor.name} checked=${value === executor.name} onChange=${() => onChange(executor.name)} />
      <span class="strong">${executor.title}</span><span class="muted small">${executor.description}</span>
    </label>`)}
  </fieldset>`;
}

export function NewTask({ project, onClose, start = true }) {
  const draft = preference(`draft.${project.id}`, "");
  const last = preference(`executor.${project.id}`, project.default_executor ?? "shell");
  const [text, setText] = useState(draft.value);
  const [executor, setExecutor] = useState(last.value);
  const [starts, setStarts] = useState(start);
  const id = useId();
  const known = executors.state.value.data?.find((one) => one.name === executor);
  const type = (event) => {
    setText(event.target.value);
    draft.value = event.target.value;
  };
  const create = () => createTask({ project_id: project.id, description: text.trim(), executor, start: starts });
  const created = () => {
    draft.value = "";
    last.value = executor;
    onClose();
  };
  const { busy, problem, submit } = useSubmit(create, created, Boolean(text.trim()));
  const onKey = (event) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) submit(event);
  };
  return html`<${Dialog} title="New task" onClose=${onClose}>
    <form class="stack" onSubmit=${submit} onKeyDown=${onKey}>
      <${Field} id=${id} label=${known?.prompt_label ?? "What should be done?"} hint="The first line becomes the title.">
        <textarea id=${id} class=${`input ${executor === "shell" ? "mono" : ""}`} data-autofocus rows="7" required value=${text} aria-describedby=${`${id}-note`} onInput=${type}></textarea>
      <//>
      <${ExecutorChoice} value=${executor} onChange=${setExecutor} />
      <${MissingCredential} executor=${known} />
      ${problem && html`<${ProblemPanel} inline problem=${problem} />`}
      <footer class="dialog-foot">
        <label class="check"><input type="checkbox" checked=${starts} onChange=${(event) => setStarts(event.target.checked)} />Start an attempt at once</label>
        <${Button} onClick=${onClose}>Cancel<//>
        <${Button} kind="primary" type="submit" busy=${busy} disabled=${!text.trim()}>${starts ? "Create and start" : "Create task"} <kbd aria-hidden="true">${MAC ? "⌘" : "Ctrl"} ↵</kbd><//>
      </footer>
    </form>
  <//>`;
}
