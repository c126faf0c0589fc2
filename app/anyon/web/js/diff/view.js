// The diff: tree on the left, every file in one list of which only the visible part is in the page.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../dom.js";
import { ENDED, amendAttempt } from "../data/attempts.js";
import { count } from "../format.js";
import { preference } from "../preferences.js";
import { useResource } from "../resource.js";
import { Button, EmptyState, ProblemPanel, Segmented, Skeleton } from "../ui/parts.js";
import { Lines } from "../views/card.js";
import { useFiles } from "./files.js";
import { flatten, indexAt, offsetsOf } from "./model.js";
import { Item } from "./rows.js";
import { Tree } from "./tree.js";

const MARGIN = 400; // px rendered above and below the visible part
const MODES = [
  { name: "unified", title: "Unified", icon: "unified" },
  { name: "split", title: "Split", icon: "split" },
];

// Keeps what is on top of the screen in place while heights above it change.
function useAnchor(scroller, items, offsets) {
  const anchor = useRef(null);
  useLayoutEffect(() => {
    const { path, kind, within } = anchor.current ?? {};
    if (!path) return;
    const start = items.findIndex((item) => item.file.path === path && item.kind === "file");
    if (start < 0) return;
    const wanted = offsets[start] + (kind === "file" ? 0 : within);
    if (Math.abs(wanted - scroller.current.scrollTop) > 1 && kind !== "file") scroller.current.scrollTop = wanted;
  }, [items]);
  return (top) => {
    const index = indexAt(offsets, top);
    const item = items[index];
    if (!item) return;
    const start = items.findIndex((other) => other.file.path === item.file.path && other.kind === "file");
    anchor.current = { path: item.file.path, kind: top <= 0 ? "file" : "within", within: top - offsets[start] };
  };
}

function Files({ attempt, diff, mode }) {
  const scroller = useRef(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const { state, version, load, toggle, show } = useFiles(attempt.id, diff.files, diff.head);
  const items = useMemo(() => flatten(diff.files, state, mode), [diff, state, version, mode]);
  const offsets = useMemo(() => offsetsOf(items), [items]);
  const remember = useAnchor(scroller, items, offsets);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => scroller.current.clientHeight && setView((old) => ({ ...old, height: scroller.current.clientHeight })));
    observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);
  const first = indexAt(offsets, Math.max(0, view.top - MARGIN));
  const last = indexAt(offsets, view.top + view.height + MARGIN);
  const visible = items.slice(first, last + 1);
  useEffect(() => {
    for (const item of visible) if (item.kind === "loading") load(item.file);
  });
  const shown = items[indexAt(offsets, view.top)]?.file.path;
  const widest = useMemo(() => {
    let longest = 0;
    for (const item of visible) longest = Math.max(longest, item.row?.text?.length ?? 0, item.row?.old?.text?.length ?? 0, item.row?.new?.text?.length ?? 0);
    return longest;
  }, [items, first, last]);
  const pick = (path) => {
    const index = items.findIndex((item) => item.kind === "file" && item.file.path === path);
    scroller.current.scrollTop = offsets[index];
  };
  const onScroll = ({ currentTarget: element }) => {
    remember(element.scrollTop);
    setView({ top: element.scrollTop, height: element.clientHeight });
  };
  return html`<div class="diff-body">
    <${Tree} files=${diff.files} shown=${shown} onPick=${pick} />
    <select class="input small diff-jump" aria-label="Jump to a file" value=${shown} onChange=${(event) => pick(event.target.value)}>${diff.files.map((file) => html`<option key=${file.path} value=${file.path}>${file.status} ${file.path}</option>`)}</select>
    <div class=${`diff-scroll ${mode}`} ref=${scroller} onScroll=${onScroll} tabindex="0" role="region" aria-label="Changes">
      <div class="diff-space" style=${{ height: `${offsets[items.length]}px`, "--characters": widest + 2 }}>
        <div style=${{ transform: `translateY(${offsets[first]}px)` }}>${visible.map((item, at) => html`<${Item} key=${first + at} item=${item} onToggle=${toggle} onShow=${show} />`)}</div>
      </div>
    </div>
  </div>`;
}

export function DiffView({ attempt, tools, narrow }) {
  const mode = preference("diff-mode", "unified");
  const version = `${attempt.state}:${attempt.head_commit ?? ""}`;
  const { status, data, problem, load } = useResource(`/api/attempts/${attempt.id}/diff`);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) load();
    first.current = false;
  }, [version]);
  // What a person did in the worktree after the end is told nowhere else than here.
  useEffect(() => {
    if (data && !data.truncated && ENDED.has(attempt.state)) amendAttempt(attempt, { files: data.files.length, added: data.added, removed: data.removed });
  }, [data]);
  const bar = tools(html`
    ${data && data.files.length > 0 && html`<span class="size small"><${Lines} added=${data.added} removed=${data.removed} /> <span class="muted">${count(data.files.length, "file")}</span></span>`}
    ${!narrow && html`<${Segmented} label="Layout" value=${mode.value} options=${MODES} onChange=${(name) => (mode.value = name)} />`}
    <${Button} small kind="quiet" icon="retry" label="Read the diff again" onClick=${load} />`);
  let body = null;
  if (status === "loading") body = html`<div class="pane-pad"><${Skeleton} label="Loading the diff" rows=${6} /></div>`;
  else if (status === "failed") body = html`<div class="pane-pad"><${ProblemPanel} inline problem=${problem} onRetry=${load} /></div>`;
  else if (data.files.length === 0) body = html`<${EmptyState} icon="file" title="No changes">This attempt changed no files${attempt.finished_at ? "" : " so far"}.<//>`;
  else body = html`${data.truncated && html`<p class="pane-note small">Only the first ${count(data.files.length, "file")} are listed.</p>`}<${Files} attempt=${attempt} diff=${data} mode=${narrow ? "unified" : mode.value} />`;
  return html`<div class="diff">${bar}${body}</div>`;
}
