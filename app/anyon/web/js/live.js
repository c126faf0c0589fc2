// The one event socket of the tab. Resumes by epoch:seq, so that a short loss repeats and misses nothing.
import { get, openSocket } from "./api.js";
import { signal } from "./dom.js";
import { backoff, socketAddress, whenPossible } from "./backoff.js";

// null while connected; otherwise the time (ms) since when it is lost
export const lostSince = signal(null);

const ASK_AFTER = 3;

let socket = null;
let position = null; // {epoch, seq} of the last event that was applied
let cancelRetry = () => {};
let wanted = false;
let failures = 0; // connections in a row that never said hello
let listener = () => {};
let resync = () => {};
const pauses = backoff();

function receive(message) {
  if (message.type === "hello") {
    if (position?.epoch !== message.epoch) position = { epoch: message.epoch, seq: message.seq };
    lostSince.value = null;
    failures = 0;
    pauses.reset();
    return;
  }
  if (message.seq !== undefined && position) position.seq = message.seq;
  if (message.type === "resync") resync();
  else listener(message, { ...position });
}

function connect() {
  const from = position ? `?from=${encodeURIComponent(`${position.epoch}:${position.seq}`)}` : "";
  const mine = openSocket(socketAddress(`/api/events${from}`));
  socket = mine;
  mine.onmessage = (event) => {
    if (socket === mine) receive(JSON.parse(event.data));
  };
  mine.onclose = () => {
    if (socket !== mine) return;
    socket = null;
    if (!wanted) return;
    lostSince.value ??= Date.now();
    failures += 1;
    if (failures % ASK_AFTER === 0) get("/api/session"); // an ended session leads to the login
    cancelRetry = whenPossible(pauses.pause(), connect);
  };
}

export function startLive({ onEvent, onResync }) {
  listener = onEvent;
  resync = onResync;
  wanted = true;
  if (!socket) connect();
}

export function stopLive() {
  wanted = false;
  cancelRetry();
  socket?.close();
  socket = null;
  position = null;
  lostSince.value = null;
}

export function reconnectNow() {
  if (!wanted || socket) return;
  cancelRetry();
  connect();
}
