// Applies the events of the live socket to what is on screen.
import { batch } from "../dom.js";
import { announce } from "../ui/notices.js";
import { forgetAttempts, reloadAttempts, setLine, upsertAttempt } from "./attempts.js";
import { projects, refreshProjectsSoon } from "./projects.js";
import { forgetBoards, knownBoards, reloadBoards } from "./tasks.js";
import { forgetTerminals, knownTerminals, reloadTerminals } from "./terminals.js";

// Workspace events are told to whoever shows how long it stays awake.
export const workspaceChanges = new EventTarget();

const ANNOUNCED = { in_review: "is ready for review", failed: "failed", merged: "is merged", cancelled: "is cancelled" };

function applyAttempt(attempt, at) {
  upsertAttempt(attempt, at);
  const board = knownBoards().get(attempt.project_id);
  const before = board?.items().find((item) => item.id === attempt.task_id);
  board?.amend(attempt.task_id, (task) =>
    task.latest_attempt && task.latest_attempt.number > attempt.number ? {} : { latest_attempt: attempt, attempts: Math.max(task.attempts, attempt.number) }, at);
  if (before && ANNOUNCED[attempt.state] && before.latest_attempt?.state !== attempt.state) announce(`Task ${before.number} ${ANNOUNCED[attempt.state]}`);
  refreshProjectsSoon();
}

function applyProject({ id, deleted, ...fields }, at) {
  if (deleted) projects.remove(id, at);
  else projects.upsert({ id, ...fields }, at);
}

function applyTask(projectId, { id, deleted, ...fields }, at) {
  const board = knownBoards().get(projectId);
  if (deleted) board?.remove(id, at);
  else board?.upsert({ id, ...fields }, at);
  refreshProjectsSoon();
}

function applyWorkspace(projectId, workspace, at) {
  projects.amend(projectId, () => ({ workspace }), at);
  workspaceChanges.dispatchEvent(new CustomEvent("change", { detail: projectId }));
}

function applyTerminal(projectId, { id, deleted, ...fields }, at) {
  const list = knownTerminals(projectId);
  if (deleted) list?.remove(id, at);
  else list?.upsert({ id, ...fields }, at);
}

const APPLY = {
  project: (event, at) => applyProject(event.data, at),
  task: (event, at) => applyTask(event.project_id, event.data, at),
  attempt: (event, at) => applyAttempt(event.data, at),
  workspace: (event, at) => applyWorkspace(event.project_id, event.data, at),
  terminal: (event, at) => applyTerminal(event.project_id, event.data, at),
  line: (event) => setLine(event.data.id, event.data.text), // of an attempt, or of a project that is being imported
};

export const applyEvent = (event, at) => batch(() => APPLY[event.type]?.(event, at));

export function reloadAll() {
  return Promise.all([projects.load(), reloadBoards(), reloadAttempts(), reloadTerminals()]);
}

export function forgetAll() {
  forgetBoards();
  forgetAttempts();
  forgetTerminals();
}
