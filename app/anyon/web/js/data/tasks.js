// The tasks of each project that was looked at, and the changes a person makes to them.
import { del, getAll, patch, post, query } from "../api.js";
import { collection } from "../resource.js";
import { announce, notify } from "../ui/notices.js";

export const STATES = [
  { name: "todo", title: "To do", empty: "Nothing waits here" },
  { name: "in_progress", title: "In progress", empty: "No agent is at work" },
  { name: "in_review", title: "In review", empty: "Nothing to review" },
  { name: "done", title: "Done", empty: "Nothing is done yet" },
  { name: "cancelled", title: "Cancelled", empty: "Nothing was cancelled" },
];
export const stateTitle = (name) => STATES.find((state) => state.name === name)?.title ?? name;

const boards = new Map();

export function tasksOf(projectId) {
  if (!boards.has(projectId)) {
    const board = collection(() => getAll(`/api/tasks?${query({ project_id: projectId })}`));
    boards.set(projectId, board);
    board.load();
  }
  return boards.get(projectId);
}

export const knownBoards = () => boards;
export const reloadBoards = () => Promise.all([...boards.values()].map((board) => board.load()));
export const forgetBoards = () => boards.clear();

export async function createTask(fields) {
  const answer = await tasksOf(fields.project_id).take(post("/api/tasks", fields));
  if (answer.data) announce(`Task ${answer.data.number} created`);
  return answer;
}

export const changeTask = (task, fields) => tasksOf(task.project_id).take(patch(`/api/tasks/${task.id}`, fields));

// `force`: also when work is lost, for who was warned of it.
export async function deleteTask(task, force) {
  const answer = await del(`/api/tasks/${task.id}?${query({ force })}`);
  if (!answer.problem) boards.get(task.project_id)?.remove(task.id);
  return answer;
}

export const inState = (tasks, state) =>
  tasks.filter((task) => task.state === state).sort((a, b) => a.position - b.position || a.number - b.number);

// The position that puts a card before `before` (an id), or at the end of the column.
export function positionFor(tasks, moved, state, before) {
  const column = inState(tasks, state).filter((task) => task.id !== moved.id);
  const index = before ? column.findIndex((task) => task.id === before) : column.length;
  const above = column[index - 1]?.position;
  const below = column[index]?.position;
  if (above === undefined) return below === undefined ? moved.position : below - 1;
  return below === undefined ? above + 1 : (above + below) / 2;
}

// Shown at once; put back, with the reason, when the server refuses.
export async function moveTask(task, state, position) {
  const board = boards.get(task.project_id);
  const from = { state: task.state, position: task.position };
  if (from.state === state && from.position === position) return;
  board.amend(task.id, () => ({ state, position }));
  const { problem } = await changeTask(task, { state, position });
  if (problem) {
    board.amend(task.id, () => from);
    notify({ problem });
    return;
  }
  announce(`Task ${task.number} moved to ${stateTitle(state)}`);
  if (from.state !== state) {
    notify({
      text: `#${task.number} moved to ${stateTitle(state)}`,
      action: "Undo",
      run: () => moveTask({ ...task, state, position }, from.state, from.position),
    });
  }
}
