// Which files of a diff are open, and their patches, fetched one by one when they come into view.
import { useMemo, useState } from "../dom.js";
import { get, query } from "../api.js";
import { markChanges, parsePatch, reasonFor, split } from "./model.js";

const AT_ONCE = 4;

function loaded({ data, problem }) {
  if (problem) return { rows: [], splitRows: [], note: `${problem.title}. ${problem.detail}` };
  const rows = markChanges(parsePatch(data.patch));
  const note = data.binary ? "Binary file, not shown" : data.truncated ? "The rest of this file is too long to show here." : rows.length === 0 ? "No lines changed" : null;
  return { rows, splitRows: split(rows), note };
}

export function useFiles(attemptId, files, head) {
  const [version, setVersion] = useState(0);
  const state = useMemo(() => {
    const map = new Map(files.map((file) => [file.path, { open: reasonFor(file) === null }]));
    return map;
  }, [attemptId, files, head]);
  const busy = useMemo(() => new Set(), [state]);
  const change = (path, fields) => {
    state.set(path, { ...state.get(path), ...fields });
    setVersion((old) => old + 1);
  };
  const load = async (file) => {
    const known = state.get(file.path);
    if (!known || known.rows || busy.has(file.path) || busy.size >= AT_ONCE) return;
    busy.add(file.path);
    const answer = await get(`/api/attempts/${attemptId}/diff/file?${query({ path: file.path })}`);
    busy.delete(file.path);
    change(file.path, loaded(answer));
  };
  const toggle = (file) => change(file.path, { open: !state.get(file.path).open });
  const openAll = (open) => {
    for (const file of files) state.set(file.path, { ...state.get(file.path), open: open && reasonFor(file) === null });
    setVersion((old) => old + 1);
  };
  return { state, version, load, toggle, openAll, show: (file) => change(file.path, { open: true }) };
}
