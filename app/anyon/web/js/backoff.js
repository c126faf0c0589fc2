// Pauses between attempts to reconnect: doubling from 250 ms to 10 s, each drawn from the upper half so that tabs spread out.
const FIRST = 250;
const LONGEST = 10_000;

export function backoff() {
  let next = FIRST;
  return {
    pause() {
      const current = next;
      next = Math.min(LONGEST, next * 2);
      return current / 2 + Math.random() * (current / 2);
    },
    reset() {
      next = FIRST;
    },
  };
}

export function socketAddress(path) {
  const address = new URL(path, location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

// Calls `again` after a pause, at once when the browser comes back online. Returns a way to cancel.
export function whenPossible(pause, again) {
  let timer = 0;
  const run = () => {
    cancel();
    again();
  };
  const cancel = () => {
    clearTimeout(timer);
    removeEventListener("online", run);
  };
  timer = setTimeout(run, pause);
  addEventListener("online", run);
  return cancel;
}
