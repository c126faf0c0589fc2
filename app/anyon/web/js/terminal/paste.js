// What is pasted is text, never a command to the terminal; what a shell would run at once is shown first.
import { html } from "../dom.js";
import { count } from "../format.js";
import { Dialog, show } from "../ui/dialog.js";
import { Button } from "../ui/parts.js";

const SHOWN = 2000;

// All but tab and line breaks: an escape sequence would end the bracketed paste, and what follows would run unseen.
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

export function askPaste(raw, send) {
  const text = raw.replace(CONTROLS, "");
  if (!/[\r\n]/.test(text)) {
    send(text);
    return;
  }
  const close = show(() => html`<${PasteGuard} text=${text.replace(/\r\n?/g, "\n")} onClose=${() => close()} onPaste=${() => send(text)} />`);
}

function PasteGuard({ text, onClose, onPaste }) {
  const lines = text.trimEnd().split("\n").length;
  const paste = () => {
    onClose();
    onPaste();
  };
  return html`<${Dialog} title=${lines > 1 ? `Paste ${count(lines, "line")}?` : "Paste and run this line?"} onClose=${onClose} kind="small">
    <p>${lines > 1 ? "A shell runs each line as it arrives." : "It ends with a line break: a shell runs it as soon as it arrives."}</p>
    <pre class="paste-text" tabindex="0">${text.slice(0, SHOWN)}${text.length > SHOWN ? "\n…" : ""}</pre>
    <footer class="dialog-foot"><${Button} onClick=${onClose}>Cancel<//><${Button} kind="primary" data-autofocus onClick=${paste}>Paste<//></footer>
  <//>`;
}
