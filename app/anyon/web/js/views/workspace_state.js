// "running · idle in 24 min" in the top line, with what keeps the workspace awake behind it.
import { html, useEffect, useState } from "../dom.js";
import { get } from "../api.js";
import { workspaceChanges } from "../data/events.js";
import { duration, seconds } from "../format.js";
import { resource } from "../resource.js";
import { links } from "../router.js";
import { now } from "../ui/clock.js";
import { Icon } from "../ui/icons.js";
import { lookOfProject } from "./rail.js";

const AGAIN = 60_000; // ms between two looks; looking never keeps a workspace awake

export function useIdle(project) {
  const [idle] = useState(() => resource(() => get(`/api/projects/${project.id}/idle`)));
  useEffect(() => {
    if (project.state !== "ready") return undefined;
    idle.load();
    const timer = setInterval(() => !document.hidden && idle.load(), AGAIN);
    const onChange = (event) => event.detail === project.id && idle.load();
    workspaceChanges.addEventListener("change", onChange);
    return () => {
      clearInterval(timer);
      workspaceChanges.removeEventListener("change", onChange);
    };
  }, [project.id, project.state, project.workspace?.state, project.counts?.in_progress]);
  return idle;
}

// The sentence about when it stops, or why it does not.
export function describeIdle(project, idle, time) {
  const look = lookOfProject(project);
  if (project.workspace?.state !== "running" || !idle) return look.word;
  const pin = idle.kept_awake_by.find((lease) => lease.kind === "pin");
  if (pin) return "running · kept awake";
  if (idle.kept_awake_by.length) return "running · in use";
  if (!idle.stops_at) return "running";
  const left = seconds(idle.stops_at) - time / 1000;
  return left > 0 ? `running · idle in ${duration(left)}` : "running · stops soon";
}

export function WorkspaceState({ project }) {
  const idle = useIdle(project);
  const look = lookOfProject(project);
  const { data } = idle.state.value;
  const reasons = data?.kept_awake_by?.map((lease) => lease.label).join(", ");
  return html`<a class="workspace-state" href=${`${links.settings(project)}`} title=${reasons ? `Kept awake by ${reasons}` : "Workspace settings"}>
    <span class=${`tone ${look.tone}`}><${Icon} name=${look.icon} /></span><span class="only-wide">${describeIdle(project, data, now.value)}</span><span class="sr-only only-narrow">${look.word}</span>
  </a>`;
}
