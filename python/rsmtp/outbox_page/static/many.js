// What can be done with many messages at once.

import { get } from "./api.js";
import { confirm, h, number } from "./elements.js";
import { messages, STATES } from "./states.js";

// Those that can be queued again, and are where the person does not say otherwise.
const AGAIN = ["refused", "dead", "cancelled"];

// How many messages are in which state.
export const tally = (chosen) => {
  const counts = {};
  for (const { state } of chosen) counts[state] = (counts[state] ?? 0) + 1;
  return sized(counts);
};

const sized = (counts) => ({ counts, size: Object.values(counts).reduce((sum, count) => sum + count, 0) });

// The same for all that match; the server counts some thousand at a time.
export async function count({ state, search }, before) {
  const counts = {};
  while (before !== null) {
    const answer = await get(`/messages/counts?${new URLSearchParams({ state, search, before })}`);
    for (const [name, found] of Object.entries(answer.counts)) counts[name] = (counts[name] ?? 0) + found;
    before = answer.next;
  }
  return sized(counts);
}

export class Many {
  constructor(choosing) {
    this.choosing = choosing;
  }

  actions({ counts }) {
    const [again, back] = [of(counts, [...AGAIN, "unknown"]), of(counts, ["queued"])];
    return [
      again ? { label: `Retry ${number(again)}…`, title: "Send them again (r)", act: () => this.retry() } : null,
      back ? { label: `Cancel ${number(back)}…`, title: "Take them back (c)", act: () => this.cancel() } : null,
    ].filter(Boolean);
  }

  // Each returns whether it can be done at all.
  retry() {
    const counts = this.#counts();
    const [again, unknown] = [of(counts, AGAIN), counts.unknown ?? 0];
    if (again + unknown === 0) return false;
    const box = again && unknown ? h("input", { type: "checkbox" }) : null;
    const more = [
      again ? h("p", { class: "note" }, `Queued again: ${listed(counts, AGAIN)}.`) : null,
      box ? h("label", { class: "check" }, box, `Also ${number(unknown)} whose fate is unknown: ${they(unknown)} may have arrived, and may then arrive twice`) : null,
      left(counts, [...AGAIN, "unknown"]),
    ];
    const question = again ? `Retry ${messages(again)}?` : `The fate of ${messages(unknown)} is unknown: ${they(unknown)} may have arrived. Sent again, ${they(unknown)} may arrive twice, with the same Message-ID.`;
    this.#ask(question, "Retry", "Cancel", more, () => {
      const isMeant = box ? box.checked : !again;
      return this.choosing.carryOut("/messages/retry", { unknown: isMeant }, (count) => `${messages(count)} queued again`);
    });
    return true;
  }

  cancel() {
    const counts = this.#counts();
    if (!counts.queued) return false;
    this.#ask(`Take ${messages(counts.queued)} back? ${counts.queued === 1 ? "It" : "They"} will not be sent.`, `Cancel ${them(counts.queued)}`, `Keep ${them(counts.queued)}`, [left(counts, ["queued"])], () =>
      this.choosing.carryOut("/messages/cancel", {}, (count) => `${messages(count)} cancelled`));
    return true;
  }

  #counts() {
    const { choosing } = this;
    return (choosing.isActive && !choosing.working && choosing.chosen?.counts) || {};
  }

  async #ask(question, verb, otherwise, more, act) {
    if (await confirm(question, verb, otherwise, more.filter(Boolean))) await act();
  }
}

const of = (counts, states) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);

const they = (count) => (count === 1 ? "it" : "they");

const them = (count) => (count === 1 ? "it" : "them");

const listed = (counts, states) => states.filter((state) => counts[state]).map((state) => `${number(counts[state])} ${state}`).join(", ");

const left = (counts, states) => {
  const others = Object.keys(STATES).filter((state) => !states.includes(state) && counts[state]);
  return others.length ? h("p", { class: "note" }, `Left as they are: ${listed(counts, others)}.`) : null;
};
