// Every HTTP request goes through here. Nothing throws: the answer is {data, at} or {problem}.
// `at` is {epoch, seq}: the answer is newer than every event up to there.
// A problem always has {status, code, title, detail, hint, request_id}.

// The cookie alone proves nothing: this key is told once, by the login, and only pages of this origin can read it.
const KEY = "anyon.session-key";
let csrf = localStorage.getItem(KEY) ?? "";
const UNAUTHENTICATED = 4401; // the close code of a socket whose session was ended
let onUnauthorised = () => {};

export function configure({ csrfToken, unauthorised }) {
  if (csrfToken) {
    csrf = csrfToken;
    localStorage.setItem(KEY, csrf);
  }
  if (unauthorised) onUnauthorised = unauthorised;
}

const UNREACHABLE = {
  status: 0,
  code: "unreachable",
  title: "The server cannot be reached",
  detail: "The request did not get an answer.",
  hint: "Check the connection, or that the service is running. Retry when it is back.",
  request_id: "",
};

function problemOf(response, body) {
  return {
    ...body,
    status: response.status,
    code: body?.code ?? `http-${response.status}`,
    title: body?.title ?? "The server refused the request",
    detail: body?.detail ?? `It answered ${response.status} ${response.statusText}.`,
    hint: body?.hint ?? "",
    request_id: body?.request_id ?? response.headers.get("x-request-id") ?? "",
  };
}

function positionOf(response) {
  const [epoch, seq] = (response.headers.get("anyon-sequence") ?? ":0").split(":");
  return { epoch, seq: Number(seq) };
}

async function request(method, path, body) {
  const headers = { accept: "application/json", "x-csrf-token": csrf };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await response.text();
  } catch {
    return { problem: UNREACHABLE };
  }
  let parsed = null;
  try {
    parsed = text ? JSON.parse(text) : null;
  } catch {
    parsed = null;
  }
  if (response.ok) return { data: parsed?.data ?? null, next: parsed?.next ?? null, at: positionOf(response) };
  if (response.status === 401 || parsed?.code === "csrf-refused") onUnauthorised();
  return { problem: problemOf(response, parsed) };
}

// Opens a socket in the name of the session; its key goes as a subprotocol, since a page can set no header there.
export function openSocket(address) {
  const socket = new WebSocket(address, ["anyon", `anyon.key.${csrf}`]);
  socket.addEventListener("close", ({ code }) => code === UNAUTHENTICATED && onUnauthorised());
  return socket;
}

// Shows a text of the API in a tab of its own, which could not send the key by itself.
export async function openText(path) {
  const tab = window.open("about:blank", "_blank");
  const response = await fetch(path, { headers: { "x-csrf-token": csrf } });
  const address = URL.createObjectURL(new Blob([await response.text()], { type: "text/plain;charset=utf-8" }));
  if (tab) tab.location.replace(address);
}

export const get = (path) => request("GET", path);
export const post = (path, body = {}) => request("POST", path, body);
export const put = (path, body = {}) => request("PUT", path, body);
export const patch = (path, body) => request("PATCH", path, body);
export const del = (path) => request("DELETE", path);
export const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value != null)).toString();

// A list with all its pages.
export async function getAll(path) {
  const items = [];
  let after = null;
  let at = null; // of the first page: the others are newer
  do {
    const answer = await get(after ? `${path}${path.includes("?") ? "&" : "?"}after=${encodeURIComponent(after)}` : path);
    if (answer.problem) return answer;
    items.push(...(answer.data ?? []));
    at ??= answer.at;
    after = answer.next;
  } while (after);
  return { data: items, at };
}
