// Names the current place: document title with the count of what needs me, and the words a screen reader hears.
import { useEffect } from "../dom.js";
import { needsMe } from "../data/projects.js";
import { announce } from "./notices.js";

export function usePage(title) {
  const waiting = needsMe.value;
  useEffect(() => {
    if (!title) return;
    document.title = `${waiting ? `(${waiting}) ` : ""}${title} · Anyon`;
  }, [title, waiting]);
  useEffect(() => {
    if (title) announce(title);
  }, [title]);
}
