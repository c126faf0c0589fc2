// An attempt: its head, and the three panes log, diff and terminal.
import { html } from "../dom.js";
import { attemptsOf } from "../data/attempts.js";
import { tasksOf } from "../data/tasks.js";
import { handlerOf, useShortcut } from "../keys.js";
import { links, navigate, route } from "../router.js";
import { ProblemPanel, Skeleton } from "../ui/parts.js";
import { usePage } from "../ui/page.js";
import { NotHere } from "./app.js";
import { AttemptHead } from "./attempt_head.js";
import { Panes } from "./panes.js";

export function findTask(project, number) {
  const { state, load } = tasksOf(project.id);
  const { status, data = [], problem } = state.value;
  return { status, problem, load, task: data.find((task) => String(task.number) === number) };
}

export function AttemptPage({ project }) {
  const { params } = route.value;
  const found = findTask(project, params.task);
  if (found.status === "failed") return html`<div class="page"><${ProblemPanel} problem=${found.problem} onRetry=${found.load} /></div>`;
  if (found.status === "loading") return html`<div class="page"><${Skeleton} label="Loading the task" rows=${5} /></div>`;
  if (!found.task) return html`<${NotHere} what="task" />`;
  return html`<${OfTask} key=${found.task.id} project=${project} task=${found.task} number=${params.attempt} />`;
}

function OfTask({ project, task, number }) {
  const { state, load } = attemptsOf(task.id);
  const { status, data = [], problem } = state.value;
  const attempt = data.find((one) => String(one.number) === number);
  usePage(`#${task.number} ${task.title}`);
  useShortcut("back", () => (document.querySelector(".panes.full") ? handlerOf("full")() : navigate(links.board(project))));
  if (status === "failed") return html`<div class="page"><${ProblemPanel} problem=${problem} onRetry=${load} /></div>`;
  if (status === "loading") return html`<div class="page"><${Skeleton} label="Loading the attempt" rows=${5} /></div>`;
  if (!attempt) return html`<${NotHere} what="attempt" />`;
  return html`<div class="attempt" key=${attempt.id}>
    <${AttemptHead} project=${project} task=${task} attempt=${attempt} attempts=${data} />
    <${Panes} project=${project} attempt=${attempt} />
  </div>`;
}
