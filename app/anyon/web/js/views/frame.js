// What stays around every place: rail, top line, banners; the palette and the shortcut sheet hang here.
import { html, useState } from "../dom.js";
import { currentProject } from "../data/projects.js";
import { shortcut, useShortcut } from "../keys.js";
import { links, navigate, route } from "../router.js";
import { isAdmin } from "../session.js";
import { show } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";
import { Button, Keys, Middle } from "../ui/parts.js";
import { IsolationBanner, OfflineBar } from "./banners.js";
import { Palette } from "./palette.js";
import { Rail } from "./rail.js";
import { ShortcutSheet } from "./shortcuts.js";
import { WorkspaceState } from "./workspace_state.js";

const PLACE_NAMES = { projects: "Projects", board: "Board", terminals: "Terminals", settings: "Settings", account: "Account", admin: "Administration" };

function Crumbs() {
  const project = currentProject.value;
  const { name, params } = route.value;
  const steps = [];
  if (project) steps.push([project.name, links.board(project)]);
  if (PLACE_NAMES[name]) steps.push([PLACE_NAMES[name], null]);
  if (params.task) steps.push([`#${params.task}`, params.attempt && project ? `/p/${params.slug}/t/${params.task}` : null]);
  if (params.attempt) steps.push([`Attempt ${params.attempt}`, null]);
  return html`<nav aria-label="Where am I" class="crumbs"><ol>
    ${steps.map(([title, href], index) => html`<li key=${index}>
      ${index > 0 && html`<${Icon} name="right" />`}
      ${href && index < steps.length - 1 ? html`<a href=${href}><${Middle} text=${title} /></a>` : html`<span aria-current="page"><${Middle} text=${title} /></span>`}
    </li>`)}
  </ol></nav>`;
}

function useGlobalShortcuts(openPalette, openHelp) {
  useShortcut("palette", openPalette);
  useShortcut("help", openHelp);
  useShortcut("search", openPalette); // where a view has no search of its own
  useShortcut("projects", () => navigate("/"));
  useShortcut("account", () => navigate("/me"));
  useShortcut("admin", () => navigate("/admin"), isAdmin());
  useShortcut("board", () => navigate(links.board(currentProject.peek())), Boolean(currentProject.value));
}

let paletteIsOpen = false;
export function openPalette() {
  if (paletteIsOpen) return;
  paletteIsOpen = true;
  const close = show(() => html`<${Palette} onClose=${() => {
    paletteIsOpen = false;
    close();
  }} />`);
}

export function openHelp() {
  const close = show(() => html`<${ShortcutSheet} onClose=${() => close()} />`);
}

export function Frame({ children, mainRef }) {
  const [railOpen, setRailOpen] = useState(false);
  const project = currentProject.value;
  useGlobalShortcuts(openPalette, openHelp);
  return html`<div class="frame">
    <a class="skip" href="#main">Skip to the content</a>
    <${Rail} open=${railOpen} onClose=${() => setRailOpen(false)} />
    <div class="content">
      <header class="topbar">
        <${Button} kind="quiet" icon="menu" label="Open the menu" class="only-narrow" aria-expanded=${String(railOpen)} onClick=${() => setRailOpen(true)} />
        <${Crumbs} />
        <div class="topbar-tools">
          ${project && html`<${WorkspaceState} key=${project.id} project=${project} />`}
          <button type="button" class="find" onClick=${openPalette} aria-keyshortcuts=${shortcut("palette").keys[0] === "mod+k" ? "Control+K Meta+K" : undefined}>
            <${Icon} name="search" /><span class="only-wide">Find</span><${Keys} id="palette" />
          </button>
          <${Button} kind="quiet" icon="keyboard" label="Shortcuts" class="only-wide" onClick=${openHelp} />
        </div>
      </header>
      <${OfflineBar} />
      <${IsolationBanner} />
      <main id="main" tabindex="-1" ref=${mainRef}>${children}</main>
    </div>
  </div>`;
}
