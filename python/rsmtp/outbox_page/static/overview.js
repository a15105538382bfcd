// How the outbox stands: its states, its rates, who sends.

import { h, number } from "./elements.js";
import { countOf, label, messages, STATES } from "./states.js";

const MINUTES = 60;
const WIDTH = 600;
const HIGH = 90;

export function overview(outbox) {
  const { counts } = outbox;
  const states = Object.entries(STATES).filter(([state, [kind]]) => counts[state] || kind !== "soft");
  const trouble = countOf("trouble", counts);
  return h(
    "div",
    { class: "page overview" },
    h("h2", {}, trouble ? `${messages(trouble)} in trouble` : "No message is in trouble"),
    h("p", { class: "facts" }, h("span", {}, sending(outbox)), outbox.may_change ? null : h("span", {}, "only looked at: nothing can be changed from here")),
    h(
      "ul",
      { class: "tiles" },
      states.map(([state, [kind, words]]) =>
        h("li", {}, h("a", { href: `#/${state}`, class: `tile ${counts[state] ? kind : "soft"}` }, h("b", {}, number(counts[state])), h("span", {}, label(state)), h("small", {}, words))),
      ),
    ),
    chart(outbox.rates),
  );
}

function sending({ owners, counts }) {
  if (owners.length) return `sent by ${owners.slice(0, 3).join(", ")}${owners.length > 3 ? ` and ${owners.length - 3} more` : ""}`;
  return counts.queued ? "no process sends at present" : "nothing waits, and no process sends at present";
}

// Bars for the last hour, a minute each; in words for those who can't see them.
function chart(rates) {
  const sum = (from, ...kinds) => rates.slice(-from).reduce((all, minute) => all + kinds.reduce((some, kind) => some + (minute[kind] ?? 0), 0), 0);
  const bad = ["refused", "unknown", "dead"];
  const words = [
    `sent: ${number(sum(1, "sent"))} in this minute, ${number(sum(10, "sent"))} in ten, ${number(sum(MINUTES, "sent"))} in the last hour`,
    `put off: ${number(sum(MINUTES, "put off"))}`,
    `in trouble: ${number(sum(MINUTES, ...bad))}`,
  ];
  const most = Math.max(1, ...rates.map((minute) => Object.values(minute).reduce((all, count) => all + count, 0)));
  const step = WIDTH / MINUTES;
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HIGH}`, role: "img", "aria-label": words.join("; "), preserveAspectRatio: "none" });
  rates.forEach((minute, at) => {
    let below = HIGH;
    for (const [kind, ...whats] of [["good", "sent"], ["warn", "put off"], ["bad", ...bad]]) {
      const count = whats.reduce((all, what) => all + (minute[what] ?? 0), 0);
      if (!count) continue;
      const height = Math.max(1.5, (count / most) * (HIGH - 4));
      below -= height;
      picture.append(svg("rect", { class: kind, x: at * step + 1, y: below, width: step - 2, height }));
    }
  });
  return h(
    "figure",
    { class: "rates" },
    h("figcaption", {}, h("h3", {}, "The last hour, minute by minute"), h("p", { class: "facts" }, words.map((one) => h("span", {}, one)))),
    picture,
    h("p", { class: "scale", "aria-hidden": "true" }, h("span", {}, "an hour ago"), h("span", {}, `at most ${number(most)} a minute`), h("span", {}, "now")),
  );
}

function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
