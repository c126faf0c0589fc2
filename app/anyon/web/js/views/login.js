// A one-time link logs in at once, unless somebody is logged in already; without one, the page says how to get it.
import { html, useEffect, useId, useState } from "../dom.js";
import { navigate, route } from "../router.js";
import { loadSession, logIn, session } from "../session.js";
import { Icon } from "../ui/icons.js";
import { Button, CopyButton, Field, ProblemPanel } from "../ui/parts.js";
import { usePage } from "../ui/page.js";

const COMMAND = "anyon user link EMAIL";

// The token of "http://host/login#token=abc", or of "abc".
export function tokenOf(text) {
  const trimmed = text.trim();
  const found = /[#&?]token=([^&\s]+)/.exec(trimmed);
  return found ? decodeURIComponent(found[1]) : trimmed;
}

const fromAddress = () => (location.hash.startsWith("#token=") ? tokenOf(location.hash) : null);
const inside = (path) => (path?.startsWith("/") && !path.startsWith("//") ? path : "/");

// Whoever sent the link may want what is done here to be done in an account of theirs.
function Question({ user, onSwitch, onStay }) {
  return html`<section class="stack" aria-label="You are logged in already">
    <p>You are logged in as <strong>${user.name || user.email}</strong>${user.name && ` (${user.email})`}. This link may lead to another account, and what you do from then on is done there.</p>
    <${Button} kind="primary" onClick=${onStay}>Stay logged in as ${user.name || user.email}<//>
    <${Button} onClick=${onSwitch}>Log in by this link instead<//>
  </section>`;
}

export function Login() {
  usePage("Log in");
  const [problem, setProblem] = useState(null);
  const [offered, setOffered] = useState(fromAddress); // the token of a link that was opened
  const [entering, setEntering] = useState(false);
  const [text, setText] = useState("");
  const id = useId();

  const { status, data, problem: unknown } = session.value;
  const next = () => inside(route.peek().query.get("next"));

  const enter = async (token) => {
    const before = session.peek().status === "ready";
    setOffered(null);
    setEntering(true);
    setProblem(null);
    const refused = await logIn(token);
    if (!refused && before) {
      // a page that starts anew holds nothing of the account before
      history.replaceState({}, "", next());
      location.reload();
      return;
    }
    if (refused && before) await loadSession();
    setEntering(false);
    if (refused) setProblem(refused);
    else navigate(next(), { replace: true });
  };
  useEffect(() => {
    const take = () => {
      const token = fromAddress();
      if (!token) return;
      history.replaceState({}, "", location.pathname + location.search);
      setOffered(token);
    };
    take();
    addEventListener("hashchange", take);
    return () => removeEventListener("hashchange", take);
  }, []);
  useEffect(() => {
    if (offered && status === "anonymous") enter(offered);
  }, [offered, status]);
  const submit = (event) => {
    event.preventDefault();
    if (text.trim()) enter(tokenOf(text));
  };
  const busy = entering || (offered !== null && status === "loading");
  const asked = offered !== null && status === "ready";

  return html`<main class="login" id="main">
    <div class="login-card">
      <div class="brand large"><${Icon} name="brand" />anyon</div>
      <h1>Log in</h1>
      ${asked && html`<${Question} user=${data.user} onSwitch=${() => enter(offered)} onStay=${() => navigate(next(), { replace: true })} />`}
      ${status === "ready" && !busy && !asked && html`<p>You are logged in as <strong>${data.user.email}</strong>. <a class="link" href="/">Go to Projects</a></p>`}
      ${problem && html`<${ProblemPanel} inline problem=${problem} />`}
      ${offered !== null && status === "failed" && html`<${ProblemPanel} inline problem=${unknown} onRetry=${loadSession} />`}
      ${!asked && html`<form class="stack" onSubmit=${submit}>
        <${Field} id=${id} label="One-time link" hint="Paste the whole link, or its token. Each link works once.">
          <input id=${id} class="input mono" autocomplete="off" spellcheck=${false} placeholder="http://…/login#token=…" value=${text} aria-describedby=${`${id}-note`} onInput=${(event) => setText(event.target.value)} />
        <//>
        <${Button} kind="primary" type="submit" busy=${busy} disabled=${!text.trim()}>Log in<//>
      </form>
      <section class="login-help">
        <h2>No link yet?</h2>
        <p class="muted">Ask an administrator, or run this where Anyon is installed:</p>
        <div class="command"><code>${COMMAND}</code><${CopyButton} text=${COMMAND} label="Copy the command" /></div>
      </section>`}
    </div>
  </main>`;
}
