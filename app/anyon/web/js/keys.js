// Every shortcut, once: the table is what `?` shows, what the palette prints and what the keyboard does.
import { useLayoutEffect, useRef } from "./dom.js";

export const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

export const SHORTCUTS = [
  { id: "palette", keys: ["mod+k"], label: "Find any action or place", group: "Anywhere", everywhere: true },
  { id: "help", keys: ["?"], label: "Show the shortcuts", group: "Anywhere" },
  { id: "search", keys: ["/"], label: "Search in this view", group: "Anywhere" },
  { id: "back", keys: ["Escape"], label: "Back, or close", group: "Anywhere" },
  { id: "projects", keys: ["g p"], label: "Go to Projects", group: "Go" },
  { id: "board", keys: ["g b"], label: "Go to the Board", group: "Go" },
  { id: "account", keys: ["g m"], label: "Go to Account", group: "Go" },
  { id: "admin", keys: ["g a"], label: "Go to Administration", group: "Go" },
  { id: "new", keys: ["c"], label: "New task, or new project", group: "Board" },
  { id: "next", keys: ["j"], label: "Next card or line", group: "Board" },
  { id: "previous", keys: ["k"], label: "Previous card or line", group: "Board" },
  { id: "open", keys: ["Enter"], label: "Open the focused one", group: "Board", native: true },
  { id: "move-1", keys: ["1"], label: "Move card to To do", group: "Board" },
  { id: "move-2", keys: ["2"], label: "Move card to In progress", group: "Board" },
  { id: "move-3", keys: ["3"], label: "Move card to In review", group: "Board" },
  { id: "move-4", keys: ["4"], label: "Move card to Done", group: "Board" },
  { id: "log", keys: ["l"], label: "Log", group: "Attempt" },
  { id: "diff", keys: ["d"], label: "Diff", group: "Attempt" },
  { id: "terminal", keys: ["t"], label: "Terminal", group: "Attempt" },
  { id: "merge", keys: ["m"], label: "Merge", group: "Attempt" },
  { id: "full", keys: ["f"], label: "Fill the screen with this pane", group: "Attempt" },
];

export const shortcut = (id) => SHORTCUTS.find((entry) => entry.id === id);
const NAMES = { mod: MAC ? "⌘" : "Ctrl", Escape: "Esc", Enter: "↵" };
export const keycaps = (keys) => keys.split(/[ +]/).map((key) => NAMES[key] ?? (key.length === 1 && /[a-z]/.test(key) ? key.toUpperCase() : key));

const handlers = new Map(); // id -> stack of functions; the latest view wins

function register(id, run) {
  const stack = handlers.get(id) ?? [];
  handlers.set(id, [...stack, run]);
  return () => handlers.set(id, handlers.get(id).filter((other) => other !== run));
}

export const handlerOf = (id) => handlers.get(id)?.at(-1);

// Makes a shortcut work while the component is on screen, from the moment at which it can be seen.
export function useShortcut(id, run, enabled = true) {
  const latest = useRef(run);
  latest.current = run;
  useLayoutEffect(() => (enabled ? register(id, (event) => latest.current(event)) : undefined), [id, enabled]);
}

const isTyping = (target) =>
  target.isContentEditable || target.closest?.(".xterm") || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

let pending = "";
let pendingTimer = 0;

function pressed(event) {
  const mod = MAC ? event.metaKey : event.ctrlKey;
  if (mod) return `mod+${event.key.toLowerCase()}`;
  if (event.metaKey || event.ctrlKey || event.altKey) return null;
  return event.key;
}

function onKey(event) {
  const key = pressed(event);
  if (!key || event.isComposing) return;
  const sequence = pending ? `${pending} ${key}` : key;
  const found = SHORTCUTS.find((entry) => !entry.native && (entry.keys.includes(sequence) || entry.keys.includes(key)));
  clearTimeout(pendingTimer);
  pending = "";
  if (!found?.everywhere && (isTyping(event.target) || document.querySelector("dialog[open], [popover]:popover-open"))) return;
  const run = found && handlerOf(found.id);
  if (run) {
    event.preventDefault();
    run(event);
  } else if (SHORTCUTS.some((entry) => entry.keys.some((keys) => keys.startsWith(`${key} `)))) {
    pending = key;
    pendingTimer = setTimeout(() => (pending = ""), 1200);
  }
}

export function startKeys() {
  document.addEventListener("keydown", onKey);
}
