// The changed files as a tree; folders with one child are joined.
import { html, useMemo } from "../dom.js";
import { STATUS } from "./rows.js";

function build(files) {
  const root = { name: "", folders: new Map(), files: [] };
  for (const file of files) {
    const parts = file.path.split("/");
    let node = root;
    for (const part of parts.slice(0, -1)) {
      if (!node.folders.has(part)) node.folders.set(part, { name: part, folders: new Map(), files: [] });
      node = node.folders.get(part);
    }
    node.files.push({ ...file, name: parts.at(-1) });
  }
  return root;
}

function joined(node) {
  let current = node;
  let name = node.name;
  while (current.folders.size === 1 && current.files.length === 0) {
    [current] = current.folders.values();
    name = `${name}/${current.name}`;
  }
  return { ...current, name };
}

function Branch({ node, depth, shown, onPick }) {
  const folders = [...node.folders.values()].map(joined).sort((a, b) => a.name.localeCompare(b.name));
  const indent = { paddingInlineStart: `${8 + depth * 12}px` };
  return html`${folders.map((folder) => html`<li key=${folder.name}><div class="tree-folder muted cut" style=${indent}>${folder.name}</div><ul><${Branch} node=${folder} depth=${depth + 1} shown=${shown} onPick=${onPick} /></ul></li>`)}
    ${node.files.map((file) => html`<li key=${file.path}><button type="button" class="tree-file" style=${indent} aria-current=${shown === file.path ? "true" : undefined} title=${`${file.path}: ${STATUS[file.status]}`} onClick=${() => onPick(file.path)}>
      <span class=${`status-letter ${STATUS[file.status]}`}>${file.status}</span><span class="cut grow">${file.name}</span>
    </button></li>`)}`;
}

export function Tree({ files, shown, onPick }) {
  const root = useMemo(() => build(files), [files]);
  return html`<nav class="tree small" aria-label="Changed files"><ul><${Branch} node=${root} depth=${0} shown=${shown} onPick=${onPick} /></ul></nav>`;
}
