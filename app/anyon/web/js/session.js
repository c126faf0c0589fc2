// Who is using the page: {status: "loading" | "anonymous" | "ready" | "failed", data?, problem?}.
import { signal } from "./dom.js";
import { configure, del, get, post } from "./api.js";

export const session = signal({ status: "loading" });

function accept({ data, problem }) {
  if (data) {
    configure({ csrfToken: data.csrf });
    session.value = { status: "ready", data };
  } else if (problem.status === 401 || problem.code === "csrf-refused") session.value = { status: "anonymous" };
  else session.value = { status: "failed", problem };
}

export async function loadSession() {
  session.value = { status: "loading" };
  accept(await get("/api/session"));
}

// Exchanges a one-time token for a session; answers the problem, or null.
export async function logIn(token) {
  const answer = await post("/api/session", { token });
  if (answer.problem) return answer.problem;
  accept(answer);
  return null;
}

export async function logOut() {
  const { problem } = await del("/api/session");
  if (!problem) session.value = { status: "anonymous" };
  return problem ?? null;
}

configure({
  unauthorised: () => {
    if (session.peek().status === "ready") session.value = { status: "anonymous" };
  },
});

export const isAdmin = () => session.value.data?.user.role === "admin";
