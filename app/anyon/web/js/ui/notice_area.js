// Where notices appear, and the two live regions that screen readers follow.
import { html } from "../dom.js";
import { dismiss, notices, spoken } from "./notices.js";
import { Button, ProblemPanel } from "./parts.js";

function Notice({ notice }) {
  const run = () => {
    dismiss(notice.id);
    notice.run();
  };
  if (notice.problem) {
    return html`<div class="notice"><${ProblemPanel} inline problem=${notice.problem} /><${Button} kind="quiet" small icon="close" label="Dismiss" onClick=${() => dismiss(notice.id)} /></div>`;
  }
  return html`<div class="notice"><span class="grow">${notice.text}</span>
    ${notice.action && html`<${Button} small kind="quiet accent" onClick=${run}>${notice.action}<//>`}
    <${Button} kind="quiet" small icon="close" label="Dismiss" onClick=${() => dismiss(notice.id)} />
  </div>`;
}

export function NoticeArea() {
  return html`<div class="notices" role="status">${notices.value.map((notice) => html`<${Notice} key=${notice.id} notice=${notice} />`)}</div>
    <div class="sr-only" aria-live="polite">${spoken.value}</div>`;
}
