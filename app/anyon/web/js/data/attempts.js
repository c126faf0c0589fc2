// The attempts of each task that was looked at, their last log lines, and what can be done with an attempt.
import { get, getAll, post } from "../api.js";
import { signal } from "../dom.js";
import { collection } from "../resource.js";

const lists = new Map();
const lines = new Map();

export function attemptsOf(taskId) {
  if (!lists.has(taskId)) {
    const list = collection(() => getAll(`/api/tasks/${taskId}/attempts`));
    lists.set(taskId, list);
    list.load();
  }
  return lists.get(taskId);
}

export const reloadAttempts = () => Promise.all([...lists.values()].map((list) => list.load()));
export const forgetAttempts = () => lists.clear();
export const upsertAttempt = (attempt, at) => lists.get(attempt.task_id)?.upsert(attempt, at);
export const amendAttempt = (attempt, fields) => lists.get(attempt.task_id)?.amend(attempt.id, () => fields);

// The last line that a running attempt printed, or that the import of a project told.
export function lineOf(attempt) {
  if (!lines.has(attempt.id)) lines.set(attempt.id, signal(attempt.last_line ?? ""));
  return lines.get(attempt.id);
}

export function setLine(attemptId, text) {
  if (lines.has(attemptId)) lines.get(attemptId).value = text;
  else lines.set(attemptId, signal(text));
}

const act = (attempt, verb, body) => attemptsOf(attempt.task_id).take(post(`/api/attempts/${attempt.id}/${verb}`, body));

export const cancelAttempt = (attempt) => act(attempt, "cancel");
export const mergeAttempt = (attempt, message) => act(attempt, "merge", message ? { message } : {});
export const rebaseAttempt = (attempt) => act(attempt, "rebase");
export const retryAttempt = (attempt) => act(attempt, "retry");
export const discardAttempt = (attempt, force) => act(attempt, "discard", { force });
export const workOf = (attempt) => get(`/api/attempts/${attempt.id}/work`);

export const startAttempt = (task, executor) => attemptsOf(task.id).take(post(`/api/tasks/${task.id}/attempts`, executor ? { executor } : {}));

// What each state looks like, and what may be done in it.
export const ATTEMPT_STATES = {
  queued: { word: "queued", tone: "waiting", icon: "clock", live: true },
  starting: { word: "starting", tone: "running", icon: "working", live: true },
  running: { word: "running", tone: "running", icon: "working", live: true },
  finishing: { word: "finishing", tone: "running", icon: "working", live: true },
  in_review: { word: "in review", tone: "review", icon: "review" },
  failed: { word: "failed", tone: "failed", icon: "failed" },
  cancelled: { word: "cancelled", tone: "muted", icon: "cancelled" },
  merged: { word: "merged", tone: "done", icon: "done" },
  discarded: { word: "discarded", tone: "muted", icon: "trash" },
};
export const lookOf = (attempt) => ATTEMPT_STATES[attempt.state] ?? { word: attempt.state, tone: "muted", icon: "clock" };
export const isLive = (attempt) => Boolean(attempt && lookOf(attempt).live);
// Ended, and nobody has decided yet: the worktree is there.
export const ENDED = new Set(["in_review", "failed", "cancelled"]);

// Why an attempt has no worktree, as {title, text}; null: it has one.
export function withoutWorktree(attempt) {
  if (attempt.state === "merged") return { title: "The worktree went with the merge", text: `What this attempt changed is in ${attempt.base_branch}.` };
  if (attempt.state === "discarded") return { title: "The attempt is discarded", text: "Its worktree and its branch are gone. Its log is kept." };
  if (attempt.base_commit) return null;
  if (isLive(attempt)) return { title: "There is no worktree yet", text: "The attempt gets one just before its program starts." };
  return { title: "The attempt never started", text: "It ended before its program could start, so it changed nothing." };
}
export const needsReview = (attempt) => attempt?.state === "in_review" || attempt?.state === "failed";
