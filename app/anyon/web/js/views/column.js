// One column of the board: its head, its cards, and where a dragged card would land.
import { html, useState } from "../dom.js";
import { Icon } from "../ui/icons.js";
import { Button } from "../ui/parts.js";
import { Card } from "./card.js";

// The id of the card above which the pointer is, or null for the end.
function cardBelow(list, y) {
  for (const card of list.querySelectorAll("[data-task]")) {
    const box = card.getBoundingClientRect();
    if (y < box.top + box.height / 2) return card.dataset.task;
  }
  return null;
}

export function Column({ project, state, tasks, dragged, onDrag, onDrop, folded, onFold, onNew, shown }) {
  const [before, setBefore] = useState(undefined); // undefined: nothing is dragged over this column
  const over = (event) => {
    if (!dragged) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    setBefore(cardBelow(event.currentTarget, event.clientY));
  };
  const leave = (event) => {
    if (!event.currentTarget.contains(event.relatedTarget)) setBefore(undefined);
  };
  const drop = (event) => {
    event.preventDefault();
    onDrop(state.name, before);
    setBefore(undefined);
  };
  const dropping = dragged && before !== undefined;
  const handlers = { onDragOver: over, onDragLeave: leave, onDrop: drop };
  const heading = html`<h2 class="row"><span class=${`tone ${state.name}`}><${Icon} name=${state.name} /></span>${state.title} <span class="count">${tasks.length}</span></h2>`;

  if (folded) {
    return html`<section class=${`column folded ${dropping ? "over" : ""} ${shown ? "shown" : ""}`} aria-label=${state.title} ...${handlers}>
      <button type="button" class="column-unfold" onClick=${onFold} aria-expanded="false" title="Show the cancelled tasks">${heading}</button>
      <ol class="cards only-narrow">${tasks.map((task) => html`<${Card} key=${task.id} project=${project} task=${task} onDrag=${onDrag} />`)}</ol>
    </section>`;
  }
  return html`<section class=${`column ${dropping ? "over" : ""} ${shown ? "shown" : ""}`} aria-label=${state.title} ...${handlers}>
    <header class="column-head">${heading}
      ${(state.name === "todo" || state.name === "in_progress") && html`<${Button} small kind="quiet" icon="plus" label=${state.name === "todo" ? "New task in To do" : "New task, started at once"} onClick=${onNew} class="push" />`}
      ${onFold && html`<${Button} small kind="quiet" icon="right" label="Fold the cancelled tasks" onClick=${onFold} class="push only-wide" />`}
    </header>
    <ol class="cards">
      ${tasks.map((task) => html`<${Card} key=${task.id} project=${project} task=${task} onDrag=${onDrag} dragged=${dragged === task.id} landing=${dropping && before === task.id} />`)}
      ${dropping && before === null && html`<li class="landing" aria-hidden="true"></li>`}
    </ol>
    ${tasks.length === 0 && html`<p class="column-empty muted small">${state.empty}</p>`}
  </section>`;
}
