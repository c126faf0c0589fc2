// The log: follows the end until somebody scrolls, any size, searched, copied, raw.
import { openText } from "../api.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../dom.js";
import { bytes, count } from "../format.js";
import { useShortcut } from "../keys.js";
import { followLog } from "../logstream.js";
import { preference } from "../preferences.js";
import { Button, CopyButton } from "../ui/parts.js";
import { LogLines } from "./lines.js";
import { Rows } from "./rows.js";
import { SearchBar } from "./search.js";

const ROW = 20; // px: --row-code
const MARGIN = 20; // rows kept above and below the visible ones
const DIGITS = 5; // of a line number there is always room for
const GUTTER = 28; // px: the paddings beside the line numbers

// Streams the log of an execution into lines; answers them, how many changes there were, and the stream's state.
function useLines(executionId) {
  const lines = useMemo(() => new LogLines(), [executionId]);
  const [version, setVersion] = useState(0);
  const [state, setState] = useState("connecting");
  useEffect(() => {
    if (!executionId) return undefined;
    let frame = 0;
    const changed = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        setVersion((old) => old + 1);
      });
    };
    const stop = followLog({
      executionId,
      onBytes: (chunk) => {
        lines.append(chunk);
        changed();
      },
      onGap: (from, to) => {
        lines.gap(to - from);
        changed();
      },
      onEnd: () => {
        lines.end();
        changed();
      },
      onState: setState,
    });
    return () => {
      cancelAnimationFrame(frame);
      stop();
    };
  }, [lines]);
  return { lines, version, state, again: () => setVersion((old) => old + 1) };
}

// Size of the scroller in px, and the width of one character.
function useMeasure(element) {
  const [size, setSize] = useState({ width: 0, height: 0, character: 7.2 });
  useLayoutEffect(() => {
    const probe = element.current.querySelector(".log-probe");
    const observer = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = element.current;
      if (height) setSize({ width, height, character: probe.getBoundingClientRect().width / 100 || 7.2 });
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return size;
}

const STATES = { connecting: "Connecting to the log", lost: "Connection lost. The log continues where it stopped." };

function NotShown({ lines }) {
  if (!lines.dropped && !lines.missing) return null;
  const earlier = lines.dropped > 0 && `${count(lines.dropped, "earlier line")} are in the raw log only, as far as the service kept them.`;
  const missing = lines.missing > 0 && `${bytes(lines.missing)} of output were not kept by the service and are missing from the raw log, too.`;
  return html`<p class="pane-note small">${[earlier, missing].filter(Boolean).join(" ")}</p>`;
}

export function LogView({ execution, live, tools, focused }) {
  const { lines, state, again } = useLines(execution.id);
  const scroller = useRef(null);
  const wrap = preference("log-wrap", true);
  const [top, setTop] = useState(0);
  const [following, setFollowing] = useState(true);
  const [searching, setSearching] = useState(false);
  const [query, setQuery] = useState("");
  const [found, setFound] = useState([]);
  const [current, setCurrent] = useState(null);
  const size = useMeasure(scroller);
  const digits = Math.max(DIGITS, lines.digits);
  const gutter = GUTTER + digits * size.character;
  const columns = wrap.value && size.width ? Math.max(20, Math.floor((size.width - gutter) / size.character)) : 0;
  useShortcut("search", () => setSearching(true), focused);

  if (lines.columns !== columns) lines.layout(columns);
  const { rows } = lines;
  useLayoutEffect(() => {
    if (following && scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [rows, following, size.height]);

  const onScroll = ({ currentTarget: element }) => {
    setTop(element.scrollTop);
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < ROW * 1.5;
    if (atEnd !== following && element.clientHeight) setFollowing(atEnd);
  };
  const showLine = (line) => {
    setCurrent(line);
    setFollowing(false);
    if (line !== undefined) scroller.current.scrollTop = Math.max(0, lines.firstRow(line) * ROW - size.height / 2);
  };
  const search = (text) => {
    setQuery(text.toLowerCase());
    const hits = text ? lines.find(text) : [];
    setFound(hits);
    if (hits.length) showLine(hits.at(-1));
    else setCurrent(null);
  };
  const step = (by) => {
    if (found.length) showLine(found[(found.indexOf(current) + by + found.length) % found.length]);
  };
  const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
  const last = Math.min(rows, Math.ceil((top + size.height) / ROW) + MARGIN);

  return html`<div class="log">
    ${tools(html`
      <${Button} small kind="quiet" icon="search" label="Search the log" keys=${null} onClick=${() => setSearching(!searching)} aria-expanded=${String(searching)} />
      <${Button} small kind="quiet" icon="wrap" label=${wrap.value ? "Do not wrap lines" : "Wrap lines"} aria-pressed=${String(wrap.value)} onClick=${() => {
        wrap.value = !wrap.value;
        again();
      }} />
      <${CopyButton} text=${() => lines.wholeText()} label="Copy the log" />
      <${Button} small kind="quiet" icon="external" label="Open the raw log" onClick=${() => openText(`/api/executions/${execution.id}/log?from=0`)} />`)}
    ${searching && html`<${SearchBar} label="Search the log" count=${found.length} index=${found.indexOf(current)} onSearch=${search} onStep=${step} onClose=${() => {
      setSearching(false);
      search("");
    }} />`}
    ${STATES[state] && html`<p class=${`pane-note small ${state}`} role="status">${STATES[state]}</p>`}
    <${NotShown} lines=${lines} />
    <div class="log-scroll" ref=${scroller} onScroll=${onScroll} tabindex="0" role="log" aria-label="Log" aria-live="off">
      <span class="log-probe" aria-hidden="true">${"0".repeat(100)}</span>
      <div class="log-space" style=${{ height: `${rows * ROW}px`, minWidth: wrap.value ? "" : `${lines.longest * size.character + gutter}px`, "--digits": digits }}>
        <div class="log-rows" style=${{ transform: `translateY(${first * ROW}px)` }}><${Rows} lines=${lines} first=${first} last=${last} query=${query} current=${current} /></div>
      </div>
      ${rows === 0 && html`<p class="log-empty muted">${live ? "Waiting for the first output." : "It printed nothing."}</p>`}
    </div>
    ${!following && rows > 0 && html`<${Button} small icon="end" class="jump" onClick=${() => setFollowing(true)}>Jump to the end<//>`}
  </div>`;
}
