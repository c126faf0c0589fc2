// What a view shows: {status: "loading" | "failed" | "ready", data?, problem?}, in a signal.
import { signal, useEffect, useMemo } from "./dom.js";
import { get } from "./api.js";

// A value that is loaded by `fetcher() -> {data} | {problem}`; a reload keeps the old data on screen until the new is there.
export function resource(fetcher) {
  const state = signal({ status: "loading" });
  let sent = 0;
  let shown = 0; // which load the data is of: an answer counts unless that of a later load was quicker
  async function load() {
    const mine = ++sent;
    if (state.peek().status === "failed") state.value = { status: "loading" };
    const { data, problem } = await fetcher();
    if (mine < shown) return state.peek();
    shown = mine;
    if (!problem) state.value = { status: "ready", data };
    else if (state.peek().status !== "ready") state.value = { status: "failed", problem };
    return state.peek();
  }
  return { state, load };
}

// A list of objects with ids, kept current by events; in the order of `compare`, or as it came with new ones at the end.
// Every change has a position {epoch, seq}, or none when it was made on this page. An answer may come after changes that
// are newer than it: those are made once more on top of it.
export function collection(fetcher, compare) {
  const underWay = new Set(); // of each request: the changes since it was sent
  const ordered = (list) => (compare ? [...list].sort(compare) : list);

  async function sent(request) {
    const changes = [];
    underWay.add(changes);
    try {
      const answer = await request;
      const newer = changes.filter(({ at }) => !at || at.epoch !== answer.at?.epoch || at.seq > answer.at.seq);
      return { answer, again: (list) => newer.reduce((known, { make }) => make(known), list) };
    } finally {
      underWay.delete(changes);
    }
  }

  const { state, load } = resource(async () => {
    const { answer, again } = await sent(fetcher());
    return answer.data ? { ...answer, data: ordered(again(answer.data)) } : answer;
  });
  const items = () => state.peek().data ?? [];

  function change(make, at) {
    for (const changes of underWay) changes.push({ make, at });
    if (state.peek().status === "ready") state.value = { status: "ready", data: ordered(make(items())) };
  }

  const merging = (item) => (list) =>
    list.some((other) => other.id === item.id) ? list.map((other) => (other.id === item.id ? { ...other, ...item } : other)) : [...list, item];

  return {
    state,
    load,
    items,
    upsert: (item, at) => change(merging(item), at),
    // Changes only what is there.
    amend: (id, fields, at) => change((list) => list.map((item) => (item.id === id ? { ...item, ...fields(item) } : item)), at),
    remove: (id, at) => change((list) => list.filter((item) => item.id !== id), at),
    // Waits for the answer to a request that changes one object, and shows that object.
    async take(request) {
      const { answer, again } = await sent(request);
      if (answer.data) change((list) => again(merging(answer.data)(list)), answer.at);
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
