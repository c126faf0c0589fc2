// The projects of this user, and what each one waits for.
import { get, getAll, patch, post } from "../api.js";
import { computed } from "../dom.js";
import { collection, resource } from "../resource.js";
import { route } from "../router.js";

const byName = (one, other) => one.name.localeCompare(other.name, undefined, { sensitivity: "accent" }) || (one.id < other.id ? -1 : 1);
export const projects = collection(() => getAll("/api/projects"), byName);
export const executors = resource(() => get("/api/executors"));

export const needsMe = computed(() => (projects.state.value.data ?? []).reduce((sum, project) => sum + project.needs_me, 0));

// The project of the current address: undefined while loading, null when there is none.
export const currentProject = computed(() => {
  const { status, data } = projects.state.value;
  const { slug } = route.value.params;
  if (!slug) return null;
  return status === "ready" ? (data.find((project) => project.slug === slug) ?? null) : undefined;
});

export const createProject = (fields) => projects.take(post("/api/projects", fields));
export const changeProject = (project, fields) => projects.take(patch(`/api/projects/${project.id}`, fields));
export const retryImport = (project) => projects.take(post(`/api/projects/${project.id}/retry`));

// Counts are the server's; many events in a row cause one reload, and events without end do not put it off.
let timer = 0;
export function refreshProjectsSoon() {
  timer ||= setTimeout(() => {
    timer = 0;
    projects.load();
  }, 400);
}

export const executorNamed = (name) => executors.state.value.data?.find((executor) => executor.name === name);
export const executorTitle = (name) => executorNamed(name)?.title ?? name ?? "";
