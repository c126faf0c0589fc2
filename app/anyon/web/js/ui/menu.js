// A menu button: arrow keys move, Escape closes and gives the focus back.
import { html, useId, useRef } from "../dom.js";
import { Icon } from "./icons.js";
import { Button } from "./parts.js";

// items: [{title, icon, run, danger?, disabled?, note?}]
export function Menu({ label, icon = "more", items, kind = "quiet", small = true, children, ...rest }) {
  const id = useId();
  const list = useRef(null);
  const button = useRef(null);
  const entries = () => [...list.current.querySelectorAll("button:not(:disabled)")];
  const place = (event) => {
    if (event.newState !== "open") return;
    const anchor = button.current.querySelector("button").getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = list.current;
    const below = anchor.bottom + 4 + height < innerHeight;
    list.current.style.left = `${Math.max(8, Math.min(anchor.right - width, innerWidth - width - 8))}px`;
    list.current.style.top = `${below ? anchor.bottom + 4 : Math.max(8, anchor.top - height - 4)}px`;
    entries()[0]?.focus();
  };
  const onKey = (event) => {
    const all = entries();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length]?.focus();
  };
  const choose = (item) => {
    list.current.hidePopover();
    item.run();
  };
  return html`<span class="menu" ref=${button}>
    <${Button} kind=${kind} small=${small} icon=${icon} label=${children ? undefined : label} aria-haspopup="menu" popovertarget=${id} ...${rest}>${children}<//>
    <div id=${id} popover="auto" class="menu-list" role="menu" aria-label=${label} ref=${list} onToggle=${place} onKeyDown=${onKey}>
      ${items.map((item) => html`<button key=${item.title} type="button" role="menuitem" class=${item.danger ? "danger" : ""} disabled=${item.disabled} onClick=${() => choose(item)}>
        ${item.icon && html`<${Icon} name=${item.icon} />`}<span class="grow">${item.title}</span>${item.note && html`<span class="muted">${item.note}</span>`}
      </button>`)}
    </div>
  </span>`;
}
