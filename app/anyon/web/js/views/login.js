// A one-time link logs in at once; without one, the page says how to get it.
import { html, useEffect, useId, useState } from "../dom.js";
import { navigate, route } from "../router.js";
import { logIn, session } from "../session.js";
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

const inside = (path) => (path?.startsWith("/") && !path.startsWith("//") ? path : "/");

export function Login() {
  usePage("Log in");
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(Boolean(tokenOf(location.hash)));
  const [text, setText] = useState("");
  const id = useId();

  const enter = async (token) => {
    setBusy(true);
    setProblem(null);
    const refused = await logIn(token);
    setBusy(false);
    if (refused) setProblem(refused);
    else navigate(inside(route.peek().query.get("next")), { replace: true });
  };
  useEffect(() => {
    const fromAddress = () => {
      const token = location.hash.startsWith("#token=") && tokenOf(location.hash);
      if (!token) return;
      history.replaceState({}, "", location.pathname + location.search);
      enter(token);
    };
    fromAddress();
    addEventListener("hashchange", fromAddress);
    return () => removeEventListener("hashchange", fromAddress);
  }, []);
  const submit = (event) => {
    event.preventDefault();
    if (text.trim()) enter(tokenOf(text));
  };
  const known = session.value.status === "ready" && !busy;

  return html`<main class="login" id="main">
    <div class="login-card">
      <div class="brand large"><${Icon} name="brand" />anyon</div>
      <h1>Log in</h1>
      ${known && html`<p>You are logged in as <strong>${session.value.data.user.email}</strong>. <a class="link" href="/">Go to Projects</a></p>`}
      ${problem && html`<${ProblemPanel} inline problem=${problem} />`}
      <form class="stack" onSubmit=${submit}>
        <${Field} id=${id} label="One-time link" hint="Paste the whole link, or its token. Each link works once.">
          <input id=${id} class="input mono" autocomplete="off" spellcheck=${false} placeholder="http://…/login#token=…" value=${text} aria-describedby=${`${id}-note`} onInput=${(event) => setText(event.target.value)} />
        <//>
        <${Button} kind="primary" type="submit" busy=${busy} disabled=${!text.trim()}>Log in<//>
      </form>
      <section class="login-help">
        <h2>No link yet?</h2>
        <p class="muted">Ask an administrator, or run this where Anyon is installed:</p>
        <div class="command"><code>${COMMAND}</code><${CopyButton} text=${COMMAND} label="Copy the command" /></div>
      </section>
    </div>
  </main>`;
}
