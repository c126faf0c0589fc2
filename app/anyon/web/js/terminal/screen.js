// The xterm.js screen of one terminal. This module and everything it imports is loaded when the first terminal opens.
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal } from "@xterm/xterm";
import { withStyleStandIns } from "./csp.js";
import { palette } from "./palette.js";

const SCROLLBACK = 10_000;
// What a terminal answers by itself: attributes, cursor position, modes, colours, settings. Keys look different.
const ANSWER = /^\x1b(?:\[[?>=]?[\d;]*(?:[cnRt]|\$y)|[\]P])/;

function loadStyles() {
  if (document.querySelector("link[data-xterm]")) return Promise.resolve();
  return new Promise((done) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = "/assets/css/terminal.css";
    link.dataset.xterm = "";
    link.onload = done;
    link.onerror = done;
    document.head.append(link);
  });
}

// {host, fontSize, screenReader, onInput(text), onBinary(text), onResize(cols, rows), onSelection(text), onKey(event) -> bool}
export async function openScreen({ host, fontSize, screenReader, onInput, onBinary, onResize, onSelection, onKey }) {
  await loadStyles();
  const terminal = new Terminal({
    allowProposedApi: true,
    cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--font-code"),
    fontSize,
    macOptionIsMeta: true,
    minimumContrastRatio: 4.5,
    screenReaderMode: screenReader,
    scrollback: SCROLLBACK,
    theme: palette(),
  });
  const fit = new FitAddon();
  const search = new SearchAddon();
  terminal.loadAddon(fit);
  terminal.loadAddon(search);
  terminal.loadAddon(new Unicode11Addon());
  terminal.loadAddon(new WebLinksAddon((event, address) => open(address, "_blank", "noreferrer")));
  terminal.unicode.activeVersion = "11";
  withStyleStandIns(() => terminal.open(host));
  let repeating = false;
  terminal.onData((text) => !(repeating && ANSWER.test(text)) && onInput(text));
  terminal.onBinary(onBinary);
  terminal.onResize(({ cols, rows }) => onResize(cols, rows));
  terminal.onSelectionChange(() => onSelection(terminal.getSelection()));
  terminal.attachCustomKeyEventHandler(onKey);
  const fitNow = () => host.clientHeight > 0 && fit.fit();
  const observer = new ResizeObserver(fitNow);
  observer.observe(host);
  fitNow();
  return {
    terminal,
    search,
    // `repeated`: somebody has seen it before, and answered what it asks.
    write(bytes, done, repeated) {
      terminal.write("", () => (repeating = repeated));
      terminal.write(bytes, done);
    },
    fit: fitNow,
    recolour: () => (terminal.options.theme = palette()),
    dispose() {
      observer.disconnect();
      terminal.dispose();
    },
  };
}
