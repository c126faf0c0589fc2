// The small pieces that every view is made of, and the four states of a view.
import { html, useState } from "../dom.js";
import { SHORTCUTS, keycaps } from "../keys.js";
import { Icon } from "./icons.js";

export function Keys({ id, keys }) {
  const sequence = keys ?? SHORTCUTS.find((entry) => entry.id === id).keys[0];
  return html`<span class="keys" aria-hidden="true">${keycaps(sequence).map((cap) => html`<kbd>${cap}</kbd>`)}</span>`;
}

export function Button({ icon, children, kind = "", small, busy, label, keys, class: extra = "", ...rest }) {
  const classes = ["button", kind, small && "small", !children && "bare", extra].filter(Boolean).join(" ");
  const shortcut = keys && SHORTCUTS.find((entry) => entry.id === keys);
  return html`<button type="button" class=${classes} aria-label=${label} title=${label ?? undefined} aria-busy=${busy || undefined}
    aria-keyshortcuts=${shortcut?.keys[0].length === 1 ? shortcut.keys[0] : undefined} ...${rest} disabled=${rest.disabled || busy}>
    ${(icon || busy) && html`<${Icon} name=${busy ? "working" : icon} />`}${children && html`<span>${children}</span>`}
    ${keys && html`<${Keys} id=${keys} />`}
  </button>`;
}

export function LinkButton({ icon, children, kind = "", small, label, ...rest }) {
  return html`<a class=${`button ${kind} ${small ? "small" : ""} ${children ? "" : "bare"}`} aria-label=${label} title=${label} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}
  </a>`;
}

export function Chip({ tone = "muted", icon, children, title }) {
  return html`<span class=${`chip ${tone}`} title=${title}>${icon && html`<${Icon} name=${icon} />`}<span>${children}</span></span>`;
}

// Names are cut in the middle, the whole one in the tooltip.
export function Middle({ text, keep = 8 }) {
  if (text.length <= keep * 2) return html`<span class="cut" title=${text}>${text}</span>`;
  return html`<span class="middle" title=${text}><span>${text.slice(0, -keep)}</span><span>${text.slice(-keep)}</span></span>`;
}

export function CopyButton({ text, label, small = true, children }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return html`<${Button} small=${small} kind="quiet" icon=${copied ? "check" : "copy"} label=${children ? undefined : label} onClick=${copy}>${children}<//>
    <span class="sr-only" aria-live="polite">${copied ? "Copied" : ""}</span>`;
}

export function Skeleton({ label, rows = 3, shape = "line" }) {
  return html`<div class="skeletons" role="status" aria-label=${label}>
    ${Array.from({ length: rows }, (_, index) => html`<div key=${index} class=${`skeleton ${shape}`}></div>`)}
  </div>`;
}

export function ProblemPanel({ problem, onRetry, inline, children }) {
  return html`<section class=${`problem ${inline ? "inline" : ""}`} role="alert">
    <${Icon} name="failed" />
    <div class="stack tight grow">
      <h2>${problem.title}</h2>
      ${problem.detail && html`<p>${problem.detail}</p>`}
      ${problem.files?.length > 0 && html`<ul class="problem-files">${problem.files.map((file) => html`<li class="mono">${file}</li>`)}</ul>`}
      ${problem.hint && html`<p class="muted">${problem.hint}</p>`}
      ${(onRetry || children || problem.request_id) &&
      html`<div class="row wrap">
        ${onRetry && html`<${Button} small icon="retry" onClick=${onRetry}>Try again<//>`}${children}
        ${problem.request_id && html`<span class="request-id mono muted">request ${problem.request_id}<${CopyButton} text=${problem.request_id} label="Copy the request id" /></span>`}
      </div>`}
    </div>
  </section>`;
}

export function EmptyState({ icon, title, children, action }) {
  return html`<div class="empty">
    ${icon && html`<${Icon} name=${icon} />`}
    <h2>${title}</h2>
    ${children && html`<p class="muted">${children}</p>`}
    ${action}
  </div>`;
}

export function Field({ label, hint, error, id, children }) {
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children}
    ${error ? html`<p class="field-error" id=${`${id}-note`} role="alert">${error}</p>` : hint && html`<p class="muted small" id=${`${id}-note`}>${hint}</p>`}
  </div>`;
}

export function Segmented({ label, value, options, onChange }) {
  return html`<div class="segmented" role="group" aria-label=${label}>
    ${options.map(
      ({ name, title, icon, count }) => html`<button key=${name} type="button" aria-pressed=${String(value === name)} onClick=${() => onChange(name)} title=${title}>
        ${icon && html`<${Icon} name=${icon} />`}<span>${title}</span>${count !== undefined && html`<span class="count">${count}</span>`}
      </button>`,
    )}
  </div>`;
}
