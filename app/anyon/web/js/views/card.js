// A card says what, who, since when, how big, and whether it needs me.
import { html } from "../dom.js";
import { isLive, lineOf, lookOf } from "../data/attempts.js";
import { executorTitle } from "../data/projects.js";
import { STATES, moveTask, positionFor, tasksOf } from "../data/tasks.js";
import { cause, count, wholeProblem } from "../format.js";
import { links } from "../router.js";
import { Ago, Elapsed } from "../ui/clock.js";
import { Icon } from "../ui/icons.js";
import { Menu } from "../ui/menu.js";

export function Lines({ added, removed }) {
  return html`${(added > 0 || !removed) && html`<span class="added">+${(added ?? 0).toLocaleString()}</span>`} ${removed > 0 && html`<span class="removed">−${removed.toLocaleString()}</span>`}`;
}

export function Size({ attempt }) {
  if (attempt.files === null || attempt.files === undefined) return null;
  if (attempt.files === 0) return html`<span class="muted">no changes</span>`;
  return html`<span class="size"><${Lines} added=${attempt.added} removed=${attempt.removed} /> <span class="muted">${count(attempt.files, "file")}</span></span>`;
}

function LastLine({ attempt }) {
  const phase = attempt.phases?.find((one) => one.state === "running");
  const text = attempt.state === "running" ? lineOf(attempt).value : (phase?.name ?? attempt.state);
  return html`<p class="card-line mono"><${Icon} name="right" /><span class="cut">${text || "waiting for output"}</span></p>`;
}

function AttemptState({ attempt }) {
  const look = lookOf(attempt);
  const live = isLive(attempt);
  return html`<span class=${`card-state tone ${look.tone}`}><${Icon} name=${look.icon} /><span>${look.word}</span>
    ${live && html`<${Elapsed} time=${attempt.created_at} />`}</span>`;
}

function moves(task, tasks) {
  return STATES.map((state, index) => ({
    title: `Move to ${state.title}`, icon: state.name, note: index < 4 ? String(index + 1) : "", disabled: state.name === task.state,
    run: () => moveTask(task, state.name, positionFor(tasks, task, state.name)),
  }));
}

export function Card({ project, task, onDrag, dragged, landing }) {
  const attempt = task.latest_attempt;
  const href = attempt ? links.attempt(project, task, attempt) : links.task(project, task);
  const live = isLive(attempt);
  const problem = attempt?.state === "failed" ? attempt.problem : null;
  const drag = {
    draggable: true,
    onDragStart: (event) => {
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", task.title);
      onDrag(task.id);
    },
    onDragEnd: () => onDrag(null),
  };
  return html`${landing && html`<li class="landing" aria-hidden="true"></li>`}
    <li class=${`card ${dragged ? "dragged" : ""} ${live ? "live" : ""}`} data-item data-task=${task.id} ...${drag}>
      <a class="cover card-title" href=${href} title=${problem ? wholeProblem(problem) : undefined} data-focus draggable=${false}>${task.title}</a>
      ${live && html`<${LastLine} attempt=${attempt} />`}
      ${problem && html`<p class="card-problem small cut">${cause(problem)}</p>`}
      <div class="card-foot small">
        <span class="muted">#${task.number}</span>
        <span class="muted cut">${executorTitle(attempt?.executor ?? task.executor)}${task.attempts > 1 && html`<span title=${`${task.attempts} attempts`}> ×${task.attempts}<span class="sr-only"> attempts</span></span>`}</span>
        ${attempt ? html`<${AttemptState} attempt=${attempt} />` : html`<span class="muted"><${Ago} time=${task.created_at} /></span>`}
        ${attempt && !live && attempt.files > 0 && html`<${Size} attempt=${attempt} />`}
      </div>
      <div class="card-menu"><${Menu} label=${`Move #${task.number}`} items=${moves(task, tasksOf(project.id).items())} /></div>
    </li>`;
}
