// ANSI colours of a log line: SGR sequences become spans, every other escape sequence is dropped.
const SGR = /\x1b\[([\d;:]*)m/g;
const OTHER = /\x1b(?:\[[0-?]*[ -/]*[@-ln-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-Z\\^-~])|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/g;
const TAB = 8;

export const PLAIN = "";

// What a terminal would have left on the line: the last text after carriage returns, tabs as spaces, colours kept.
export function normalise(line) {
  let text = line;
  if (text.includes("\r")) text = text.split("\r").findLast((part) => part !== "") ?? "";
  if (text.includes("\x1b") || /[\x00-\x08\x0b-\x1f\x7f]/.test(text)) text = text.replace(OTHER, "");
  if (!text.includes("\t")) return text;
  let column = 0;
  return text.replace(/\x1b\[[\d;:]*m|\t|[^\t\x1b]+/g, (part) => {
    if (part[0] === "\x1b") return part;
    const out = part === "\t" ? " ".repeat(TAB - (column % TAB)) : part;
    column += out.length;
    return out;
  });
}

export const strip = (text) => (text.includes("\x1b") ? text.replace(SGR, "") : text);

const cube = (index) => {
  if (index >= 232) return Array(3).fill(8 + (index - 232) * 10);
  const level = (value) => (value ? 55 + value * 40 : 0);
  const at = index - 16;
  return [level(Math.floor(at / 36)), level(Math.floor(at / 6) % 6), level(at % 6)];
};

// Reads the colour after 38 or 48; answers [colour, how many codes were used].
function extended(codes, at) {
  if (codes[at + 1] === 5) {
    const index = codes[at + 2] ?? 0;
    return [index < 16 ? index : `rgb(${cube(index)})`, 2];
  }
  if (codes[at + 1] === 2) return [`rgb(${codes.slice(at + 2, at + 5).map((code) => code || 0)})`, 4];
  return [null, 0];
}

const FLAGS = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const UNSET = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 29: ["strike"], 39: ["fg"], 49: ["bg"] };

function applyCodes(style, text) {
  const codes = (text || "0").split(/[;:]/).map(Number);
  let next = { ...style };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) next = {};
    else if (FLAGS[code]) next[FLAGS[code]] = true;
    else if (UNSET[code]) for (const name of UNSET[code]) delete next[name];
    else if (code >= 30 && code <= 37) next.fg = code - 30;
    else if (code >= 40 && code <= 47) next.bg = code - 40;
    else if (code >= 90 && code <= 97) next.fg = code - 82;
    else if (code >= 100 && code <= 107) next.bg = code - 92;
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes, at);
      if (colour !== null) next[code === 38 ? "fg" : "bg"] = colour;
      at += used;
    }
  }
  return next;
}

// [{text, style}] of a normalised line, and the style with which the next line begins.
export function spans(line, start = {}) {
  const parts = [];
  let style = start;
  let from = 0;
  for (const found of line.matchAll(SGR)) {
    if (found.index > from) parts.push({ text: line.slice(from, found.index), style });
    style = applyCodes(style, found[1]);
    from = found.index + found[0].length;
  }
  if (from < line.length) parts.push({ text: line.slice(from), style });
  return { parts, end: style };
}

// A style as class names and, for colours outside the palette, inline colours.
export function looks(style) {
  const names = Object.keys(style).filter((name) => style[name] === true).map((name) => `ansi-${name}`);
  const inline = {};
  const [fg, bg] = style.inverse ? [style.bg ?? "page", style.fg ?? "text"] : [style.fg, style.bg];
  if (typeof fg === "number") names.push(`ansi-fg-${fg}`);
  else if (fg === "page") names.push("ansi-fg-page");
  else if (fg) inline.color = fg;
  if (typeof bg === "number") names.push(`ansi-bg-${bg}`);
  else if (bg === "text") names.push("ansi-bg-text");
  else if (bg) inline.backgroundColor = bg;
  return { class: names.join(" "), style: inline };
}
