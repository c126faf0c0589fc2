// The lines of a log in memory: bounded, with an index from screen rows to lines so that any part can be shown at once.
import { bytes } from "../format.js";
import { normalise, spans, strip } from "./ansi.js";
import { readable } from "./transcript.js";

export const MOST_LINES = 120_000;
const DROP = 20_000;
const LONGEST = 20_000; // characters; a longer line is broken

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\ud83c-\ud83e][\udc00-\udfff]/g;
const ASCII = /^[\x20-\x7e]*$/;

const cells = (text) => (ASCII.test(text) ? text.length : text.length + (text.match(WIDE)?.length ?? 0));

export class LogLines {
  constructor() {
    this.texts = [];
    this.starts = new Map(); // line -> style with which it begins, when that is not plain
    this.dropped = 0; // lines that were shown and are no longer kept here
    this.missing = 0; // bytes that the service did not keep
    this.partial = "";
    this.tail = { text: "", rows: 0 }; // the unfinished line as it is shown
    this.style = {};
    this.columns = 0; // 0: lines are not wrapped
    this.ends = new Uint32Array(1024); // rows up to and with each line
    this.longest = 0;
    this.decoder = new TextDecoder();
  }

  append(chunk) {
    const parts = (this.partial + this.decoder.decode(chunk, { stream: true })).split("\n");
    this.partial = parts.pop();
    for (const part of parts) this.finish(part);
    while (this.partial.length > LONGEST) {
      this.finish(this.partial.slice(0, LONGEST));
      this.partial = this.partial.slice(LONGEST);
    }
    this.measureTail();
  }

  // Nothing more comes for the unfinished line.
  end() {
    const rest = this.partial + this.decoder.decode();
    this.partial = "";
    if (rest) this.finish(rest);
    this.measureTail();
  }

  gap(length) {
    this.end();
    this.missing += length;
    this.push(`\x1b[33m… ${bytes(length)} of output were not kept …\x1b[0m`);
  }

  finish(raw) {
    for (const line of readable(raw.endsWith("\r") ? raw.slice(0, -1) : raw)) this.push(line);
  }

  push(raw) {
    const text = normalise(raw);
    const index = this.texts.length;
    if (Object.keys(this.style).length) this.starts.set(index, this.style);
    if (text.includes("\x1b")) this.style = spans(text, this.style).end;
    this.texts.push(text);
    this.count(index);
    if (this.texts.length > MOST_LINES) this.drop();
  }

  drop() {
    this.texts = this.texts.slice(DROP);
    this.starts = new Map([...this.starts].filter(([line]) => line >= DROP).map(([line, style]) => [line - DROP, style]));
    this.dropped += DROP;
    this.layout(this.columns);
  }

  count(index) {
    if (index >= this.ends.length) {
      const grown = new Uint32Array(this.ends.length * 2);
      grown.set(this.ends);
      this.ends = grown;
    }
    this.ends[index] = this.firstRow(index) + this.rowsOf(this.texts[index]);
  }

  rowsOf(text) {
    const width = cells(strip(text));
    this.longest = Math.max(this.longest, width);
    return this.columns ? Math.max(1, Math.ceil(width / this.columns)) : 1;
  }

  measureTail() {
    const text = normalise(this.partial);
    this.tail = { text, rows: this.partial ? this.rowsOf(text) : 0 };
  }

  layout(columns) {
    this.columns = columns;
    this.longest = 0;
    for (let index = 0; index < this.texts.length; index += 1) this.count(index);
  }

  get rows() {
    return this.firstRow(this.texts.length) + this.tail.rows;
  }

  // Of the greatest number that stands before a line.
  get digits() {
    return String(this.dropped + this.texts.length + 1).length;
  }

  firstRow(line) {
    return line ? this.ends[line - 1] : 0;
  }

  // {line, from, to} of a screen row; the unfinished line is the last one.
  at(row) {
    let low = 0;
    let high = this.texts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ends[middle] > row) high = middle;
      else low = middle + 1;
    }
    if (!this.columns) return { line: low, from: 0, to: Infinity };
    const part = row - this.firstRow(low);
    return { line: low, from: part * this.columns, to: (part + 1) * this.columns };
  }

  spansOf(line) {
    const text = line < this.texts.length ? this.texts[line] : this.tail.text;
    return spans(text, (line < this.texts.length ? this.starts.get(line) : this.style) ?? {}).parts;
  }

  plain(line) {
    return strip(this.texts[line] ?? "");
  }

  find(query) {
    const wanted = query.toLowerCase();
    const found = [];
    for (let line = 0; line < this.texts.length; line += 1) if (this.plain(line).toLowerCase().includes(wanted)) found.push(line);
    return found;
  }

  wholeText() {
    return [...this.texts.map(strip), strip(this.tail.text)].join("\n");
  }
}
