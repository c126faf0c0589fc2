// The terminals of a project.
import { html, useEffect } from "../dom.js";
import { useShortcut } from "../keys.js";
import { links, navigate, route } from "../router.js";
import { TerminalPane, TerminalTabs, useTerminals } from "../terminal/pane.js";
import { usePage } from "../ui/page.js";

export function TerminalsPage({ project }) {
  usePage(`Terminals of ${project.name}`);
  const terminals = useTerminals(project);
  const wanted = route.value.query.get("terminal");
  useEffect(() => {
    if (wanted) terminals.choose(wanted);
  }, [wanted]);
  useEffect(() => {
    if (terminals.current && terminals.current.id !== wanted) navigate(links.terminals(project, terminals.current.id), { replace: true });
  }, [terminals.current?.id]);
  // not another one: the letter may belong to what is typed while the first one opens
  useShortcut("terminal", () => (terminals.current ? document.querySelector(".xterm-helper-textarea")?.focus() : terminals.start()));
  useShortcut("back", () => navigate(links.board(project)));
  return html`<div class="pane whole"><header class="pane-head"><h1 class="pane-title">Terminals</h1><${TerminalTabs} terminals=${terminals} /></header>
    <${TerminalPane} terminals=${terminals} visible focused starts=${false} where="the project's workspace" /></div>`;
}
