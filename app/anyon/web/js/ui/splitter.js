// The line between two panes: dragged, or moved with the arrow keys; its place is remembered.
import { html } from "../dom.js";

const LEAST = 0.15;
const STEP = 0.03;
const clamp = (share) => Math.min(1 - LEAST, Math.max(LEAST, share));

export function Splitter({ label, value, vertical, area }) {
  const drag = (event) => {
    event.preventDefault();
    const handle = event.currentTarget;
    const box = area.current.getBoundingClientRect();
    handle.setPointerCapture(event.pointerId);
    const move = ({ clientX, clientY }) => {
      value.value = clamp(vertical ? (clientX - box.left) / box.width : (clientY - box.top) / box.height);
    };
    const end = () => handle.removeEventListener("pointermove", move);
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end, { once: true });
  };
  const key = (event) => {
    const by = { ArrowLeft: -STEP, ArrowUp: -STEP, ArrowRight: STEP, ArrowDown: STEP }[event.key];
    if (!by) return;
    event.preventDefault();
    value.value = clamp(value.value + by);
  };
  return html`<div class=${`splitter ${vertical ? "vertical" : "horizontal"}`} role="separator" tabindex="0" aria-label=${label} aria-orientation=${vertical ? "vertical" : "horizontal"}
    aria-valuemin="15" aria-valuemax="85" aria-valuenow=${Math.round(value.value * 100)} onPointerDown=${drag} onKeyDown=${key} onDblClick=${() => (value.value = 0.5)}></div>`;
}
