// Time on screen: one ticking signal for all, relative words with the absolute time in the tooltip.
import { html, signal } from "../dom.js";
import { absolute, ago, clock } from "../format.js";

export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
document.addEventListener("visibilitychange", () => (now.value = Date.now()));

// <Ago time="2026-01-01T00:00:00Z" />
export function Ago({ time, prefix = "" }) {
  if (!time) return null;
  return html`<time datetime=${time} title=${absolute(time)}>${prefix}${ago(time, now.value)}</time>`;
}

// A running stopwatch since `time`, or the fixed `seconds`.
export function Elapsed({ time, seconds }) {
  const value = seconds ?? (now.value - Date.parse(time)) / 1000;
  return html`<span class="elapsed">${clock(value)}</span>`;
}
