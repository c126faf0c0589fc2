// Agent CLIs print JSON lines; a person reads sentences. Anything that is not such a line passes unchanged.
const DIM = "\x1b[2m";
const BOLD = "\x1b[1m";
const RED = "\x1b[31m";
const CYAN = "\x1b[36m";
const OFF = "\x1b[0m";
const LONGEST = 240;
const RESULT_LINES = 12;

const cut = (text, length = LONGEST) => (text.length > length ? `${text.slice(0, length)}…` : text);
const oneLine = (text) => cut(text.replace(/\s+/g, " ").trim());

function textOf(content) {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map((part) => part.text ?? "").join("\n");
  return "";
}

function toolUse({ name, input = {} }) {
  const subject = input.command ?? input.file_path ?? input.path ?? input.pattern ?? input.url ?? input.description ?? input.prompt ?? JSON.stringify(input);
  return [`${CYAN}▸ ${name}${OFF} ${oneLine(String(subject))}`];
}

function toolResult({ content, is_error: failed }) {
  const lines = textOf(content).split("\n");
  const shown = lines.slice(0, RESULT_LINES).map((line) => `${failed ? RED : DIM}  ${cut(line)}${OFF}`);
  return lines.length > RESULT_LINES ? [...shown, `${DIM}  … ${lines.length - RESULT_LINES} more lines${OFF}`] : shown;
}

const BLOCKS = {
  text: ({ text }) => text.split("\n"),
  thinking: ({ thinking = "" }) => thinking.split("\n").map((line) => `${DIM}${line}${OFF}`),
  tool_use: toolUse,
  tool_result: toolResult,
};

const MESSAGES = {
  system: ({ subtype, model }) => (subtype === "init" ? [`${DIM}session started${model ? ` with ${model}` : ""}${OFF}`] : []),
  assistant: ({ message }) => blocks(message),
  user: ({ message }) => blocks(message),
  result: ({ is_error: failed, result, num_turns: turns, duration_ms: time }) => [
    `${failed ? RED : BOLD}${failed ? "failed" : "finished"}${OFF}${DIM}${turns ? ` · ${turns} turns` : ""}${time ? ` · ${(time / 1000).toFixed(0)} s` : ""}${OFF}`,
    ...(failed && result ? String(result).split("\n") : []),
  ],
};

function blocks(message) {
  const content = Array.isArray(message?.content) ? message.content : [{ type: "text", text: textOf(message?.content) }];
  return content.flatMap((block) => BLOCKS[block.type]?.(block) ?? []);
}

export function readable(raw) {
  if (!raw.startsWith('{"type":"')) return [raw];
  try {
    const message = JSON.parse(raw);
    return MESSAGES[message.type]?.(message) ?? [raw];
  } catch {
    return [raw];
  }
}
