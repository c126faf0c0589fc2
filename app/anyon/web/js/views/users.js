// The users of the installation: added with a one-time link, disabled, and given another link.
import { html, useId, useState } from "../dom.js";
import { patch, post } from "../api.js";
import { useResource } from "../resource.js";
import { session } from "../session.js";
import { Ago } from "../ui/clock.js";
import { Confirm, Dialog, show } from "../ui/dialog.js";
import { Menu } from "../ui/menu.js";
import { notify } from "../ui/notices.js";
import { useSubmit } from "../ui/form.js";
import { Button, Chip, CopyButton, Field, ProblemPanel, Skeleton } from "../ui/parts.js";

function LinkNote({ email, link }) {
  return html`<div class="note done" role="status"><div class="grow stack tight"><span class="strong">Send this link to ${email}. It works once, until ${new Date(link.expires_at).toLocaleString()}.</span>
    <div class="command"><code>${link.url}</code><${CopyButton} text=${link.url} label="Copy the link" /></div></div></div>`;
}

function NewUser({ onClose, onMade }) {
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState("member");
  const [made, setMade] = useState(null);
  const id = useId();
  const add = () => post("/api/users", { email: email.trim(), name: name.trim(), role });
  const { busy, problem, submit } = useSubmit(add, (data) => {
    setMade(data);
    onMade();
  });
  if (made) return html`<${Dialog} title="User added" onClose=${onClose}><div class="stack"><${LinkNote} email=${made.user.email} link=${made.link} /><footer class="dialog-foot"><${Button} kind="primary" data-autofocus onClick=${onClose}>Done<//></footer></div><//>`;
  return html`<${Dialog} title="Add a user" onClose=${onClose} kind="small"><form class="stack" onSubmit=${submit}>
    <${Field} id=${`${id}-email`} label="Email"><input id=${`${id}-email`} class="input" type="email" required data-autofocus autocomplete="off" value=${email} onInput=${(event) => setEmail(event.target.value)} /><//>
    <${Field} id=${`${id}-name`} label="Name"><input id=${`${id}-name`} class="input" required maxlength="100" autocomplete="off" value=${name} onInput=${(event) => setName(event.target.value)} /><//>
    <${Field} id=${`${id}-role`} label="Role" hint="An administrator manages users and sees every workspace's state."><select id=${`${id}-role`} class="input" value=${role} onChange=${(event) => setRole(event.target.value)}><option value="member">Member</option><option value="admin">Administrator</option></select><//>
    ${problem && html`<${ProblemPanel} inline problem=${problem} />`}
    <footer class="dialog-foot"><${Button} onClick=${onClose}>Cancel<//><${Button} kind="primary" type="submit" busy=${busy}>Add and make a link<//></footer>
  </form><//>`;
}

function UserRow({ user, onChange }) {
  const me = session.value.data.user.id === user.id;
  const change = async (fields) => {
    const answer = await patch(`/api/users/${user.id}`, fields);
    if (!answer.problem) onChange();
    return answer;
  };
  const tell = async (fields) => {
    const { problem } = await change(fields);
    if (problem) notify({ problem });
  };
  const makeLink = async () => {
    const { data, problem } = await post(`/api/users/${user.id}/link`);
    if (problem) notify({ problem });
    else {
      const close = show(() => html`<${Dialog} title="One-time link" onClose=${() => close()}><${LinkNote} email=${user.email} link=${data} /><//>`);
    }
  };
  const disable = () => {
    const close = show(() => html`<${Confirm} title=${`Disable ${user.email}?`} verb="Disable" danger run=${() => change({ disabled: true })} onClose=${() => close()}><p>Sessions and tokens end at once. Projects and work stay.</p><//>`);
  };
  const other = user.role === "admin" ? ["member", "Make a member"] : ["admin", "Make an administrator"];
  const items = [
    { title: "Make a one-time link", icon: "key", run: makeLink, disabled: Boolean(user.disabled_at) },
    { title: other[1], icon: "shield", run: () => tell({ role: other[0] }), disabled: me },
    user.disabled_at ? { title: "Enable again", icon: "check", run: () => tell({ disabled: false }) } : { title: "Disable…", icon: "cancelled", danger: true, run: disable, disabled: me },
  ];
  return html`<li class="row line">
    <div class="grow cut"><span class="strong">${user.name || user.email}</span> <span class="muted small">${user.email}</span></div>
    ${me && html`<${Chip}>you<//>`}${user.role === "admin" && html`<${Chip} tone="accent" icon="shield">administrator<//>`}${user.disabled_at && html`<${Chip} tone="failed" icon="cancelled">disabled<//>`}
    <span class="muted small only-wide">since <${Ago} time=${user.created_at} /></span><${Menu} label=${`Actions for ${user.email}`} items=${items} />
  </li>`;
}

export function Users() {
  const { status, data, problem, load } = useResource("/api/users");
  const add = () => {
    const close = show(() => html`<${NewUser} onMade=${load} onClose=${() => close()} />`);
  };
  let list = html`<${Skeleton} label="Loading users" rows=${3} />`;
  if (status === "failed") list = html`<${ProblemPanel} inline problem=${problem} onRetry=${load} />`;
  else if (status === "ready") list = html`<ul class="rows" aria-label="Users">${data.map((user) => html`<${UserRow} key=${user.id} user=${user} onChange=${load} />`)}</ul>`;
  return html`<section class="section"><div class="section-head"><h2>Users</h2><${Button} small icon="plus" class="push" onClick=${add}>Add a user<//></div>${list}</section>`;
}
