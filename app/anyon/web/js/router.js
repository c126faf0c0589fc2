// Addresses: the table of places, the current one, and moving between them.
import { signal } from "./dom.js";

const PLACES = [
  ["login", "/login"],
  ["projects", "/"],
  ["board", "/p/:slug"],
  ["terminals", "/p/:slug/terminals"],
  ["settings", "/p/:slug/settings"],
  ["task", "/p/:slug/t/:task"],
  ["attempt", "/p/:slug/t/:task/:attempt"],
  ["account", "/me"],
  ["admin", "/admin"],
].map(([name, pattern]) => ({ name, parts: pattern.split("/") }));

function match(pathname) {
  const parts = pathname.replace(/\/+$/, "").split("/");
  if (parts.length === 1) parts.push("");
  for (const place of PLACES) {
    if (place.parts.length !== parts.length) continue;
    const params = {};
    const fits = place.parts.every((part, index) => {
      if (!part.startsWith(":")) return part === parts[index];
      params[part.slice(1)] = decodeURIComponent(parts[index]);
      return parts[index] !== "";
    });
    if (fits) return { name: place.name, params };
  }
  return { name: "unknown", params: {} };
}

const read = () => ({ ...match(location.pathname), query: new URLSearchParams(location.search), path: location.pathname });

export const route = signal(read());

export function navigate(path, { replace = false } = {}) {
  if (path === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"]({}, "", path);
  route.value = read();
}

export const links = {
  projects: () => "/",
  board: (project) => `/p/${project.slug}`,
  terminals: (project, id) => `/p/${project.slug}/terminals${id ? `?terminal=${id}` : ""}`,
  settings: (project) => `/p/${project.slug}/settings`,
  task: (project, task) => `/p/${project.slug}/t/${task.number}`,
  attempt: (project, task, attempt) => `/p/${project.slug}/t/${task.number}/${attempt.number}`,
};

function followLink(event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const anchor = event.target.closest?.("a[href]");
  if (!anchor || anchor.target || anchor.origin !== location.origin || anchor.hasAttribute("download")) return;
  if (anchor.pathname.startsWith("/api/")) return;
  if (anchor.hash && anchor.pathname === location.pathname) return;
  event.preventDefault();
  navigate(anchor.pathname + anchor.search);
}

export function startRouter() {
  addEventListener("popstate", () => (route.value = read()));
  document.addEventListener("click", followLink);
}
