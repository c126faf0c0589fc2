// The terminals of each project that was looked at.
import { del, getAll, post } from "../api.js";
import { collection } from "../resource.js";

const lists = new Map();

export function terminalsOf(projectId) {
  if (!lists.has(projectId)) {
    const list = collection(() => getAll(`/api/projects/${projectId}/terminals`));
    lists.set(projectId, list);
    list.load();
  }
  return lists.get(projectId);
}

export const knownTerminals = (projectId) => lists.get(projectId);
export const reloadTerminals = () => Promise.all([...lists.values()].map((list) => list.load()));
export const forgetTerminals = () => lists.clear();

export const openOnes = (terminals, attemptId) =>
  terminals
    .filter((terminal) => terminal.state === "open" && (attemptId === undefined || terminal.attempt_id === attemptId))
    .sort((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at));

export const openTerminal = (projectId, attemptId, size = { cols: 80, rows: 24 }) =>
  terminalsOf(projectId).take(post(`/api/projects/${projectId}/terminals`, { ...(attemptId ? { attempt_id: attemptId } : {}), ...size }));

export async function closeTerminal(terminal) {
  const answer = await del(`/api/terminals/${terminal.id}`);
  if (!answer.problem) lists.get(terminal.project_id)?.amend(terminal.id, () => ({ state: "closed" }));
  return answer;
}
