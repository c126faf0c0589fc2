// j and k move the real focus through the items of a list; the item says what is focused by [data-focus].
import { useShortcut } from "../keys.js";

export function useListKeys(list, enabled = true) {
  const step = (by) => {
    const items = [...(list.current?.querySelectorAll("[data-item] [data-focus], [data-item][data-focus]") ?? [])];
    const at = items.indexOf(document.activeElement);
    const next = items[at < 0 ? (by > 0 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, at + by))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  useShortcut("next", () => step(1), enabled);
  useShortcut("previous", () => step(-1), enabled);
}
