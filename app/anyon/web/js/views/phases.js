// What happens before the first byte of the log: each phase with its time, and what failed.
import { html } from "../dom.js";
import { isLive } from "../data/attempts.js";
import { took } from "../format.js";
import { Elapsed } from "../ui/clock.js";
import { Icon } from "../ui/icons.js";

const WORDS = {
  queue: "Waiting for a turn",
  ensure: "Starting the workspace",
  hydrate: "Restoring the working copy",
  worktree: "Preparing the worktree",
  exec: "Starting the executor",
  first_byte: "Waiting for the first output",
  commit: "Committing the work",
};
const LOOK = { running: ["working", "running"], done: ["check", "done"], failed: ["failed", "failed"] };

export function Phases({ attempt }) {
  const { phases = [] } = attempt;
  if (phases.length === 0) {
    return html`<div class="empty" role="status"><span class="tone waiting"><${Icon} name=${isLive(attempt) ? "working" : "clock"} /></span><h2>${isLive(attempt) ? "Starting" : "It never ran"}</h2></div>`;
  }
  return html`<ol class="phases" aria-label="Phases">
    ${phases.map((phase) => {
      const [icon, tone] = LOOK[phase.state] ?? LOOK.running;
      return html`<li key=${phase.name}>
        <span class=${`tone ${tone}`}><${Icon} name=${icon} label=${phase.state} /></span>
        <span>${WORDS[phase.name] ?? phase.name}</span>
        <span class="muted mono push">${phase.seconds === null ? html`<${Elapsed} time=${phase.started_at} />` : took(phase.seconds)}</span>
        ${phase.detail && html`<span class="phase-detail mono muted cut" title=${phase.detail}>${phase.detail}</span>`}
      </li>`;
    })}
  </ol>`;
}
