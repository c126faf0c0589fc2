// Words for numbers, times and names.
const UNITS = [
  [60, "s", 1],
  [3600, "m", 60],
  [86400, "h", 3600],
  [604800, "d", 86400],
  [Infinity, "w", 604800],
];

// 75 -> "1m"; the greatest unit only.
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [, unit, size] = UNITS.find(([limit]) => whole < limit);
  return `${Math.floor(whole / size)}${unit}`;
}

// 75 -> "1:15", 4000 -> "1:06:40"
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

// 0.0421 -> "42 ms", 3.21 -> "3.2 s"
export function took(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds);
}

// "24 min", "2 h 5 min", "40 s"
export function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return `${Math.max(0, Math.round(seconds))} s`;
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${Math.floor(minutes / 60)} h`;
}

export const seconds = (time) => (time ? Date.parse(time) / 1000 : null);
export const absolute = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function ago(time, now) {
  const age = now / 1000 - seconds(time);
  return age < 5 ? "now" : `${span(age)} ago`;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString()} ${number === 1 ? one : many}`;
}

export function bytes(number) {
  if (number < 1000) return `${number} B`;
  const power = Math.min(4, Math.floor(Math.log10(number) / 3));
  return `${(number / 1000 ** power).toPrecision(3)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

// A problem in one line, and all that it says.
export const cause = (problem) => problem.detail || problem.title;
export const wholeProblem = ({ title, detail, hint }) => [[title, detail].filter(Boolean).join(": "), hint].filter(Boolean).join("\n");

export const short = (commit) => commit?.slice(0, 7) ?? "";

// "https://host/team/shop.git" -> "shop"
export function nameOfSource(source) {
  const last = source.trim().replace(/\/+$/, "").split(/[/:]/).pop() ?? "";
  return last.replace(/\.git$/, "");
}
