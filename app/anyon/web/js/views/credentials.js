// Credentials of this user: written once, never shown again, given only to this user's executions.
import { html, useId, useState } from "../dom.js";
import { del, put } from "../api.js";
import { executors } from "../data/projects.js";
import { useResource } from "../resource.js";
import { Ago } from "../ui/clock.js";
import { Confirm, show } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";
import { notify } from "../ui/notices.js";
import { useSubmit } from "../ui/form.js";
import { Button, Field, ProblemPanel, Skeleton } from "../ui/parts.js";

function Entry({ secret, onChange }) {
  const ask = () => {
    const close = show(() => html`<${Confirm} title=${`Delete ${secret.name}?`} verb="Delete" danger onClose=${() => close()} run=${async () => {
      const answer = await del(`/api/me/secrets/${secret.name}`);
      if (!answer.problem) onChange();
      return answer;
    }}><p>Executions that need it will fail until you add it again.</p><//>`);
  };
  return html`<li class="row line"><${Icon} name="key" /><span class="mono cut">${secret.name}</span><span class="muted small push">set <${Ago} time=${secret.updated_at} /></span><${Button} small kind="quiet" icon="trash" label=${`Delete ${secret.name}`} onClick=${ask} /></li>`;
}

export function Credentials() {
  const { status, data, problem, load } = useResource("/api/me/secrets");
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const id = useId();
  const names = [...new Set((executors.state.value.data ?? []).flatMap((executor) => executor.requires))];
  const store = () => put(`/api/me/secrets/${encodeURIComponent(name.trim())}`, { value });
  const { busy, problem: refused, submit } = useSubmit(store, () => {
    setName("");
    setValue("");
    notify({ text: `${name.trim()} is stored` });
    load();
  });
  let list = html`<${Skeleton} label="Loading credentials" rows=${2} />`;
  if (status === "failed") list = html`<${ProblemPanel} inline problem=${problem} onRetry=${load} />`;
  else if (status === "ready" && data.length) list = html`<ul class="rows" aria-label="Credentials">${data.map((secret) => html`<${Entry} key=${secret.name} secret=${secret} onChange=${load} />`)}</ul>`;
  else if (status === "ready") list = html`<p class="muted none">None yet. Agents need one to reach their model.</p>`;
  return html`<section class="section">
    <h2>Credentials</h2>
    <p class="muted">Kept encrypted, given only to the executions that you start, and taken out of their logs. Nobody can read them back, you included.</p>
    ${list}
    <form class="field-row end" onSubmit=${submit}>
      <${Field} id=${`${id}-name`} label="Name"><input id=${`${id}-name`} class="input mono" required pattern="[A-Z_][A-Z0-9_]*" title="Capital letters, digits and _" placeholder="ANTHROPIC_API_KEY" list=${`${id}-names`} autocomplete="off" spellcheck=${false} value=${name} onInput=${(event) => setName(event.target.value)} /><datalist id=${`${id}-names`}>${names.map((one) => html`<option key=${one} value=${one} />`)}</datalist><//>
      <${Field} id=${`${id}-value`} label="Value"><input id=${`${id}-value`} class="input mono" type="password" required minlength="4" autocomplete="off" value=${value} onInput=${(event) => setValue(event.target.value)} /><//>
      <${Button} type="submit" busy=${busy} disabled=${!name || !value}>Store<//>
    </form>
    ${refused && html`<${ProblemPanel} inline problem=${refused} />`}
  </section>`;
}
