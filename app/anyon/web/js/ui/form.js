// A form whose request is under way, or was refused.
import { useState } from "../dom.js";

// `send()` answers {data?, problem?}; `done(data)` follows when there was no problem. Nothing is sent unless `ready`.
export function useSubmit(send, done, ready = true) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    setProblem(null);
    const answer = await send();
    setBusy(false);
    if (answer?.problem) setProblem(answer.problem);
    else done?.(answer?.data);
  };
  return { busy, problem, submit };
}
