// One terminal's socket: output exactly once by byte offset, acknowledgements for flow control, and a new socket when one is lost.
import { openSocket } from "../api.js";
import { backoff, socketAddress, whenPossible } from "../backoff.js";

const ACK_EVERY = 32_768;
const ACK_PAUSE = 250; // ms; the latest offset is told even when little came
const HEADER = 8;
const MOST_INPUT = 16_384; // bytes in one message
const MOST_KEPT = 4_096; // bytes typed while nothing is attached, sent once it is

// handlers: {size() -> {cols, rows}, onBytes(bytes, done, repeated), onReset(), onDropped(bytes),
// onState("connecting" | "live" | "lost" | "ended", detail)}
export function terminalLink(terminalId, handlers) {
  const pauses = backoff();
  const encoder = new TextEncoder();
  let next = null; // offset after the last byte that was taken; null before the first attach
  let shown = 0; // bytes before this offset were answered by whoever saw them first
  let consumed = 0;
  let acked = 0;
  let socket = null;
  let over = false;
  let opened = false;
  let failures = 0; // sockets in a row that were never attached
  let cancelRetry = () => {};
  let ackTimer = 0;
  let attached = false;
  let kept = []; // pieces of input
  let keptBytes = 0;

  const isOpen = () => socket?.readyState === WebSocket.OPEN;

  function acknowledge() {
    clearTimeout(ackTimer);
    ackTimer = 0;
    if (!isOpen() || consumed <= acked) return;
    socket.send(JSON.stringify({ ack: consumed }));
    acked = consumed;
  }

  function type(bytes) {
    if (attached) {
      for (let at = 0; at < bytes.length; at += MOST_INPUT) socket.send(bytes.subarray(at, at + MOST_INPUT));
    } else if (keptBytes + bytes.length <= MOST_KEPT) {
      kept.push(bytes);
      keptBytes += bytes.length;
    } else {
      handlers.onDropped(bytes.length);
    }
  }

  function typeKept() {
    const pieces = kept;
    kept = [];
    keptBytes = 0;
    pieces.forEach(type);
  }

  function take(buffer) {
    const offset = Number(new DataView(buffer).getBigUint64(0));
    const bytes = new Uint8Array(buffer, HEADER);
    const end = offset + bytes.length;
    if (end <= next) return;
    const begin = Math.max(offset, next);
    const middle = Math.min(Math.max(begin, shown), end);
    next = end;
    if (middle > begin) show(bytes.subarray(begin - offset, middle - offset), middle, true);
    if (end > middle) show(bytes.subarray(middle - offset), end, false);
  }

  function show(bytes, end, repeated) {
    const from = socket;
    const done = () => {
      if (socket !== from) return; // another socket began after these bytes
      consumed = Math.max(consumed, end);
      if (consumed - acked >= ACK_EVERY) acknowledge();
      else ackTimer ||= setTimeout(acknowledge, ACK_PAUSE);
    };
    handlers.onBytes(bytes, done, repeated);
  }

  const TOLD = {
    attached: ({ from, reset, shown: until }) => {
      shown = until;
      opened = true;
      attached = true;
      failures = 0;
      if (reset) handlers.onReset();
      if (reset || next === null) {
        next = from;
        consumed = from;
      }
      acked = from;
      pauses.reset();
      handlers.onState("live");
      typeKept();
    },
    gap: ({ to, reset }) => {
      if (reset) handlers.onReset();
      next = to;
    },
    detached: () => {}, // the socket closes next, and a new one is opened
    end: ({ exit_code: code }) => {
      over = true;
      handlers.onState("ended", code);
      socket.close();
    },
  };

  function connect() {
    handlers.onState(opened ? "lost" : "connecting");
    const { cols, rows } = handlers.size();
    const from = next === null ? "" : `&from=${next}`;
    const mine = openSocket(socketAddress(`/api/terminals/${terminalId}/socket?cols=${cols}&rows=${rows}${from}`));
    mine.binaryType = "arraybuffer";
    socket = mine;
    mine.onmessage = ({ data }) => {
      if (typeof data !== "string") return take(data);
      const message = JSON.parse(data);
      return TOLD[message.event]?.(message);
    };
    mine.onclose = () => {
      if (socket === mine) attached = false;
      if (over || socket !== mine) return;
      failures += 1;
      handlers.onState("lost", failures);
      cancelRetry = whenPossible(pauses.pause(), connect);
    };
  }

  connect();
  return {
    send: (text) => type(encoder.encode(text)),
    sendBinary: (text) => type(Uint8Array.from(text, (character) => character.charCodeAt(0))),
    resize(cols, rows) {
      if (isOpen()) socket.send(JSON.stringify({ resize: { cols, rows } }));
    },
    close() {
      over = true;
      cancelRetry();
      clearTimeout(ackTimer);
      socket?.close();
    },
  };
}
