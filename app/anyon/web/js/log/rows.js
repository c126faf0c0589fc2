// The rows of the log that are on screen.
import { html } from "../dom.js";
import { looks } from "./ansi.js";

function marked(text, query) {
  if (!query) return text;
  const lower = text.toLowerCase();
  const pieces = [];
  let from = 0;
  for (let at = lower.indexOf(query); at >= 0; at = lower.indexOf(query, from)) {
    if (at > from) pieces.push(text.slice(from, at));
    pieces.push(html`<mark>${text.slice(at, at + query.length)}</mark>`);
    from = at + query.length;
  }
  return [...pieces, text.slice(from)];
}

function Row({ lines, row, query, current }) {
  const { line, from, to } = lines.at(row);
  const pieces = [];
  let column = 0;
  for (const { text, style } of lines.spansOf(line)) {
    const piece = text.slice(Math.max(0, from - column), Math.max(0, to - column));
    column += text.length;
    if (!piece) continue;
    const look = looks(style);
    pieces.push(look.class || Object.keys(look.style).length ? html`<span class=${look.class} style=${look.style}>${marked(piece, query)}</span>` : marked(piece, query));
  }
  return html`<div class=${`log-row ${current === line ? "found" : ""}`}><span class="log-number" data-number=${from === 0 ? line + 1 + lines.dropped : ""}></span><span class="log-text">${pieces}</span></div>`;
}

export function Rows({ lines, first, last, query, current }) {
  const rows = [];
  for (let row = first; row < last; row += 1) rows.push(html`<${Row} key=${row} lines=${lines} row=${row} query=${query} current=${current} />`);
  return rows;
}
