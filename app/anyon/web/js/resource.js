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
  return { state, load };
}

// A list of objects with ids, kept current by events; in the order of `compare`, or as it came with new ones at the end.
// An answer is as old as its request: changes that were heard of meanwhile are newer, and are made once more on top of it.
export function collection(fetcher, compare) {
  const underWay = new Set(); // of each request: the changes since it was sent
  const ordered = (list) => (compare ? [...list].sort(compare) : list);

  async function sent(request) {
    const changes = [];
    underWay.add(changes);
    const answer = await request;
    underWay.delete(changes);
    return { answer, again: (list) => changes.reduce((known, make) => make(known), list) };
  }

  const { state, load } = resource(async () => {
    const { answer, again } = await sent(fetcher());
    return answer.data ? { ...answer, data: ordered(again(answer.data)) } : answer;
  });
  const items = () => state.peek().data ?? [];

  function change(make) {
    for (const changes of underWay) changes.push(make);
    if (state.peek().status === "ready") state.value = { status: "ready", data: ordered(make(items())) };
  }

  const merging = (item) => (list) =>
    list.some((other) => other.id === item.id) ? list.map((other) => (other.id === item.id ? { ...other, ...item } : other)) : [...list, item];

  return {
    state,
    load,
    items,
    upsert: (item) => change(merging(item)),
    // Changes only what is there.
    amend: (id, fields) => change((list) => list.map((item) => (item.id === id ? { ...item, ...fields(item) } : item))),
    remove: (id) => change((list) => list.filter((item) => item.id !== id)),
    // Waits for the answer to a request that changes one object, and shows that object.
    async take(request) {
      const { answer, again } = await sent(request);
      if (answer.data) change((list) => again(merging(answer.data)(list)));
      return answer;
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
