// The bytes of one execution's log, each exactly once and in order, over as many sockets as it takes.
import { openSocket } from "./api.js";
import { backoff, socketAddress, whenPossible } from "./backoff.js";

const ACK_EVERY = 65_536;
const HEADER = 8;

// {executionId, from, onBytes(bytes), onGap(from, to), onEnd(execution), onState("connecting" | "live" | "lost" | "ended")}
export function followLog({ executionId, from = 0, onBytes, onGap, onEnd, onState }) {
  const pauses = backoff();
  let next = from; // offset of the first byte that was not shown
  let acked = from;
  let socket = null;
  let closed = false;
  let cancelRetry = () => {};

  function acknowledge() {
    if (next - acked < ACK_EVERY || socket?.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({ ack: next }));
    acked = next;
  }

  function take(buffer) {
    const offset = Number(new DataView(buffer).getBigUint64(0));
    const bytes = new Uint8Array(buffer, HEADER);
    const end = offset + bytes.length;
    if (end <= next) return;
    const fresh = offset < next ? bytes.subarray(next - offset) : bytes;
    next = end;
    onBytes(fresh);
    acknowledge();
  }

  function tell(message) {
    if (message.event === "gap") {
      next = message.to;
      onGap(message.from, message.to);
    } else if (message.event === "end") {
      closed = true;
      onState("ended");
      onEnd(message.execution);
      socket.close();
    }
  }

  function connect() {
    onState(next === from ? "connecting" : "lost");
    const mine = openSocket(socketAddress(`/api/executions/${executionId}/log/socket?from=${next}`));
    mine.binaryType = "arraybuffer";
    socket = mine;
    acked = next;
    mine.onopen = () => {
      pauses.reset();
      onState("live");
    };
    mine.onmessage = ({ data }) => {
      if (typeof data === "string") tell(JSON.parse(data));
      else take(data);
    };
    mine.onclose = () => {
      if (closed) return;
      onState("lost");
      cancelRetry = whenPossible(pauses.pause(), connect);
    };
  }

  connect();
  return () => {
    closed = true;
    cancelRetry();
    socket?.close();
  };
}
