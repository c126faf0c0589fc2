// API tokens for scripts: shown once when they are made.
import { html, useId, useState } from "../dom.js";
import { del, post } from "../api.js";
import { useResource } from "../resource.js";
import { Ago } from "../ui/clock.js";
import { Confirm, show } from "../ui/dialog.js";
import { absolute } from "../format.js";
import { useSubmit } from "../ui/form.js";
import { Button, CopyButton, Field, ProblemPanel, Skeleton } from "../ui/parts.js";

const LIFETIMES = [7, 30, 90, 365];

function Entry({ token, onChange }) {
  const ask = () => {
    const close = show(() => html`<${Confirm} title=${`Revoke ${token.name}?`} verb="Revoke" danger onClose=${() => close()} run=${async () => {
      const answer = await del(`/api/me/tokens/${token.id}`);
      if (!answer.problem) onChange();
      return answer;
    }}><p>Scripts that use it stop working at once.</p><//>`);
  };
  return html`<li class="row line"><span class="strong cut">${token.name}</span><span class="muted small push">${token.last_used_at ? html`used <${Ago} time=${token.last_used_at} />` : "never used"} · until ${absolute(token.expires_at).split(",").slice(0, 2).join(",")}</span><${Button} small kind="quiet" icon="trash" label=${`Revoke ${token.name}`} onClick=${ask} /></li>`;
}

export function Tokens() {
  const { status, data, problem, load } = useResource("/api/me/tokens");
  const [name, setName] = useState("");
  const [days, setDays] = useState("90");
  const [made, setMade] = useState(null);
  const id = useId();
  const make = () => post("/api/me/tokens", { name: name.trim(), days: Number(days) });
  const { busy, problem: refused, submit } = useSubmit(make, ({ token }) => {
    setMade(token);
    setName("");
    load();
  });
  let list = html`<${Skeleton} label="Loading tokens" rows=${1} />`;
  if (status === "failed") list = html`<${ProblemPanel} inline problem=${problem} onRetry=${load} />`;
  else if (status === "ready") list = data.length ? html`<ul class="rows" aria-label="API tokens">${data.map((token) => html`<${Entry} key=${token.id} token=${token} onChange=${load} />`)}</ul>` : html`<p class="muted none">None yet.</p>`;
  return html`<section class="section">
    <h2>API tokens</h2>
    <p class="muted">For scripts: send one as <code>Authorization: Bearer …</code></p>
    ${list}
    ${made && html`<div class="note done" role="status"><div class="grow stack tight"><span class="strong">Copy it now; it is not shown again.</span><div class="command"><code>${made}</code><${CopyButton} text=${made} label="Copy the token" /></div></div></div>`}
    <form class="field-row end" onSubmit=${submit}>
      <${Field} id=${`${id}-name`} label="What is it for?"><input id=${`${id}-name`} class="input" required maxlength="100" placeholder="nightly build" autocomplete="off" value=${name} onInput=${(event) => setName(event.target.value)} /><//>
      <${Field} id=${`${id}-days`} label="Valid for"><select id=${`${id}-days`} class="input" value=${days} onChange=${(event) => setDays(event.target.value)}>${LIFETIMES.map((number) => html`<option key=${number} value=${number}>${number} days</option>`)}</select><//>
      <${Button} type="submit" busy=${busy} disabled=${!name.trim()}>Make a token<//>
    </form>
    ${refused && html`<${ProblemPanel} inline problem=${refused} />`}
  </section>`;
}
