// Elements from values. Text is only ever text: nothing here reads markup.

export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function toast(text) {
  const place = document.getElementById("toast");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (place.hidden = true), 6000);
}

// Runs something that may fail; what it says is shown.
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    toast(error.message);
    return undefined;
  }
}

export const number = (value) => value.toLocaleString("en-GB");

export function size(octets) {
  if (octets < 1000) return `${octets} B`;
  const units = ["kB", "MB", "GB"];
  let value = octets;
  let unit = -1;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function time(text, { long = false } = {}) {
  const when = new Date(text);
  const today = new Date().toDateString() === when.toDateString();
  const shown = long ? full.format(when) : (today ? clock : day).format(when);
  return h("time", { datetime: text, title: full.format(when) }, shown);
}

// A text with its web addresses as links, each in a tab of its own.
export function linked(text) {
  const pieces = [];
  let end = 0;
  for (const found of text.matchAll(/https?:\/\/[^\s<>"]{1,2000}[^\s<>".,;:!?)\]}']/g)) {
    pieces.push(text.slice(end, found.index));
    pieces.push(h("a", { href: found[0], target: "_blank", rel: "noopener noreferrer" }, found[0]));
    end = found.index + found[0].length;
  }
  return [...pieces, text.slice(end)];
}

export function field(label, control, hint) {
  return h("label", { class: "field" }, h("span", {}, label), control, hint ? h("small", {}, hint) : null);
}

export function choice(name, options, chosen) {
  const select = h("select", { name });
  for (const [value, label] of options) select.append(h("option", { value, selected: value === chosen }, label));
  return select;
}

// A reply of several lines is one turn.
function turns(lines) {
  const turns = [];
  let open = false;
  for (const line of lines) {
    const reply = line.direction === "S" && /^\d{3}[- ]/.test(line.text);
    if (open && reply) turns.at(-1).rest.push(line.text.slice(4));
    else turns.push({ ...line, rest: [] });
    open = reply && line.text[3] === "-";
  }
  return turns;
}

// What was said, turn by turn: when, who, what. A time that stands above isn't repeated.
export function conversation(lines) {
  let before = null;
  const since = (at) => {
    const shown = at === null ? "" : `${(at * 1000).toFixed(1)} ms`;
    const again = shown === before;
    before = shown;
    return again ? "" : shown;
  };
  const who = { C: ["→", "client"], S: ["←", "server"], "*": ["", "event"] };
  const rows = turns(lines).map((line) => {
    const [arrow, name] = who[line.direction];
    const refusal = line.direction === "S" && /^[45]\d\d/.test(line.text);
    const secure = line.direction === "*" && /TLS/.test(line.text) && !/fail/.test(line.text);
    const kind = [name, refusal && "refusal", secure && "secure"].filter(Boolean).join(" ");
    return h(
      "tr",
      { class: kind },
      h("td", { class: "at" }, since(line.at)),
      h("td", { class: "who" }, h("span", { "aria-hidden": "true" }, arrow), h("span", { class: "hidden" }, name)),
      h("td", { class: "line" }, line.rest.length ? line.text.replace("-", " ") : line.text, line.rest.map((text) => [" ", h("span", { class: "also" }, text)])),
    );
  });
  const head = ["Time", "Who", "Line"].map((name) => h("th", { scope: "col" }, name));
  return h("table", { class: "talk" }, h("thead", { class: "hidden" }, h("tr", {}, head)), h("tbody", {}, rows));
}

// Asks before what can't be undone. True when it is meant. `more` stands below the question.
export function confirm(question, verb, otherwise = "Cancel", more = []) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { class: "small", "aria-label": question, onclose: () => (dialog.remove(), resolve(dialog.returnValue === "yes")) },
      h(
        "form",
        { method: "dialog" },
        h("p", {}, question),
        more,
        h(
          "div",
          { class: "buttons" },
          h("button", { value: "no", class: "quiet", autofocus: true }, otherwise),
          h("button", { value: "yes", class: "danger" }, verb),
        ),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

// A line of text from the person, or null.
export function ask(question, value, verb) {
  return new Promise((resolve) => {
    const input = h("input", { type: "text", value, "aria-label": question, autofocus: true, autocomplete: "off" });
    const dialog = h(
      "dialog",
      { class: "small", "aria-label": question, onclose: () => (dialog.remove(), resolve(dialog.returnValue === "yes" ? input.value : null)) },
      h(
        "form",
        { method: "dialog" },
        h("p", {}, question),
        input,
        h(
          "div",
          { class: "buttons" },
          // The first submit button is what Enter presses.
          h("button", { value: "yes" }, verb),
          h("button", { value: "no", class: "quiet", formnovalidate: true }, "Cancel"),
        ),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
