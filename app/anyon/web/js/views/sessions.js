// Where this user is logged in.
import { html } from "../dom.js";
import { del } from "../api.js";
import { useResource } from "../resource.js";
import { Ago } from "../ui/clock.js";
import { notify } from "../ui/notices.js";
import { Button, Chip, ProblemPanel, Skeleton } from "../ui/parts.js";

const BROWSERS = [[/Edg\//, "Edge"], [/Firefox\//, "Firefox"], [/Chrome\//, "Chrome"], [/Safari\//, "Safari"], [/curl/, "curl"]];
const SYSTEMS = [[/iPhone|iPad/, "iOS"], [/Android/, "Android"], [/Windows/, "Windows"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]];
const first = (table, text) => table.find(([pattern]) => pattern.test(text))?.[1];

function nameOf(agent) {
  const browser = first(BROWSERS, agent);
  const system = first(SYSTEMS, agent);
  return [browser, system].filter(Boolean).join(" on ") || agent || "Unknown browser";
}

export function Sessions() {
  const { status, data, problem, load } = useResource("/api/me/sessions");
  const end = async (one) => {
    const answer = await del(`/api/me/sessions/${one.id}`);
    if (answer.problem) notify({ problem: answer.problem });
    load();
  };
  let list = html`<${Skeleton} label="Loading sessions" rows=${2} />`;
  if (status === "failed") list = html`<${ProblemPanel} inline problem=${problem} onRetry=${load} />`;
  else if (status === "ready") {
    list = html`<ul class="rows" aria-label="Sessions">${data.map((one) => html`<li key=${one.id} class="row line"><span class="cut" title=${one.user_agent}>${nameOf(one.user_agent)}</span>${one.current && html`<${Chip} tone="done">this browser<//>`}
      <span class="muted small push">last seen <${Ago} time=${one.last_seen_at} /></span>${!one.current && html`<${Button} small kind="quiet" icon="logout" label=${`End the session of ${nameOf(one.user_agent)}`} onClick=${() => end(one)} />`}</li>`)}</ul>`;
  }
  return html`<section class="section"><h2>Sessions</h2>${list}</section>`;
}
