// Thin lines under the top line: a lost connection, and a host that does not isolate workspaces.
import { html } from "../dom.js";
import { span } from "../format.js";
import { lostSince, reconnectNow } from "../live.js";
import { preference } from "../preferences.js";
import { session } from "../session.js";
import { now } from "../ui/clock.js";
import { Icon } from "../ui/icons.js";
import { Button } from "../ui/parts.js";

const GRACE = 800; // ms; a blink of the network is not worth a line

export function OfflineBar() {
  const since = lostSince.value;
  if (since === null || now.value - since < GRACE) return null;
  return html`<div class="banner offline" role="status">
    <${Icon} name="offline" /><span class="grow">Connection lost ${span((now.value - since) / 1000)} ago. Reconnecting; nothing is lost.</span>
    <${Button} small kind="quiet" onClick=${reconnectNow}>Try now<//>
  </div>`;
}

const folded = preference("isolation-folded", "");

export function IsolationBanner() {
  const isolation = session.value.data?.isolation;
  if (!isolation || isolation.isolated || folded.value === isolation.note) return null;
  return html`<div class="banner warning" role="note" aria-label="Isolation">
    <${Icon} name="warning" /><span class="grow"><strong>Not isolated.</strong> ${isolation.note}</span>
    <${Button} small kind="quiet" onClick=${() => (folded.value = isolation.note)}>Hide<//>
  </div>`;
}
