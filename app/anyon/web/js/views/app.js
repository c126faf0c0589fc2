// Chooses the view for the address and puts the frame around it.
import { html, useEffect, useRef } from "../dom.js";
import { currentProject, projects } from "../data/projects.js";
import { navigate, route } from "../router.js";
import { loadSession, session } from "../session.js";
import { EmptyState, LinkButton, ProblemPanel, Skeleton } from "../ui/parts.js";
import { NoticeArea } from "../ui/notice_area.js";
import { usePage } from "../ui/page.js";
import { Account } from "./account.js";
import { Admin } from "./admin.js";
import { AttemptPage } from "./attempt.js";
import { Board } from "./board.js";
import { Frame } from "./frame.js";
import { Login } from "./login.js";
import { Projects } from "./projects.js";
import { ProjectSettings } from "./settings.js";
import { TaskPage } from "./task.js";
import { TerminalsPage } from "./terminals.js";

const OF_PROJECT = { board: Board, terminals: TerminalsPage, settings: ProjectSettings, task: TaskPage, attempt: AttemptPage };
const PLAIN = { projects: Projects, account: Account, admin: Admin };

export function NotHere({ what }) {
  usePage(`${what} not found`);
  return html`<${EmptyState} icon="search" title=${`There is no such ${what}`} action=${html`<${LinkButton} href="/">Go to Projects<//>`}>
    It may have been deleted, or it belongs to somebody else.
  <//>`;
}

function OfProject({ view: View }) {
  const project = currentProject.value;
  const { status, problem } = projects.state.value;
  if (status === "failed") return html`<div class="page"><${ProblemPanel} problem=${problem} onRetry=${projects.load} /></div>`;
  if (project === undefined) return html`<div class="page"><${Skeleton} label="Loading the project" rows=${4} /></div>`;
  if (project === null) return html`<${NotHere} what="project" />`;
  return html`<${View} key=${project.id} project=${project} />`;
}

function Place() {
  const { name } = route.value;
  if (OF_PROJECT[name]) return html`<${OfProject} view=${OF_PROJECT[name]} />`;
  if (PLAIN[name]) return html`<${PLAIN[name]} />`;
  return html`<${NotHere} what="page" />`;
}

function Inside() {
  const main = useRef(null);
  const first = useRef(true);
  const { path } = route.value;
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [path]);
  return html`<${Frame} mainRef=${main}><${Place} /><//>`;
}

export function App() {
  const { status, problem } = session.value;
  const { name, path } = route.value;
  const atLogin = name === "login";
  useEffect(() => {
    if (status === "anonymous" && !atLogin) navigate(`/login?next=${encodeURIComponent(path + location.search)}`, { replace: true });
  }, [status, atLogin]);
  let body = html`<div class="page narrow"><${Skeleton} label="Loading" /></div>`;
  if (atLogin) body = html`<${Login} />`;
  else if (status === "failed") body = html`<main class="page narrow"><${ProblemPanel} problem=${problem} onRetry=${loadSession} /></main>`;
  else if (status === "ready") body = html`<${Inside} />`;
  return html`${body}<${NoticeArea} />`;
}
