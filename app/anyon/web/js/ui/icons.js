// One set of icons: 16 px, drawn with the colour of the text around them.
import { html } from "../dom.js";

const STROKES = {
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.5l3.2 3.2L13 5",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.2 3.2",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  up: "M4 10l4-4 4 4",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  board: "M2.5 3.5h3v9h-3zM6.5 3.5h3v6h-3zM10.5 3.5h3v7.5h-3z",
  terminal: "M2.5 3h11v10h-11zM5 6l2 2-2 2M8.5 10h2.5",
  settings: "M2.5 5h6M11.5 5h2M2.5 11h2M7.5 11h6M10 3.4v3.2M6 9.4v3.2",
  expand: "M9.5 2.5h4v4M6.5 13.5h-4v-4M13.5 2.5l-4.5 4.5M2.5 13.5L7 9",
  shrink: "M13 7H9V3M3 9h4v4M9 7l4.5-4.5M7 9l-4.5 4.5",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  external: "M6.5 3h-4v10.5H13v-4M9.5 2.5h4v4M13.5 2.5L8 8",
  wrap: "M2.5 4h11M2.5 8h8.5a2 2 0 0 1 0 4H8M9.5 10.2L7.5 12l2 1.8M2.5 12h2",
  end: "M8 2.5v8M4.5 7.5L8 11l3.5-3.5M3 13.5h10",
  branch: "M5 4.5v7M5 4.5a1.25 1.25 0 1 0 0-2.5 1.25 1.25 0 0 0 0 2.5zM5 14a1.25 1.25 0 1 0 0-2.5A1.25 1.25 0 0 0 5 14zM11.5 6.5a1.25 1.25 0 1 0 0-2.5 1.25 1.25 0 0 0 0 2.5zM11.5 6.5c0 2.5-6.5 1.5-6.5 5",
  merge: "M4.5 4.5v7M4.5 4.5a1.25 1.25 0 1 0 0-2.5 1.25 1.25 0 0 0 0 2.5zM4.5 14a1.25 1.25 0 1 0 0-2.5 1.25 1.25 0 0 0 0 2.5zM4.5 4.5c0 3 2.5 4 5.5 4M11.5 9.75a1.25 1.25 0 1 0 0-2.5 1.25 1.25 0 0 0 0 2.5z",
  rebase: "M13 8a5 5 0 0 1-9 3M3 8a5 5 0 0 1 9-3M12 2.5V5H9.5M4 13.5V11h2.5",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9M6.8 7v4M9.2 7v4",
  retry: "M3 8a5 5 0 1 0 1.6-3.7M4.5 1.8v2.7h2.7",
  stop: "M4.5 4.5h7v7h-7z",
  play: "M5 3.2l7.5 4.8L5 12.8z",
  pin: "M6 2.5h4l-.5 4L12 9H4l2.5-2.5zM8 9v4.5",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  user: "M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8zM3 13.5c.4-2.5 2.4-3.7 5-3.7s4.6 1.2 5 3.7",
  shield: "M8 1.8l5 1.9v3.8c0 3.2-2 5.4-5 6.7-3-1.3-5-3.5-5-6.7V3.7z",
  project: "M2 4.5h4l1.3 1.5H14v7H2z",
  file: "M4 2h5l3 3v9H4zM9 2v3h3",
  split: "M2.5 3h11v10h-11zM8 3v10",
  unified: "M2.5 3h11v10h-11zM5 6.5h6M5 9.5h6",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.8V8l2.2 1.6",
  key: "M9.5 9.5a3.5 3.5 0 1 0-3-3L2.5 10.5v3h3v-2h2v-2z",
  keyboard: "M1.5 4h13v8h-13zM4 6.5h.01M6.7 6.5h.01M9.3 6.5h.01M12 6.5h.01M5 9.5h6",
  warning: "M8 2.2l6.3 11.3H1.7zM8 6.3v3.4M8 11.6h.01",
  offline: "M2 2l12 12M4.5 8.5a5 5 0 0 1 2-1.2M2.3 6.3a8.5 8.5 0 0 1 2.2-1.5M13.7 6.3A8.5 8.5 0 0 0 7 4.1M11.5 8.5a5 5 0 0 0-1.5-1M8 12h.01",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5.3a2.5 2.5 0 0 1 5 0v2.2",
  logout: "M6.5 2.5h-4v11h4M6 8h7.5M11 5.3L13.7 8 11 10.7",
  paste: "M5.5 3h-2v11h9V3h-2M5.5 2h5v2.5h-5z",
  failed: "M8 2.2l6.3 11.3H1.7zM8 6.3v3.4M8 11.6h.01",
  cancelled: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM5.5 8h5",
  stopped: "M8 12.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9z",
};

// Shapes that tell states apart without colour.
const SHAPES = {
  todo: html`<circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="2.2 2.12" />`,
  in_progress: html`<circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="1.5" /><path d="M8 4.75a3.25 3.25 0 0 1 0 6.5z" fill="currentColor" />`,
  in_review: html`<circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="1.5" /><circle cx="8" cy="8" r="2.4" fill="currentColor" />`,
  review: html`<circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="1.5" /><circle cx="8" cy="8" r="2.4" fill="currentColor" />`,
  done: html`<circle cx="8" cy="8" r="6.25" fill="currentColor" /><path d="M5.3 8.2l1.9 1.9 3.5-3.9" fill="none" stroke="var(--color-surface)" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />`,
  running: html`<circle cx="8" cy="8" r="4.5" fill="currentColor" />`,
  working: html`<circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="1.5" opacity="0.3" /><path class="turning" d="M8 2.5a5.5 5.5 0 0 1 5.5 5.5" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" />`,
  brand: html`<path d="M3 13C3 8 13 8 13 3M3 3c0 2 1.6 3.2 3.5 4M9.5 9c1.9.8 3.5 2 3.5 4" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" />`,
};

export function Icon({ name, label }) {
  const shape = SHAPES[name] ?? html`<path d=${STROKES[name]} fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" />`;
  return html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden=${label ? undefined : "true"} role=${label ? "img" : undefined} aria-label=${label}>${shape}</svg>`;
}
