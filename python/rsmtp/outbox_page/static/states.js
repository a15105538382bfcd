// The states of a message, what each means, and what can be chosen by them.

import { h, number } from "./elements.js";

export const STATES = {
  unknown: ["bad", "it may have arrived: a person decides"],
  refused: ["bad", "a server refused a recipient for good"],
  dead: ["bad", "given up: it was put off for too long, or expired"],
  queued: ["open", "it waits for its turn, its time, or another attempt"],
  sending: ["open", "the server's answer is waited for"],
  sent: ["good", "the server took it for every recipient"],
  suppressed: ["soft", "kept from its recipients by a rule"],
  cancelled: ["soft", "taken back by hand"],
};

export const TROUBLE = ["unknown", "refused", "dead"];
const GROUPS = { trouble: TROUBLE, waiting: ["queued", "sending"], all: Object.keys(STATES) };

export const VIEWS = [...Object.keys(GROUPS), ...Object.keys(STATES)];
export const LABELS = { trouble: "In trouble", waiting: "Waiting", all: "All" };
export const label = (view) => LABELS[view] ?? view[0].toUpperCase() + view.slice(1);

export const countOf = (view, counts) => (GROUPS[view] ?? [view]).reduce((sum, state) => sum + (counts?.[state] ?? 0), 0);

export const messages = (count) => `${number(count)} ${count === 1 ? "message" : "messages"}`;

export const chip = (state) => h("span", { class: `chip state ${(STATES[state] ?? ["soft"])[0]}`, title: STATES[state]?.[1] }, state);
