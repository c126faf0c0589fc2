// Several lines run as soon as they are pasted: they are shown first.
import { html } from "../dom.js";
import { count } from "../format.js";
import { Dialog } from "../ui/dialog.js";
import { Button } from "../ui/parts.js";

const SHOWN = 2000;

export function PasteGuard({ text, onClose, onPaste }) {
  const lines = text.trimEnd().split(/\r\n|\r|\n/).length;
  const paste = () => {
    onClose();
    onPaste();
  };
  return html`<${Dialog} title=${`Paste ${count(lines, "line")}?`} onClose=${onClose} kind="small">
    <p>A shell runs each line as it arrives.</p>
    <pre class="paste-text" tabindex="0">${text.slice(0, SHOWN)}${text.length > SHOWN ? "\n…" : ""}</pre>
    <footer class="dialog-foot"><${Button} onClick=${onClose}>Cancel<//><${Button} kind="primary" data-autofocus onClick=${paste}>Paste<//></footer>
  <//>`;
}
