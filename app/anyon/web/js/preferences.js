// What this browser remembers: each value under its own key, changes seen by everybody who reads the signal.
import { signal } from "./dom.js";

const known = new Map();

function read(key, fallback) {
  try {
    const stored = localStorage.getItem(`anyon.${key}`);
    return stored === null ? fallback : JSON.parse(stored);
  } catch {
    return fallback;
  }
}

export function preference(key, fallback) {
  if (!known.has(key)) {
    const value = signal(read(key, fallback));
    known.set(key, {
      get value() {
        return value.value;
      },
      set value(next) {
        value.value = next;
        try {
          localStorage.setItem(`anyon.${key}`, JSON.stringify(next));
        } catch {
          // a full or forbidden store only means that the choice is not remembered
        }
      },
    });
  }
  return known.get(key);
}

const SYSTEM = matchMedia("(prefers-color-scheme: dark)");
const stored = localStorage.getItem("anyon.theme");
export const theme = signal(stored === "light" || stored === "dark" ? stored : "system");
export const dark = signal(false);

function applyTheme() {
  const chosen = theme.peek();
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  dark.value = chosen === "system" ? SYSTEM.matches : chosen === "dark";
}

export function chooseTheme(name) {
  theme.value = name;
  if (name === "system") localStorage.removeItem("anyon.theme");
  else localStorage.setItem("anyon.theme", name);
  applyTheme();
}

SYSTEM.addEventListener("change", applyTheme);
applyTheme();
