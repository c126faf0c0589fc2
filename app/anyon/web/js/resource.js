// What a view shows: {status: "loading" | "failed" | "ready", data?, problem?}, in a signal.
import { signal, useEffect, useMemo } from "./dom.js";
import { get } from "./api.js";

// A value that is loaded by `fetcher() -> {data} | {problem}`; a reload keeps the old data on screen until the new is there.
export function resource(fetcher) {
  const state = signal({ status: "loading" });
  let turn = 0;
  async function load() {
    const mine = ++turn;
    if (state.peek().status === "failed") state.value = { status: "loading" };
    const { data, problem } = await fetcher();
    if (mine !== turn) return state.peek();
    if (!problem) state.value = { status: "ready", data };
    else if (state.peek().status !== "ready") state.value = { status: "failed", problem };
    return state.peek();
  }
  const set = (data) => {
    turn += 1;
    state.value = { status: "ready", data };
  };
  return { state, load, set };
}

// A list of objects with ids, kept current by events; in the order of `compare`, or as it came with new ones at the end.
export function collection(fetcher, compare) {
  const ordered = (list) => (compare ? [...list].sort(compare) : list);
  const base = resource(async () => {
    const answer = await fetcher();
    return answer.data ? { ...answer, data: ordered(answer.data) } : answer;
  });
  const items = () => base.state.peek().data ?? [];
  return {
    ...base,
    items,
    upsert(item) {
      if (base.state.peek().status !== "ready") return;
      const known = items().some((other) => other.id === item.id);
      base.set(ordered(known ? items().map((other) => (other.id === item.id ? { ...other, ...item } : other)) : [...items(), item]));
    },
    remove(id) {
      if (base.state.peek().status === "ready") base.set(items().filter((item) => item.id !== id));
    },
  };
}

// A resource of one view, loaded when the view opens and again when `path` changes; null loads nothing.
export function useResource(path) {
  const one = useMemo(() => resource(() => get(path)), [path]);
  useEffect(() => {
    if (path) one.load();
  }, [one]);
  return { ...one, ...one.state.value };
}
