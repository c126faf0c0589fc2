// The rows of the diff that are on screen.
import { html } from "../dom.js";
import { Icon } from "../ui/icons.js";
import { CopyButton, Middle } from "../ui/parts.js";
import { Lines } from "../views/card.js";
import { reasonFor } from "./model.js";

const SIGNS = { "+": "added", "-": "removed", " ": "same", "\\": "note" };
export const STATUS = { A: "added", M: "modified", D: "deleted", R: "renamed", T: "type changed" };
const SAID = { "+": "added: ", "-": "removed: " };

function Text({ row }) {
  if (!row.mark || row.mark[0] === row.mark[1]) return row.text || " ";
  const [from, to] = row.mark;
  return html`${row.text.slice(0, from)}<span class="word">${row.text.slice(from, to)}</span>${row.text.slice(to)}`;
}

function Line({ row }) {
  return html`<div class=${`diff-line ${SIGNS[row.sign]}`}>
    <span class="diff-number" data-number=${row.old ?? ""}></span><span class="diff-number" data-number=${row.new ?? ""}></span>
    <span class="diff-sign" data-sign=${row.sign === "\\" ? "" : row.sign}></span><span class="diff-text">${SAID[row.sign] && html`<span class="sr-only">${SAID[row.sign]}</span>`}<${Text} row=${row} /></span>
  </div>`;
}

function Half({ row, side }) {
  if (!row) return html`<div class="diff-half none"></div>`;
  return html`<div class=${`diff-half ${SIGNS[row.sign]}`}><span class="diff-number" data-number=${row[side] ?? ""}></span><span class="diff-sign" data-sign=${row.sign}></span><span class="diff-text"><${Text} row=${row} /></span></div>`;
}

function FileHead({ item, onToggle, onShow }) {
  const { file, open } = item;
  const reason = reasonFor(file);
  return html`<div class=${`diff-file ${open ? "open" : ""}`}>
    <button type="button" class="diff-file-name" aria-expanded=${String(open)} onClick=${() => onToggle(file)} data-file=${file.path}>
      <${Icon} name=${open ? "down" : "right"} />
      <span class=${`status-letter ${STATUS[file.status]}`} title=${STATUS[file.status]}>${file.status}</span>
      <span class="mono cut">${file.old_path ? html`<span class="muted">${file.old_path} → </span>` : ""}<${Middle} text=${file.path} keep=${24} /></span>
    </button>
    ${!open && reason && html`<span class="muted small cut">${reason}</span>`}
    ${!open && reason && !file.binary && file.added + file.removed > 0 && html`<button type="button" class="link small" onClick=${() => onShow(file)}>Show it</button>`}
    <span class="size small push">${file.binary ? html`<span class="muted">binary</span>` : html`<${Lines} added=${file.added} removed=${file.removed} />`}</span>
    <${CopyButton} text=${file.path} label="Copy the path" />
  </div>`;
}

const KINDS = {
  file: FileHead,
  line: ({ item }) => html`<${Line} row=${item.row} />`,
  pair: ({ item }) => html`<div class="diff-pair"><${Half} row=${item.row.old} side="old" /><${Half} row=${item.row.new} side="new" /></div>`,
  hunk: ({ item }) => html`<div class="diff-hunk">${item.row.text ? html`<span class="cut">${item.row.text}</span>` : html`<span>line ${item.row.at}</span>`}</div>`,
  note: ({ item }) => html`<p class="diff-note muted small">${item.text}</p>`,
  loading: ({ item }) => html`<div class="diff-loading" role="status"><span class="sr-only">Loading ${item.file.path}</span></div>`,
  gap: () => html`<div class="diff-gap"></div>`,
};

export function Item({ item, ...rest }) {
  const Kind = KINDS[item.kind];
  return html`<div class=${`diff-item ${item.kind}`} style=${{ height: `${item.height}px` }}><${Kind} item=${item} ...${rest} /></div>`;
}
