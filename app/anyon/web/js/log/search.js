// The line in which a pane is searched: Enter goes to the next hit, Shift Enter back, Escape closes.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../dom.js";
import { Button } from "../ui/parts.js";

const PAUSE = 120; // ms of silence before a search starts

export function SearchBar({ label, count, index, onSearch, onStep, onClose }) {
  const [text, setText] = useState("");
  const input = useRef(null);
  const started = useRef(false);
  useLayoutEffect(() => input.current.focus(), []); // before the next key arrives
  useEffect(() => {
    if (!started.current && !text) return undefined;
    started.current = true;
    const timer = setTimeout(() => onSearch(text), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  const onKey = (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      onStep(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
    }
  };
  const result = text ? (count ? `${index >= 0 ? index + 1 : "–"} of ${count}` : "no hits") : "";
  return html`<div class="search-bar" role="search">
    <input ref=${input} class="input small" type="search" aria-label=${label} placeholder=${label} value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${onKey} spellcheck=${false} autocomplete="off" />
    <span class="small muted" role="status">${result}</span>
    <${Button} small kind="quiet" icon="up" label="Previous hit" onClick=${() => onStep(-1)} />
    <${Button} small kind="quiet" icon="down" label="Next hit" onClick=${() => onStep(1)} />
    <${Button} small kind="quiet" icon="close" label="Close the search" onClick=${onClose} />
  </div>`;
}
