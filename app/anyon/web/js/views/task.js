// A task: its text, its attempts, and starting another one.
import { html, useId, useState } from "../dom.js";
import { attemptsOf, lookOf, startAttempt } from "../data/attempts.js";
import { executorNamed, executorTitle } from "../data/projects.js";
import { STATES, changeTask, deleteTask, moveTask, positionFor, stateTitle, tasksOf } from "../data/tasks.js";
import { cause, wholeProblem } from "../format.js";
import { useShortcut } from "../keys.js";
import { links, navigate, route } from "../router.js";
import { Ago } from "../ui/clock.js";
import { Confirm, Dialog, show } from "../ui/dialog.js";
import { useSubmit } from "../ui/form.js";
import { Menu } from "../ui/menu.js";
import { Button, Chip, EmptyState, Field, ProblemPanel, Skeleton } from "../ui/parts.js";
import { usePage } from "../ui/page.js";
import { NotHere } from "./app.js";
import { findTask } from "./attempt.js";
import { Size } from "./card.js";
import { ExecutorChoice, MissingCredential } from "./new_task.js";

function StartAttempt({ project, task, onClose }) {
  const [executor, setExecutor] = useState(task.latest_attempt?.executor ?? task.executor ?? project.default_executor ?? "shell");
  const run = async () => {
    const answer = await startAttempt(task, executor);
    if (answer.data) navigate(links.attempt(project, task, answer.data));
    return answer;
  };
  return html`<${Confirm} title="Start an attempt" verb="Start" run=${run} onClose=${onClose}>
    <${ExecutorChoice} value=${executor} onChange=${setExecutor} /><${MissingCredential} executor=${executorNamed(executor)} />
  <//>`;
}

function EditTask({ task, onClose }) {
  const [title, setTitle] = useState(task.title);
  const [description, setDescription] = useState(task.description);
  const id = useId();
  const { busy, problem, submit } = useSubmit(() => changeTask(task, { title: title.trim(), description }), () => onClose());
  return html`<${Dialog} title=${`Edit #${task.number}`} onClose=${onClose}><form class="stack" onSubmit=${submit}>
    <${Field} id=${`${id}-title`} label="Title"><input id=${`${id}-title`} class="input" required maxlength="200" data-autofocus value=${title} onInput=${(event) => setTitle(event.target.value)} /><//>
    <${Field} id=${`${id}-text`} label="Text"><textarea id=${`${id}-text`} class="input" rows="9" required value=${description} onInput=${(event) => setDescription(event.target.value)}></textarea><//>
    ${problem && html`<${ProblemPanel} inline problem=${problem} />`}
    <footer class="dialog-foot"><${Button} onClick=${onClose}>Cancel<//><${Button} kind="primary" type="submit" busy=${busy}>Save<//></footer>
  </form><//>`;
}

function AttemptRow({ project, task, attempt }) {
  const look = lookOf(attempt);
  const problem = attempt.state === "failed" ? attempt.problem : null;
  return html`<li class="attempt-row" data-item>
    <a class="cover strong" href=${links.attempt(project, task, attempt)} title=${problem ? wholeProblem(problem) : undefined} data-focus>Attempt ${attempt.number}</a>
    <${Chip} tone=${look.tone} icon=${look.icon}>${look.word}<//>
    <span class="muted cut">${executorTitle(attempt.executor)}</span>
    <span class="cut mono muted only-wide">${attempt.branch}</span>
    <span class="push row small">${problem && html`<span class="removed cut">${cause(problem)}</span>`}<${Size} attempt=${attempt} /><span class="muted"><${Ago} time=${attempt.created_at} /></span></span>
  </li>`;
}

function Attempts({ project, task, onStart }) {
  const { state, load } = attemptsOf(task.id);
  const { status, data, problem } = state.value;
  if (status === "loading") return html`<${Skeleton} label="Loading attempts" rows=${2} />`;
  if (status === "failed") return html`<${ProblemPanel} inline problem=${problem} onRetry=${load} />`;
  if (data.length === 0) {
    return html`<div class="card-box"><${EmptyState} icon="play" title="Not tried yet" action=${html`<${Button} kind="primary" icon="play" onClick=${onStart}>Start an attempt<//>`}>Each attempt works on a branch of its own.<//></div>`;
  }
  return html`<ol class="rows" aria-label="Attempts">${[...data].sort((a, b) => b.number - a.number).map((attempt) => html`<${AttemptRow} key=${attempt.id} project=${project} task=${task} attempt=${attempt} />`)}</ol>`;
}

export function TaskPage({ project }) {
  const { status, problem, load, task } = findTask(project, route.value.params.task);
  usePage(task ? `#${task.number} ${task.title}` : null);
  useShortcut("back", () => navigate(links.board(project)));
  if (status === "failed") return html`<div class="page"><${ProblemPanel} problem=${problem} onRetry=${load} /></div>`;
  if (status === "loading") return html`<div class="page"><${Skeleton} label="Loading the task" rows=${5} /></div>`;
  if (!task) return html`<${NotHere} what="task" />`;
  return html`<${Ready} project=${project} task=${task} />`;
}

function Ready({ project, task }) {
  const editor = project.role !== "viewer";
  const start = () => {
    const close = show(() => html`<${StartAttempt} project=${project} task=${task} onClose=${() => close()} />`);
  };
  const edit = () => {
    const close = show(() => html`<${EditTask} task=${task} onClose=${() => close()} />`);
  };
  const remove = () => {
    const close = show(() => html`<${Confirm} title=${`Delete #${task.number}?`} verb="Delete" danger word=${task.attempts ? "delete" : undefined} onClose=${() => close()} run=${async () => {
      const answer = await deleteTask(task, task.attempts > 0);
      if (!answer.problem) navigate(links.board(project));
      return answer;
    }}><p>${task.attempts ? `The task, its ${task.attempts === 1 ? "attempt" : `${task.attempts} attempts`} with logs, branches and unmerged work will be lost.` : "The task has no attempts; only its text will be lost."}</p><//>`);
  };
  const moves = STATES.map((state) => ({ title: state.title, icon: state.name, disabled: state.name === task.state, run: () => moveTask(task, state.name, positionFor(tasksOf(project.id).items(), task, state.name)) }));
  return html`<div class="page">
    <div class="page-head">
      <h1><span class="muted">#${task.number}</span> ${task.title}</h1>
      ${editor && html`<div class="row push"><${Menu} kind="" small=${false} icon=${task.state} label=${`Move from ${stateTitle(task.state)}`} items=${moves}>${stateTitle(task.state)}<//>
        <${Button} onClick=${edit}>Edit<//><${Menu} label="More actions" kind="" small=${false} items=${[{ title: "Delete…", icon: "trash", danger: true, run: remove }]} /></div>`}
    </div>
    <p class="muted small task-facts">Created <${Ago} time=${task.created_at} />${task.executor ? html` · ${executorTitle(task.executor)}` : ""}</p>
    <div class="task-text card-box" tabindex="0" role="region" aria-label="What is asked">${task.description}</div>
    <div class="section-head"><h2>Attempts</h2>${editor && task.attempts > 0 && html`<${Button} small icon="plus" class="push" onClick=${start}>Start another<//>`}</div>
    <${Attempts} project=${project} task=${task} onStart=${start} />
  </div>`;
}
