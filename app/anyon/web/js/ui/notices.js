// What is said to a person outside the view: toasts, and the line for screen readers.
import { signal } from "../dom.js";

export const notices = signal([]);
export const spoken = signal("");

let nextId = 1;
const STAYS = 6_000;
export const UNDO_WINDOW = 10_000;

export function dismiss(id) {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

// {text} | {problem}, with an optional {action, run}. A problem stays until it is closed.
export function notify(notice, stays = notice.problem ? 0 : STAYS) {
  const id = nextId++;
  notices.value = [...notices.value.slice(-3), { ...notice, id }];
  if (stays) setTimeout(() => dismiss(id), stays);
  return id;
}

export function announce(text) {
  spoken.value = text;
}

// Does `run` after ten seconds unless the person takes it back; leaving the page does it at once.
export function undoable(text, run) {
  let open = true;
  const finish = () => {
    if (!open) return;
    open = false;
    removeEventListener("pagehide", finish);
    clearTimeout(timer);
    run();
  };
  const timer = setTimeout(finish, UNDO_WINDOW);
  addEventListener("pagehide", finish);
  notify(
    {
      text,
      action: "Undo",
      run: () => {
        open = false;
        clearTimeout(timer);
        removeEventListener("pagehide", finish);
      },
    },
    UNDO_WINDOW,
  );
}
