// Account: credentials, API tokens, sessions, theme.
import { html } from "../dom.js";
import { chooseTheme, theme } from "../preferences.js";
import { logOut, session } from "../session.js";
import { Button, Segmented } from "../ui/parts.js";
import { usePage } from "../ui/page.js";
import { Credentials } from "./credentials.js";
import { Sessions } from "./sessions.js";
import { Tokens } from "./tokens.js";

const THEMES = [
  { name: "system", title: "System" },
  { name: "light", title: "Light" },
  { name: "dark", title: "Dark" },
];

export function Account() {
  usePage("Account");
  const { user, version } = session.value.data;
  return html`<div class="page prose">
    <div class="page-head"><h1>Account</h1><${Button} icon="logout" class="push" onClick=${logOut}>Log out<//></div>
    <p class="muted account-who">${user.name ? `${user.name} · ` : ""}${user.email} · ${user.role}</p>
    <${Credentials} />
    <${Tokens} />
    <${Sessions} />
    <section class="section"><h2>Theme</h2><div><${Segmented} label="Theme" value=${theme.value} options=${THEMES} onChange=${chooseTheme} /></div></section>
    <p class="muted small">Anyon ${version}</p>
  </div>`;
}
