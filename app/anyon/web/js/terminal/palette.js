// The terminal's colours, read from the tokens of the current theme as rgb.
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

function reader() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const read = (token) => {
    probe.style.color = `var(${token})`;
    canvas.fillStyle = getComputedStyle(probe).color;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
  };
  return { read, done: () => probe.remove() };
}

export function palette() {
  const { read, done } = reader();
  const theme = {
    background: read("--color-code"),
    foreground: read("--color-text"),
    cursor: read("--color-accent"),
    cursorAccent: read("--color-code"),
    selectionBackground: read("--color-selection"),
  };
  NAMES.forEach((name, index) => {
    theme[name] = read(`--ansi-${index}`);
    theme[`bright${name[0].toUpperCase()}${name.slice(1)}`] = read(`--ansi-${index + 8}`);
  });
  done();
  return theme;
}
