// Board: what each attempt is doing now, and what needs me.
import { html, useRef, useState } from "../dom.js";
import { STATES, inState, moveTask, positionFor, tasksOf } from "../data/tasks.js";
import { useShortcut } from "../keys.js";
import { preference } from "../preferences.js";
import { show } from "../ui/dialog.js";
import { useListKeys } from "../ui/list_keys.js";
import { Button, EmptyState, ProblemPanel, Segmented, Skeleton } from "../ui/parts.js";
import { usePage } from "../ui/page.js";
import { Column } from "./column.js";
import { NewTask } from "./new_task.js";
import { ProjectProblem } from "./project_problem.js";

const URGENT = ["in_review", "in_progress", "todo"]; // which column a narrow screen shows first
const OPEN_COLUMNS = STATES.filter((state) => state.name !== "cancelled");

export function openNewTask(project, start = true) {
  const close = show(() => html`<${NewTask} project=${project} start=${start} onClose=${() => close()} />`);
}

// 1-4 move the focused card, and keep the focus on it.
function useMoveKeys(tasks) {
  const move = (state) => {
    const id = document.activeElement?.closest("[data-task]")?.dataset.task;
    const task = tasks.find((item) => item.id === id);
    if (!task) return;
    moveTask(task, state, positionFor(tasks, task, state));
    requestAnimationFrame(() => document.querySelector(`[data-task="${id}"] [data-focus]`)?.focus());
  };
  OPEN_COLUMNS.forEach((state, index) => useShortcut(`move-${index + 1}`, () => move(state.name)));
}

function Columns({ project, tasks }) {
  const board = useRef(null);
  const [dragged, setDragged] = useState(null);
  const [shown, setShown] = useState(() => URGENT.find((name) => inState(tasks, name).length) ?? "todo");
  const folded = preference("cancelled-folded", true);
  useListKeys(board);
  useMoveKeys(tasks);
  const drop = (state, before) => {
    const task = tasks.find((item) => item.id === dragged);
    setDragged(null);
    if (task && before !== task.id) moveTask(task, state, positionFor(tasks, task, state, before));
  };
  const counted = STATES.map((state) => ({ name: state.name, title: state.title, count: inState(tasks, state.name).length }));
  return html`<div class="board">
    <div class="board-switch only-narrow"><${Segmented} label="Column" value=${shown} options=${counted} onChange=${setShown} /></div>
    <div class="columns" ref=${board} data-shown=${shown}>
      ${STATES.map((state) => html`<${Column} key=${state.name} project=${project} state=${state} tasks=${inState(tasks, state.name)} dragged=${dragged} onDrag=${setDragged} onDrop=${drop}
        folded=${state.name === "cancelled" && folded.value} onFold=${state.name === "cancelled" ? () => (folded.value = !folded.value) : null} onNew=${() => openNewTask(project, state.name === "in_progress")} shown=${shown === state.name} />`)}
    </div>
    <${Button} kind="primary" icon="plus" label="New task" class="only-narrow floating" onClick=${() => openNewTask(project)} />
  </div>`;
}

export function Board({ project }) {
  usePage(project.name);
  const { state, load } = tasksOf(project.id);
  const { status, data, problem } = state.value;
  const ready = project.state === "ready";
  useShortcut("new", () => openNewTask(project), ready);
  if (!ready) return html`<${ProjectProblem} project=${project} />`;
  if (status === "loading") return html`<div class="board"><div class="columns">${OPEN_COLUMNS.map((column) => html`<section key=${column.name} class="column"><h2 class="column-head">${column.title}</h2><${Skeleton} label=${`Loading ${column.title}`} rows=${3} shape="card" /></section>`)}</div></div>`;
  if (status === "failed") return html`<div class="page"><${ProblemPanel} problem=${problem} onRetry=${load} /></div>`;
  if (data.length === 0) {
    return html`<${EmptyState} icon="board" title="No tasks yet" action=${html`<${Button} kind="primary" icon="plus" keys="new" onClick=${() => openNewTask(project)}>New task<//>`}>
      Say what should be done. An agent tries it on a branch of its own; you read the diff and merge it.
    <//>`;
  }
  return html`<${Columns} project=${project} tasks=${data} />`;
}
