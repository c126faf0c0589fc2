// The lines of a log in memory: bounded, with an index from screen rows to lines so that any part can be shown at once.
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
    this.dropped = 0;
    this.partial = "";
    this.style = {};
    this.columns = 0; // 0: lines are not wrapped
    this.ends = new Uint32Array(1024); // rows up to and with each line
    this.longest = 0;
    this.decoder = new TextDecoder();
  }

  append(bytes) {
    const parts = (this.partial + this.decoder.decode(bytes, { stream: true })).split("\n");
    this.partial = parts.pop();
    for (const part of parts) this.finish(part.endsWith("\r") ? part.slice(0, -1) : part);
    while (this.partial.length > LONGEST) {
      this.finish(this.partial.slice(0, LONGEST));
      this.partial = this.partial.slice(LONGEST);
    }
  }

  finish(raw) {
    for (const line of readable(raw)) this.push(line);
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
    const width = cells(strip(this.texts[index]));
    this.longest = Math.max(this.longest, width);
    this.ends[index] = (index ? this.ends[index - 1] : 0) + (this.columns ? Math.max(1, Math.ceil(width / this.columns)) : 1);
  }

  layout(columns) {
    this.columns = columns;
    this.longest = 0;
    for (let index = 0; index < this.texts.length; index += 1) this.count(index);
  }

  get rows() {
    const tail = this.partial ? 1 : 0;
    return (this.texts.length ? this.ends[this.texts.length - 1] : 0) + tail;
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
    if (low === this.texts.length) return { line: low, from: 0, to: Infinity };
    if (!this.columns) return { line: low, from: 0, to: Infinity };
    const part = row - this.firstRow(low);
    return { line: low, from: part * this.columns, to: (part + 1) * this.columns };
  }

  spansOf(line) {
    const text = line < this.texts.length ? this.texts[line] : normalise(this.partial);
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
    return [...this.texts.map(strip), strip(normalise(this.partial))].join("\n");
  }
}
