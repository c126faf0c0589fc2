// Modal dialogs on the native element: focus stays inside, Escape closes, and focus returns to where it was.
import { html, render, useId, useLayoutEffect, useRef, useState } from "../dom.js";
import { useSubmit } from "./form.js";
import { Button, ProblemPanel } from "./parts.js";

export function Dialog({ title, onClose, children, kind = "", plain }) {
  const element = useRef(null);
  const id = useId();
  // before the next key can arrive
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = element.current;
    dialog.showModal();
    dialog.querySelector("[data-autofocus]")?.focus();
    return () => {
      dialog.close();
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const onPress = (event) => {
    if (event.target === element.current) onClose();
  };
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${element} class=${`dialog ${kind}`} aria-labelledby=${plain ? undefined : id} aria-label=${plain ? title : undefined} onCancel=${onCancel} onMouseDown=${onPress}>
    <div class="dialog-body">
      ${!plain && html`<header class="dialog-head"><h2 id=${id}>${title}</h2><${Button} kind="quiet" small icon="close" label="Close" onClick=${onClose} /></header>`}
      ${children}
    </div>
  </dialog>`;
}

// Opens a dialog from anywhere: show((close) => html`<Dialog …>`).
export function show(build) {
  const host = document.createElement("div");
  document.body.append(host);
  const close = () => {
    render(null, host);
    host.remove();
  };
  render(build(close), host);
  return close;
}

// Asks before something is done: `run()` answers {problem?}; the dialog stays open on a problem.
export function Confirm({ title, children, verb, danger, word, run, onClose, onProblem }) {
  const [typed, setTyped] = useState("");
  const ready = !word || typed === word;
  const { busy, problem, submit } = useSubmit(run, () => onClose(), ready);
  const id = useId();
  return html`<${Dialog} title=${title} onClose=${onClose} kind="small">
    <form class="stack" onSubmit=${submit}>
      ${children}
      ${word && html`<div class="field"><label for=${id}>Type <code>${word}</code> to go on</label><input id=${id} class="input" autocomplete="off" spellcheck=${false} data-autofocus value=${typed} onInput=${(event) => setTyped(event.target.value)} /></div>`}
      ${problem && html`<${ProblemPanel} inline problem=${problem}>${onProblem?.(problem)}<//>`}
      <footer class="dialog-foot">
        <${Button} onClick=${onClose}>Keep it as it is<//>
        <${Button} kind=${danger ? "danger" : "primary"} type="submit" busy=${busy} disabled=${!ready} data-autofocus=${!word || undefined}>${verb}<//>
      </footer>
    </form>
  <//>`;
}
