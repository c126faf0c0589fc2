// What can be done with an attempt, and the questions asked before. What would be lost is said in numbers.
import { html, useId, useState } from "../dom.js";
import { ENDED, cancelAttempt, discardAttempt, isLive, mergeAttempt, rebaseAttempt, retryAttempt, withoutWorktree, workOf } from "../data/attempts.js";
import { count } from "../format.js";
import { useShortcut } from "../keys.js";
import { links, navigate } from "../router.js";
import { Confirm, show } from "../ui/dialog.js";
import { Menu } from "../ui/menu.js";
import { announce, notify, undoable } from "../ui/notices.js";
import { Button, Field } from "../ui/parts.js";
import { Lines } from "./card.js";

async function tell(promise, words) {
  const answer = await promise;
  if (answer.problem) notify({ problem: answer.problem });
  else announce(words);
  return answer;
}

const rebase = (attempt) => tell(rebaseAttempt(attempt), "Rebased");

function MergeDialog({ task, attempt, onClose }) {
  const [message, setMessage] = useState(task.title);
  const id = useId();
  const run = async () => {
    const answer = await mergeAttempt(attempt, message.trim());
    if (!answer.problem) notify({ text: `#${task.number} is merged into ${attempt.base_branch}` });
    return answer;
  };
  const rebaseInstead = () => {
    onClose();
    rebase(attempt);
  };
  return html`<${Confirm} title=${`Merge into ${attempt.base_branch ?? "the default branch"}`} verb="Merge" run=${run} onClose=${onClose}
    onProblem=${(problem) => problem.code === "merge-conflict" && html`<${Button} small icon="rebase" onClick=${rebaseInstead}>Try a rebase<//>`}>
    <p class="muted">${attempt.files === null ? "What is in the worktree" : html`${count(attempt.files, "file")}, <${Lines} added=${attempt.added} removed=${attempt.removed} />`} from <code>${attempt.branch}</code></p>
    <${Field} id=${id} label="Message"><textarea id=${id} class="input" rows="3" required data-autofocus value=${message} onInput=${(event) => setMessage(event.target.value)}></textarea><//>
  <//>`;
}

const lossOf = ({ uncommitted, commits, nested }) =>
  [uncommitted && `${count(uncommitted, "uncommitted file")}`, commits && `${count(commits, "commit")} not merged`, nested.length && `what is in ${nested.join(", ")}`].filter(Boolean).join(" and ");

async function askDiscard(task, attempt) {
  const { data, problem } = await workOf(attempt);
  if (problem && problem.status !== 409) {
    notify({ problem });
    return;
  }
  const loss = data && lossOf(data);
  if (data && !loss) {
    undoable(`Attempt ${attempt.number} of #${task.number} will be discarded`, () => tell(discardAttempt(attempt, false), "Discarded"));
    return;
  }
  const close = show(() => html`<${Confirm} title=${`Discard attempt ${attempt.number}?`} verb="Discard" danger word="discard" run=${() => discardAttempt(attempt, true)} onClose=${() => close()}>
    <p>This deletes the branch <code>${attempt.branch}</code> and its worktree. ${problem ? html`<strong>What would be lost cannot be told.</strong> ${problem.detail} ${problem.hint}` : html`<strong>${loss}</strong> will be lost.`}</p>
  <//>`);
}

function askCancel(attempt) {
  const close = show(() => html`<${Confirm} title="Cancel this attempt?" verb="Cancel the attempt" danger run=${() => cancelAttempt(attempt)} onClose=${() => close()}>
    <p>Its processes end now. What it changed so far stays on its branch.</p>
  <//>`);
}

// Without a count nobody could look: what the program left may still be in the worktree.
const mayHoldWork = (attempt) => !withoutWorktree(attempt) && (attempt.files ?? (attempt.execution?.started_at ? 1 : 0)) > 0;

export function AttemptActions({ project, task, attempt }) {
  const ended = ENDED.has(attempt.state);
  const mergeable = attempt.state === "in_review" || (ended && mayHoldWork(attempt));
  const rebasable = ended && !withoutWorktree(attempt);
  const merge = () => {
    const close = show(() => html`<${MergeDialog} task=${task} attempt=${attempt} onClose=${() => close()} />`);
  };
  const retry = async () => {
    const { data } = await tell(retryAttempt(attempt), "Started again");
    if (data?.number) navigate(links.attempt(project, task, data));
  };
  useShortcut("merge", merge, Boolean(mergeable));
  if (project.role === "viewer") return null;
  if (isLive(attempt)) return html`<${Button} icon="stop" onClick=${() => askCancel(attempt)}>Cancel<//>`;
  const retryFirst = attempt.state === "failed" || attempt.state === "cancelled";
  const more = [
    { title: "Rebase on the base branch", icon: "rebase", disabled: !rebasable, run: () => rebase(attempt) },
    { title: "Try again", icon: "retry", run: retry },
    { title: "Discard…", icon: "trash", danger: true, disabled: !ended, run: () => askDiscard(task, attempt) },
  ];
  return html`
    ${retryFirst && html`<${Button} icon="retry" kind=${mergeable ? "" : "primary"} onClick=${retry}>Retry<//>`}
    ${rebasable && !retryFirst && html`<${Button} icon="rebase" class="only-wide" onClick=${() => rebase(attempt)}>Rebase<//>`}
    ${ended && html`<${Button} icon="trash" class="only-wide" onClick=${() => askDiscard(task, attempt)}>Discard<//>`}
    ${mergeable && html`<${Button} kind="primary" icon="merge" keys="merge" onClick=${merge}>Merge<//>`}
    <${Menu} label="More actions" kind="" small=${false} items=${more} />`;
}
