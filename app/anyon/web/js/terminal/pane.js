// The terminals of an attempt, or of the whole project: a strip of tabs, and the one that is open.
import { html, useEffect, useState } from "../dom.js";
import { tasksOf } from "../data/tasks.js";
import { closeTerminal, openOnes, openTerminal, terminalsOf } from "../data/terminals.js";
import { show } from "../ui/dialog.js";
import { Confirm } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";
import { Menu } from "../ui/menu.js";
import { announce, notify } from "../ui/notices.js";
import { Button, EmptyState, ProblemPanel, Skeleton } from "../ui/parts.js";
import { TerminalView, copyOnSelect, fontSize, screenReader } from "./view.js";

const FIRST = "first"; // in place of an id: whichever terminal comes where there was none

function settings() {
  const toggle = (choice, title) => ({ title, icon: choice.value ? "check" : undefined, run: () => (choice.value = !choice.value) });
  return [
    { title: "Larger text", icon: "plus", run: () => (fontSize.value = Math.min(22, fontSize.value + 1)) },
    { title: "Smaller text", run: () => (fontSize.value = Math.max(10, fontSize.value - 1)) },
    toggle(copyOnSelect, "Copy what is selected"),
    toggle(screenReader, "Screen-reader mode"),
  ];
}

export function askToClose(terminal) {
  const close = show(() => html`<${Confirm} title=${`Close ${terminal.title}?`} verb="Close terminal" danger run=${() => closeTerminal(terminal)} onClose=${() => close()}>
    <p>Its shell and everything that runs in it end.</p>
  <//>`);
}

// `refused`: why none can be opened here, as {title, text}; null: one can.
export function useTerminals(project, attemptId, refused = null) {
  const { state, load } = terminalsOf(project.id);
  const { status, data = [], problem } = state.value;
  const open = openOnes(data, attemptId);
  const [chosen, setChosen] = useState(null);
  const [fresh, setFresh] = useState(null); // the one that was opened here and gets the focus
  const [busy, setBusy] = useState(false);
  const current = open.find((terminal) => terminal.id === chosen) ?? open[0] ?? null;
  const start = async () => {
    if (busy || refused) return;
    setBusy(true);
    setFresh(current ? null : FIRST);
    const answer = await openTerminal(project.id, attemptId);
    setBusy(false);
    if (answer.problem) {
      setFresh(null);
      notify({ problem: answer.problem });
    } else {
      setChosen(answer.data.id);
      setFresh(answer.data.id);
      announce("Terminal opened");
    }
  };
  return { status, problem, load, open, current, choose: setChosen, fresh, start, busy, refused };
}

// "#14 attempt 2" where the task is known, since a project has many attempts with the same number.
function labelOf(terminal, index) {
  const task = tasksOf(terminal.project_id).items().find((item) => item.latest_attempt?.id === terminal.attempt_id);
  const title = terminal.title || `Terminal ${index + 1}`;
  return terminal.attempt_id && task ? `#${task.number} ${title}` : title;
}

export function TerminalTabs({ terminals }) {
  const { open, current, choose, start, busy, refused } = terminals;
  return html`<div class="tabs" role="group" aria-label="Terminals">
      ${open.map((terminal, index) => html`<span key=${terminal.id} class=${`tab ${terminal.id === current?.id ? "current" : ""}`}>
        <button type="button" aria-pressed=${String(terminal.id === current?.id)} onClick=${() => choose(terminal.id)}>${labelOf(terminal, index)}</button>
        <button type="button" class="tab-close" aria-label=${`Close ${labelOf(terminal, index)}`} onClick=${() => askToClose(terminal)}><${Icon} name="close" /></button>
      </span>`)}
    </div>
    ${!refused && html`<${Button} small kind="quiet" icon="plus" label="Open another terminal" busy=${busy} onClick=${start} />`}
    <span class="push"></span><${Menu} label="Terminal settings" icon="settings" items=${settings()} />`;
}

// `starts`: open one at once when there is none. `focused`: whichever is shown gets the focus.
export function TerminalPane({ terminals, visible, starts, focused, where }) {
  const { status, problem, load, current, fresh, start, busy, refused } = terminals;
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    if (!starts || asked || refused || status !== "ready") return;
    setAsked(true);
    if (!current) start();
  }, [starts, status, current, asked, refused]);
  if (status === "loading") return html`<div class="pane-pad"><${Skeleton} label="Loading terminals" rows=${2} /></div>`;
  if (status === "failed") return html`<div class="pane-pad"><${ProblemPanel} inline problem=${problem} onRetry=${load} /></div>`;
  if (!current && refused) return html`<${EmptyState} icon="terminal" title=${refused.title}>${refused.text}<//>`;
  if (!current) {
    return html`<${EmptyState} icon="terminal" title=${busy ? "Opening a terminal" : "No terminal is open"} action=${html`<${Button} kind="primary" icon="plus" busy=${busy} onClick=${start}>Open a terminal<//>`}>
      ${`A shell in ${where}. It goes on when you close this page, and you come back to the same screen.`}
    <//>`;
  }
  const wanted = focused || starts || fresh === FIRST || fresh === current.id;
  return html`<${TerminalView} key=${current.id} terminal=${current} visible=${visible} autofocus=${visible && wanted} />`;
}
