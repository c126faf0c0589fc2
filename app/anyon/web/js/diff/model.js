// From a patch to rows, and from files to one long list of rows with known heights.
export const HEIGHTS = { file: 40, note: 48, hunk: 28, line: 20, loading: 20, gap: 12 };
export const LARGE = 600; // changed lines; a larger file opens only when asked

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)$/;

// Rows of a unified patch: {kind: "hunk", text} | {kind: "line", sign, old, new, text}
export function parsePatch(patch) {
  const rows = [];
  let before = 0;
  let after = 0;
  let inside = false;
  for (const line of patch.split("\n")) {
    const hunk = HUNK.exec(line);
    if (hunk) {
      before = Number(hunk[1]);
      after = Number(hunk[2]);
      inside = true;
      rows.push({ kind: "hunk", text: hunk[3], at: hunk[2] === "0" ? hunk[1] : hunk[2] });
    } else if (inside && line[0] === "+") rows.push({ kind: "line", sign: "+", old: null, new: after++, text: line.slice(1) });
    else if (inside && line[0] === "-") rows.push({ kind: "line", sign: "-", old: before++, new: null, text: line.slice(1) });
    else if (inside && line[0] === " ") rows.push({ kind: "line", sign: " ", old: before++, new: after++, text: line.slice(1) });
    else if (inside && line[0] === "\\") rows.push({ kind: "line", sign: "\\", old: null, new: null, text: line.slice(2) });
  }
  return rows;
}

// Runs of removed and added lines, side by side; calls back with the pair (either may be null).
function pairs(rows, from, visit) {
  const removed = [];
  const added = [];
  let at = from;
  while (at < rows.length && rows[at].kind === "line" && (rows[at].sign === "-" || rows[at].sign === "+" || rows[at].sign === "\\")) {
    if (rows[at].sign === "-") removed.push(rows[at]);
    else if (rows[at].sign === "+") added.push(rows[at]);
    at += 1;
  }
  for (let index = 0; index < Math.max(removed.length, added.length); index += 1) visit(removed[index] ?? null, added[index] ?? null);
  return at;
}

const PLAIN_SHARE = 0.3; // lines with less in common are shown as wholly changed

// The middle that differs: [start, end of old, end of new].
function changedPart(before, after) {
  const limit = Math.min(before.length, after.length);
  let start = 0;
  while (start < limit && before[start] === after[start]) start += 1;
  let tail = 0;
  while (tail < limit - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  if (start + tail < limit * PLAIN_SHARE) return null;
  return [start, before.length - tail, after.length - tail];
}

function markWords(removed, added) {
  const part = removed && added && changedPart(removed.text, added.text);
  if (!part) return;
  removed.mark = [part[0], part[1]];
  added.mark = [part[0], part[2]];
}

export function markChanges(rows) {
  for (let at = 0; at < rows.length; at += 1) {
    if (rows[at].kind === "line" && rows[at].sign === "-") at = pairs(rows, at, markWords) - 1;
  }
  return rows;
}

// The same rows for two columns: {kind: "pair", old, new}
export function split(rows) {
  const out = [];
  for (let at = 0; at < rows.length; ) {
    const row = rows[at];
    if (row.kind !== "line" || row.sign === " ") {
      out.push(row.kind === "line" ? { kind: "pair", old: row, new: row } : row);
      at += 1;
    } else at = pairs(rows, at, (old, fresh) => out.push({ kind: "pair", old, new: fresh }));
  }
  return out;
}

export const isLarge = (file) => (file.added ?? 0) + (file.removed ?? 0) > LARGE;

export function reasonFor(file) {
  if (file.binary) return "Binary file, not shown";
  if (file.added === 0 && file.removed === 0) return file.status === "R" ? "Renamed, content unchanged" : "No lines changed";
  if (isLarge(file)) return `Large: ${(file.added + file.removed).toLocaleString()} changed lines`;
  return null;
}

const KIND_HEIGHT = { hunk: HEIGHTS.hunk, line: HEIGHTS.line, pair: HEIGHTS.line };

// One flat list of {kind, file, row?, height}; `state.get(path)` is {open, rows?, splitRows?, note?}.
export function flatten(files, state, mode) {
  const items = [];
  for (const file of files) {
    const { open, rows, splitRows, note } = state.get(file.path);
    items.push({ kind: "file", file, open, height: HEIGHTS.file });
    if (open && rows) {
      for (const row of mode === "split" ? splitRows : rows) items.push({ kind: row.kind, file, row, height: KIND_HEIGHT[row.kind] });
      if (note) items.push({ kind: "note", file, text: note, height: HEIGHTS.note });
    } else if (open) items.push({ kind: "loading", file, height: Math.max(3, Math.min(200, (file.added ?? 0) + (file.removed ?? 0) + 6)) * HEIGHTS.loading });
    items.push({ kind: "gap", file, height: HEIGHTS.gap });
  }
  return items;
}

// Where each item begins, plus the total at the end.
export function offsetsOf(items) {
  const offsets = new Float64Array(items.length + 1);
  for (let index = 0; index < items.length; index += 1) offsets[index + 1] = offsets[index] + items[index].height;
  return offsets;
}

export function indexAt(offsets, y) {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return Math.min(low, offsets.length - 2);
}
