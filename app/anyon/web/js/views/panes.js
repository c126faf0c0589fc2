// Three panes: side by side where there is room, tabs where there is not; each can fill the screen.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../dom.js";
import { isLive, withoutWorktree } from "../data/attempts.js";
import { DiffView } from "../diff/view.js";
import { useShortcut } from "../keys.js";
import { LogView } from "../log/view.js";
import { preference } from "../preferences.js";
import { TerminalPane, TerminalTabs, useTerminals } from "../terminal/pane.js";
import { Icon } from "../ui/icons.js";
import { Button, EmptyState, Keys } from "../ui/parts.js";
import { Splitter } from "../ui/splitter.js";
import { Phases } from "./phases.js";

const NARROW = 760; // px of the whole area; below it, panes are tabs
const TITLES = { log: "Log", diff: "Diff", terminal: "Terminal" };

function useWidth(element) {
  const [width, setWidth] = useState(1200);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

const shares = (one, other, share) => ({ [`--${one}`]: `${share}fr`, [`--${other}`]: `${1 - share}fr` });

function PaneHead({ name, full, narrow, onFull, children }) {
  return html`<header class="pane-head">
    ${!narrow && html`<h2 class="pane-title">${TITLES[name]}</h2>`}
    <div class="pane-tools">${children}
      ${!narrow && html`<${Button} small kind="quiet" icon=${full ? "shrink" : "expand"} label=${full ? "Show all panes" : `Fill the screen with the ${name}`} aria-pressed=${String(full)} onClick=${onFull} />`}
    </div>
  </header>`;
}

export function Panes({ project, attempt }) {
  const area = useRef(null);
  const narrow = useWidth(area) < NARROW;
  const across = preference("pane-across", 0.5);
  const down = preference("pane-down", 0.62);
  const shell = preference("pane-terminal", false);
  const tab = preference("pane-tab", "log");
  const [full, setFull] = useState(null);
  const [focused, setFocused] = useState("log");
  const [used, setUsed] = useState(false); // the terminal stays attached once it was shown
  const missing = withoutWorktree(attempt);
  const terminals = useTerminals(project, attempt.id, missing);
  const open = shell.value && (used || terminals.current !== null);
  const shown = (name) => (narrow ? tab.value === name : full ? full === name : name !== "terminal" || open);

  const go = (name) => {
    tab.value = name;
    setFocused(name);
    if (full) setFull(name);
    if (name === "terminal") {
      shell.value = true;
      setUsed(true);
    }
    requestAnimationFrame(() => area.current?.querySelector(`.pane.${name} [tabindex="0"], .pane.${name} .xterm-helper-textarea`)?.focus());
  };
  useShortcut("log", () => go("log"));
  useShortcut("diff", () => go("diff"));
  useShortcut("terminal", () => go("terminal"));
  useShortcut("full", () => setFull(full ? null : focused), !narrow);
  useEffect(() => {
    if (shown("terminal") && terminals.current) setUsed(true);
  }, [shell.value, tab.value, narrow, terminals.current?.id]);

  const toggleFull = (name) => () => setFull(full === name ? null : name);
  const head = (name) => (tools) => html`<${PaneHead} name=${name} full=${full === name} narrow=${narrow} onFull=${toggleFull(name)}>${tools}<//>`;
  const pane = (name, content) => html`<section key=${name} class=${`pane ${name}`} aria-label=${TITLES[name]} hidden=${!shown(name)} onFocusIn=${() => setFocused(name)}>${content}</section>`;
  const style = narrow || full ? {} : { ...shares("left", "right", across.value), ...shares("above", "below", down.value) };

  return html`<div class=${`panes ${narrow ? "narrow" : full ? "full" : "grid"} ${open ? "with-terminal" : ""}`} ref=${area} style=${style}>
    ${narrow && html`<div class="pane-tabs" role="group" aria-label="Panes">${Object.keys(TITLES).map((name) => html`<button key=${name} type="button" aria-pressed=${String(tab.value === name)} onClick=${() => go(name)}>${TITLES[name]}</button>`)}</div>`}
    ${pane("log", attempt.execution ? html`<${LogView} execution=${attempt.execution} live=${isLive(attempt)} tools=${head("log")} focused=${focused === "log"} />` : html`${head("log")(null)}<${Phases} attempt=${attempt} />`)}
    ${!narrow && !full && html`<${Splitter} label="Width of the log" value=${across} vertical area=${area} />`}
    ${pane("diff", missing && attempt.state !== "merged" ? html`${head("diff")(null)}<${EmptyState} icon="file" title=${missing.title}>${missing.text}<//>` : html`<${DiffView} attempt=${attempt} tools=${head("diff")} narrow=${narrow} />`)}
    ${!narrow && !full && open && html`<${Splitter} label="Height of the terminal" value=${down} area=${area} />`}
    ${pane("terminal", html`${head("terminal")(html`<${TerminalTabs} terminals=${terminals} />${!narrow && html`<${Button} small kind="quiet" icon="down" label="Hide the terminal" onClick=${() => {
      shell.value = false;
      setFull(null);
    }} />`}`)}
      ${(used || shown("terminal")) && html`<${TerminalPane} terminals=${terminals} visible=${shown("terminal")} starts=${used} where="this attempt's worktree" />`}`)}
    ${!narrow && !full && !open && html`<button type="button" class="pane-bar" onClick=${() => go("terminal")}><${Icon} name="up" /><span class="pane-title">Terminal</span><span class="muted small">${terminals.open.length ? `${terminals.open.length} open` : missing?.title ?? "opens a shell in this worktree"}</span><${Keys} id="terminal" /></button>`}
  </div>`;
}
