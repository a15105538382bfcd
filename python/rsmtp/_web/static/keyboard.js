// The keys of a list beside its detail: j k and the arrows, Home, End, /, Escape. While messages are
// chosen, and with Shift, they move along the list and open nothing.

import { h } from "./elements.js";

const typing = (event) => event.target.matches("input, textarea, select");

// `list` is a List; `search` its field. `open` shows a message, `step` one beside the one shown
// (0: the first), `leave` goes back to none, `clear` empties the search. `keys` are the page's own.
export function listenToKeys({ list, search, open, step, leave, clear, keys = {} }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      if (event.target === search && search.value) clear();
      else if (typing(event)) return;
      else if (list.choosing?.isShown) list.choosing.none();
      else leave();
      return;
    }
    if (event.target === search && (event.key === "ArrowDown" || event.key === "Enter")) {
      event.preventDefault();
      step(0);
    }
    if (typing(event)) return;
    const inList = list.place.contains(event.target) || event.target === document.body;
    const steps = { j: 1, k: -1, ...(inList && { ArrowDown: 1, ArrowUp: -1 }) };
    const moves = list.choosing && (event.shiftKey ? inList : list.choosing.isActive);
    if (event.key in steps) {
      event.preventDefault();
      if (moves) list.move(steps[event.key], { choose: event.shiftKey });
      else step(steps[event.key]);
    } else if (inList && (event.key === "Home" || event.key === "End")) {
      event.preventDefault();
      if (moves) list.move(event.key === "Home" ? -Infinity : Infinity, { choose: event.shiftKey });
      else open(event.key === "Home" ? list.order[0] : list.order.at(-1));
    } else if (event.key === "/") {
      event.preventDefault();
      search.focus();
    } else if (Object.hasOwn(keys, event.key) && keys[event.key]()) {
      event.preventDefault();
    }
  });
}

// What is typed is searched for a moment later.
export function listenToSearch(search, find) {
  let typed;
  search.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(() => find(search.value.trim()), 120);
  });
}

export function live(isLive) {
  const lamp = document.getElementById("live");
  lamp.classList.toggle("on", isLive);
  lamp.title = isLive ? "live" : "not connected";
}

// Rows of keys and what they do.
export const keyHelp = (rows) =>
  rows.map((row) => h("span", {}, row.slice(0, -1).map((key) => h("kbd", {}, key)), ` ${row.at(-1)}`));
