// A message of the list.

import { h, time } from "./elements.js";
import { chip, countOf, label, messages, STATES } from "./states.js";

export function row(message) {
  return [
    h("span", { class: "from", dir: "auto" }, recipients(message)),
    time(message.changed),
    h("span", { class: "subject", dir: "auto" }, message.subject || "(no subject)"),
    chip(message.state),
    h("span", { class: `excerpt ${message.words ? `words ${STATES[message.state]?.[0]}` : ""}`, dir: "auto" }, message.words ?? message.key ?? ""),
  ];
}

export const same = (before, now) => before.state === now.state && before.changed === now.changed && before.attempts === now.attempts;

// `counts` are the latest of all states.
export function say(page, { state, search }, counts) {
  const found = page.messages.length;
  if (search) {
    if (page.next !== null) return "There may be more further down";
    return found ? "That is all that matches" : "No message matches";
  }
  const count = countOf(state, counts);
  if (count === 0) return state === "trouble" ? "No message is in trouble" : "No message here";
  return state === "all" ? messages(count) : `${messages(count)}: ${label(state).toLowerCase()}`;
}

export function recipients(message) {
  const [first, ...others] = message.to_addrs;
  const more = message.recipient_count - 1;
  return others.length || more ? `${first} and ${more} more` : first;
}
