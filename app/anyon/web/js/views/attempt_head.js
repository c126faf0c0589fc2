// The head of an attempt: what, where, who, state, and what can be done.
import { html } from "../dom.js";
import { ENDED, isLive, lookOf } from "../data/attempts.js";
import { executorTitle } from "../data/projects.js";
import { short, took } from "../format.js";
import { links, navigate } from "../router.js";
import { Ago, Elapsed } from "../ui/clock.js";
import { Icon } from "../ui/icons.js";
import { Chip, CopyButton, Middle, ProblemPanel } from "../ui/parts.js";
import { AttemptActions } from "./attempt_actions.js";
import { Size } from "./card.js";

function Facts({ attempt }) {
  const ended = attempt.finished_at;
  return html`<ul class="facts small">
    <li class="row" title="Branch"><${Icon} name="branch" /><span class="mono fact-branch"><${Middle} text=${attempt.branch} keep=${12} /></span><${CopyButton} text=${attempt.branch} label="Copy the branch" /></li>
    <li class="muted">${executorTitle(attempt.executor)}</li>
    <li class="muted">${ended ? html`took ${took((Date.parse(ended) - Date.parse(attempt.created_at)) / 1000)}, ` : "started "}<${Ago} time=${ended ?? attempt.created_at} /></li>
    ${attempt.files !== null && html`<li><${Size} attempt=${attempt} /></li>`}
    ${attempt.execution?.exit_code > 0 && html`<li><span class="removed">exit code ${attempt.execution.exit_code}</span></li>`}
    ${attempt.merged_commit && html`<li class="muted">merged as <code>${short(attempt.merged_commit)}</code></li>`}
  </ul>`;
}

function Others({ project, task, attempt, attempts }) {
  if (attempts.length < 2) return null;
  const sorted = [...attempts].sort((a, b) => b.number - a.number);
  const change = (event) => navigate(links.attempt(project, task, { number: event.target.value }));
  return html`<select class="input small" aria-label="Attempt" value=${attempt.number} onChange=${change}>
    ${sorted.map((one) => html`<option key=${one.id} value=${one.number}>Attempt ${one.number}: ${lookOf(one).word}</option>`)}
  </select>`;
}

export function AttemptHead({ project, task, attempt, attempts }) {
  const look = lookOf(attempt);
  return html`<header class="attempt-head">
    <div class="attempt-title">
      <h1><a class="muted" href=${links.task(project, task)} title="The task and its attempts">#${task.number}</a> ${task.title}</h1>
      <div class="attempt-actions"><${Others} project=${project} task=${task} attempt=${attempt} attempts=${attempts} /><${AttemptActions} project=${project} task=${task} attempt=${attempt} /></div>
    </div>
    <div class="row wrap attempt-facts">
      <${Chip} tone=${look.tone} icon=${look.icon}>${look.word}${isLive(attempt) ? html` <${Elapsed} time=${attempt.created_at} />` : ""}<//>
      <${Facts} attempt=${attempt} />
    </div>
    ${attempt.problem && (ENDED.has(attempt.state) || attempt.problem.code === "worktree-left") && html`<${ProblemPanel} inline problem=${attempt.problem} />`}
  </header>`;
}
