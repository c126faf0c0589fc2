// The `?` sheet: the whole table of shortcuts, by group.
import { html } from "../dom.js";
import { SHORTCUTS } from "../keys.js";
import { Dialog } from "../ui/dialog.js";
import { Keys } from "../ui/parts.js";

export function ShortcutSheet({ onClose }) {
  const groups = [...new Set(SHORTCUTS.map((entry) => entry.group))];
  return html`<${Dialog} title="Shortcuts" onClose=${onClose} kind="wide">
    <div class="sheet">
      ${groups.map((group) => html`<section key=${group}>
        <h3>${group}</h3>
        <dl>${SHORTCUTS.filter((entry) => entry.group === group).map((entry) => html`<div key=${entry.id}><dt>${entry.label}</dt><dd><${Keys} keys=${entry.keys[0]} /><span class="sr-only">${entry.keys[0]}</span></dd></div>`)}</dl>
      </section>`)}
    </div>
    <p class="muted small">Letters work outside text fields and terminals. In a terminal, Ctrl C stays a signal; Ctrl Shift C and Ctrl Shift V copy and paste.</p>
  <//>`;
}
