// A terminal on the page: screen and socket together, with paste guard, search and the state of the connection.
import { html, useEffect, useRef, useState } from "../dom.js";
import { dark, preference } from "../preferences.js";
import { terminalsOf } from "../data/terminals.js";
import { SearchBar } from "../log/search.js";
import { notify } from "../ui/notices.js";
import { Button } from "../ui/parts.js";
import { terminalLink } from "./link.js";
import { askPaste } from "./paste.js";

export const fontSize = preference("terminal-font", 13);
export const copyOnSelect = preference("terminal-copy", false);
export const screenReader = preference("terminal-reader", false);

const GONE_AFTER = 3; // refused sockets after which we ask whether the terminal still exists

const NOTES = {
  connecting: "Attaching to the shell",
  lost: "Connection lost. The shell goes on; what you type reaches it when it is back.",
};

// Ctrl Shift C and V copy and paste; Ctrl C stays a signal, and the palette's key goes to the page.
function keyHandler({ terminal, paste, find }) {
  return (event) => {
    if (event.type !== "keydown") return true;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && key === "k") return false;
    if (!event.ctrlKey || !event.shiftKey || event.altKey) return true;
    const chosen = { c: () => navigator.clipboard.writeText(terminal().getSelection()), v: paste, f: find }[key];
    if (!chosen) return true;
    event.preventDefault();
    chosen();
    return false;
  };
}

export function TerminalView({ terminal, autofocus, visible = true }) {
  const host = useRef(null);
  const screen = useRef(null);
  const link = useRef(null);
  const [state, setState] = useState({ name: "connecting" });
  const [searching, setSearching] = useState(false);

  useEffect(() => {
    let gone = false;
    (async () => {
      const { openScreen } = await import("./screen.js");
      if (gone) return;
      const current = () => screen.current.terminal;
      const paste = (text) => askPaste(text, (clean) => current().paste(clean));
      const opened = await openScreen({
        host: host.current,
        fontSize: fontSize.value,
        screenReader: screenReader.value,
        onInput: (text) => link.current?.send(text),
        onBinary: (text) => link.current?.sendBinary(text),
        onResize: (cols, rows) => link.current?.resize(cols, rows),
        onSelection: (text) => copyOnSelect.value && text && navigator.clipboard.writeText(text),
        onKey: keyHandler({ terminal: current, paste: async () => paste(await navigator.clipboard.readText()), find: () => setSearching(true) }),
      });
      if (gone) {
        opened.dispose();
        return;
      }
      screen.current = opened;
      host.current.addEventListener("paste", (event) => {
        event.preventDefault();
        event.stopPropagation();
        paste(event.clipboardData.getData("text/plain"));
      }, true);
      link.current = terminalLink(terminal.id, {
        size: () => ({ cols: current().cols, rows: current().rows }),
        onBytes: (bytes, done, repeated) => screen.current.write(bytes, done, repeated),
        onReset: () => current().reset(),
        onDropped: () => notify({ text: "Not sent: the terminal is not connected, and so much is not kept for it. Paste it again once it is back." }),
        onState: (name, detail) => {
          setState({ name, detail });
          if (name === "lost" && detail === GONE_AFTER) terminalsOf(terminal.project_id).load();
        },
      });
      if (autofocus) current().focus();
    })();
    return () => {
      gone = true;
      link.current?.close();
      screen.current?.dispose();
      link.current = null;
      screen.current = null;
    };
  }, [terminal.id]);

  useEffect(() => screen.current?.recolour(), [dark.value]);
  useEffect(() => {
    if (!screen.current) return;
    screen.current.terminal.options.fontSize = fontSize.value;
    screen.current.terminal.options.screenReaderMode = screenReader.value;
    screen.current.fit();
  }, [fontSize.value, screenReader.value]);
  useEffect(() => {
    if (visible && autofocus) screen.current?.terminal.focus();
  }, [visible, autofocus]);

  const find = (text, back) => screen.current.search[back ? "findPrevious" : "findNext"](text);
  const [query, setQuery] = useState("");
  return html`<div class="terminal" data-state=${state.name}>
    ${searching && html`<${SearchBar} label="Search the terminal" count=${0} index=${-1} onSearch=${(text) => {
      setQuery(text);
      find(text);
    }} onStep=${(by) => find(query, by < 0)} onClose=${() => {
      setSearching(false);
      screen.current.search.clearDecorations();
      screen.current.terminal.focus();
    }} />`}
    ${NOTES[state.name] && html`<p class=${`pane-note small ${state.name}`} role="status">${NOTES[state.name]}</p>`}
    ${state.name === "ended" && html`<p class="pane-note small ended" role="status">The shell ended${state.detail === null || state.detail === undefined ? "" : ` with exit code ${state.detail}`}.</p>`}
    <div class="terminal-host" ref=${host}></div>
    <div class="terminal-touch only-narrow" role="toolbar" aria-label="Keys">${TOUCH.map(([name, text]) => html`<${Button} key=${name} small onClick=${() => {
      link.current?.send(text);
      screen.current?.terminal.focus();
    }}>${name}<//>`)}</div>
  </div>`;
}

// What a touch keyboard lacks.
const TOUCH = [["Esc", "\x1b"], ["Tab", "\t"], ["Ctrl C", "\x03"], ["Ctrl D", "\x04"], ["↑", "\x1b[A"], ["↓", "\x1b[B"]];
