// Starts the page: session first, then the live socket, then whatever the address names.
import { effect, html, render } from "./dom.js";
import { applyEvent, forgetAll, reloadAll } from "./data/events.js";
import { executors, projects } from "./data/projects.js";
import { startKeys } from "./keys.js";
import { startLive, stopLive } from "./live.js";
import { startRouter } from "./router.js";
import { loadSession, session } from "./session.js";
import { App } from "./views/app.js";

startRouter();
startKeys();

let started = false;
effect(() => {
  const ready = session.value.status === "ready";
  if (ready && !started) {
    started = true;
    projects.load();
    executors.load();
    startLive({ onEvent: applyEvent, onResync: reloadAll });
  } else if (!ready && started && session.value.status === "anonymous") {
    started = false;
    stopLive();
    forgetAll();
  }
});

render(html`<${App} />`, document.getElementById("app"));
loadSession();

