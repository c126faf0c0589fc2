// The command palette: every place and every action that is possible now.
import { html, useEffect, useId, useMemo, useRef, useState } from "../dom.js";
import { projects } from "../data/projects.js";
import { knownBoards, stateTitle } from "../data/tasks.js";
import { SHORTCUTS, handlerOf } from "../keys.js";
import { chooseTheme, theme } from "../preferences.js";
import { links, navigate } from "../router.js";
import { isAdmin, logOut } from "../session.js";
import { Dialog } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";
import { Keys } from "../ui/parts.js";

const HIDDEN = new Set(["palette", "next", "previous", "back", "search", "projects", "account", "admin"]);
const SHOWN = 60;

function actions() {
  const found = SHORTCUTS.filter((entry) => !HIDDEN.has(entry.id) && handlerOf(entry.id)).map((entry) => ({
    title: entry.label, icon: "right", kind: "Action", keys: entry.keys[0], run: () => handlerOf(entry.id)?.(),
  }));
  const other = { system: "dark", dark: "light", light: "system" }[theme.peek()];
  found.push({ title: `Use the ${other} theme`, icon: "sun", kind: "Action", run: () => chooseTheme(other) });
  found.push({ title: "Log out", icon: "logout", kind: "Action", run: logOut });
  return found;
}

function places() {
  const go = (title, icon, path, keys, kind = "Place") => ({ title, icon, kind, keys, run: () => navigate(path) });
  const list = [go("Projects", "project", "/", "g p"), go("Account", "user", "/me", "g m")];
  if (isAdmin()) list.push(go("Administration", "shield", "/admin", "g a"));
  for (const project of projects.items()) {
    list.push(go(project.name, "board", links.board(project), undefined, "Board"));
    list.push(go(`${project.name}: terminals`, "terminal", links.terminals(project)));
    list.push(go(`${project.name}: settings`, "settings", links.settings(project)));
    for (const task of knownBoards().get(project.id)?.items() ?? []) {
      const path = task.latest_attempt ? links.attempt(project, task, task.latest_attempt) : links.task(project, task);
      list.push(go(`#${task.number} ${task.title}`, task.state === "cancelled" ? "cancelled" : task.state, path, undefined, stateTitle(task.state)));
    }
  }
  return list;
}

// Every word of the query must appear; a hit at the start of a word counts more.
function score(title, words) {
  const text = title.toLowerCase();
  let sum = 0;
  for (const word of words) {
    const at = text.indexOf(word);
    if (at < 0) return -1;
    sum += at === 0 ? 3 : /\W/.test(text[at - 1]) ? 2 : 1;
  }
  return sum;
}

export function Palette({ onClose }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const id = useId();
  const list = useRef(null);
  const all = useMemo(() => [...actions(), ...places()], []);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all
    .map((entry) => ({ entry, rank: score(entry.title, words) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => b.rank - a.rank)
    .slice(0, SHOWN)
    .map(({ entry }) => entry);
  const index = Math.min(chosen, Math.max(0, found.length - 1));
  useEffect(() => list.current?.children[index]?.scrollIntoView({ block: "nearest" }), [index, text]);

  const run = (entry) => {
    onClose();
    if (entry) setTimeout(entry.run); // after the dialog has given the focus back
  };
  const onKey = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setChosen((index + step + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(found[index]);
    }
  };
  return html`<${Dialog} plain title="Find any action or place" onClose=${onClose} kind="palette">
    <div class="palette-head"><${Icon} name="search" />
      <input class="palette-input" data-autofocus role="combobox" aria-expanded="true" aria-controls=${id} aria-activedescendant=${found.length ? `${id}-${index}` : undefined} aria-label="Find any action or place"
        placeholder="Find a task, a project, an action" autocomplete="off" spellcheck=${false} value=${text} onKeyDown=${onKey}
        onInput=${(event) => {
          setText(event.target.value);
          setChosen(0);
        }} />
    </div>
    <ul class="palette-list" id=${id} role="listbox" aria-label="Results" ref=${list}>
      ${found.map((entry, at) => html`<li key=${entry.title + entry.kind} id=${`${id}-${at}`} role="option" aria-selected=${String(at === index)} onMouseMove=${() => setChosen(at)} onClick=${() => run(entry)}>
        <${Icon} name=${entry.icon} /><span class="cut grow">${entry.title}</span>${entry.keys ? html`<${Keys} keys=${entry.keys} />` : html`<span class="muted small">${entry.kind}</span>`}
      </li>`)}
    </ul>
    ${found.length === 0 && html`<p class="palette-none muted">Nothing is called that.</p>`}
  <//>`;
}
