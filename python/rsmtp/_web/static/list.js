// The list: newest first, a page at a time, changed in place when there is news.

import { get } from "./api.js";
import { h, attempt } from "./elements.js";

const PAGE = 50;
// What is shown beyond this is loaded anew when one scrolls there again.
const MOST_REFRESHED = 1000;

export class List {
  // `key` names the field by which messages are told apart, `row` makes the content of one, `same`
  // says whether that is still right, `say` what stands below. With `marksNew`, what was not
  // opened yet is marked.
  constructor({ key, row, same, say, marksNew = false, onOpen, onState }) {
    this.place = document.getElementById("list");
    this.status = document.getElementById("list-status");
    this.key = key;
    this.row = row;
    this.same = same;
    this.say = say;
    this.marksNew = marksNew;
    this.onOpen = onOpen;
    this.onState = onState;
    this.rows = new Map();
    this.order = [];
    this.seen = new Set();
    // The message that is open, the one that the keyboard is at, and those chosen (choosing.js), if
    // messages can be chosen.
    this.selected = null;
    this.at = null;
    this.choosing = null;
    this.filter = {};
    this.next = null;
    this.busy = null;
    this.again = false;
    this.place.addEventListener("click", (event) => this.#clicked(event));
    this.place.addEventListener("keydown", (event) => this.#pressed(event));
    this.place.addEventListener("focusin", (event) => this.#focused(event));
    // Shift and a click choose messages, and not their text.
    this.place.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
    const more = document.getElementById("more");
    this.moreButton = more;
    more.firstElementChild.addEventListener("click", () => this.more());
    new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.more()).observe(more);
  }

  // One request at a time; news that comes meanwhile is asked for after it.
  refresh() {
    if (this.busy) {
      this.again = true;
      return this.busy;
    }
    this.busy = attempt(() => this.#load()).finally(() => {
      this.busy = null;
      if (this.again) {
        this.again = false;
        this.refresh();
      }
    });
    return this.busy;
  }

  // Only what passes: {search: "words"}, say.
  async find(filter) {
    this.filter = filter;
    this.order = [];
    this.choosing?.none();
    await this.refresh();
  }

  async more() {
    if (this.next === null || this.busy) return;
    this.busy = attempt(async () => {
      const page = await get(this.#query({ limit: PAGE, before: this.next }));
      this.#show([...this.order.map((number) => this.rows.get(number).message), ...page.messages], page);
      return true;
    }).finally(() => (this.busy = null));
    if (await this.busy) this.#fill();
  }

  select(number, { focus = false } = {}) {
    this.selected = number;
    if (number !== null) {
      this.at = number;
      this.seen.add(number);
    }
    this.mark();
    const row = this.rows.get(number);
    if (row && focus) row.element.focus({ preventScroll: true });
    row?.element.scrollIntoView({ block: "nearest" });
  }

  // To the row beside the one that the keyboard is at; with `choose`, all that lies between is chosen.
  move(step, { choose = false } = {}) {
    const from = this.#active();
    const to = this.order[Math.min(Math.max(this.order.indexOf(from) + step, 0), this.order.length - 1)];
    if (to === undefined) return;
    if (choose) this.choosing?.extend(from, to);
    this.focus(to);
    if (to === this.order.at(-1)) this.more();
  }

  focus(number = this.#active()) {
    this.rows.get(number)?.element.focus();
  }

  // The neighbour of a message: below, or above at the end.
  beside(number, step = 1) {
    const at = this.order.indexOf(number);
    if (at < 0) return this.order[0] ?? null;
    return this.order[at + step] ?? null;
  }

  #query({ limit, before }) {
    const query = new URLSearchParams({ limit });
    for (const [name, value] of Object.entries(this.filter)) if (value) query.set(name, value);
    if (before) query.set("before", before);
    return `/messages?${query}`;
  }

  async #load() {
    const filter = this.filter;
    const limit = Math.min(Math.max(this.order.length, PAGE), MOST_REFRESHED);
    const page = await get(this.#query({ limit }));
    if (filter !== this.filter) {
      this.again = true;
      return;
    }
    // Where the answer ends before the list does, what is older stays as it was found.
    const endsEarly = page.next !== null && page.messages.length < limit;
    const older = endsEarly ? this.order.filter((number) => number < page.next).map((number) => this.rows.get(number).message) : [];
    this.#show([...page.messages, ...older], older.length ? { ...page, next: this.next } : page);
    this.#fill();
  }

  // As long as the end of the list is in sight, there is more of it to be shown.
  #fill() {
    const inSight = this.moreButton.offsetParent !== null && this.moreButton.getBoundingClientRect().top < innerHeight;
    if (inSight) setTimeout(() => this.more());
  }

  #show(messages, page) {
    const rows = new Map();
    for (const message of messages) {
      const number = message[this.key];
      const row = this.rows.get(number);
      const same = row && this.same(row.message, message);
      if (row && !same) row.element.remove();
      rows.set(number, same ? row : { message, element: this.#element(number, message) });
    }
    const focused = this.place.contains(document.activeElement);
    for (const [number, row] of this.rows) if (!rows.has(number)) row.element.remove();
    let before = this.place.firstElementChild;
    for (const { element } of rows.values()) {
      if (element === before) before = before.nextElementSibling;
      else this.place.insertBefore(element, before);
    }
    this.rows = rows;
    this.order = [...rows.keys()];
    this.next = page.next;
    this.moreButton.hidden = page.next === null;
    if (this.choosing) this.choosing.keep();
    this.mark();
    if (focused && !this.place.contains(document.activeElement)) this.place.querySelector("[tabindex='0']")?.focus();
    this.status.textContent = this.say(page, this.filter);
    this.onState(page);
  }

  #element(number, message) {
    const box = h("span", { class: "choose", "aria-hidden": "true" });
    return h("li", { role: "option", id: `message-${number}`, "data-number": number, tabindex: "-1" }, box, this.row(message));
  }

  #active() {
    return [this.at, this.selected].find((number) => this.rows.has(number)) ?? this.order[0];
  }

  mark() {
    const active = this.#active();
    for (const [number, { element }] of this.rows) {
      const isOpen = number === this.selected;
      element.setAttribute("aria-selected", String(this.choosing ? this.choosing.has(number) : isOpen));
      if (isOpen) element.setAttribute("aria-current", "true");
      else element.removeAttribute("aria-current");
      element.tabIndex = number === active ? 0 : -1;
      element.classList.toggle("unseen", this.marksNew && !this.seen.has(number));
    }
  }

  #clicked(event) {
    const row = event.target.closest("[data-number]");
    if (!row) return;
    const number = Number(row.dataset.number);
    if (this.choosing && event.shiftKey) this.choosing.extend(this.#active(), number);
    else if (this.choosing && (event.ctrlKey || event.metaKey || event.target.closest(".choose"))) this.choosing.toggle(number);
    else this.onOpen(number);
    this.at = number;
    this.mark();
  }

  #focused(event) {
    const row = event.target.closest("[data-number]");
    if (!row || this.at === Number(row.dataset.number)) return;
    this.at = Number(row.dataset.number);
    this.mark();
  }

  #pressed(event) {
    const row = event.target.closest("[data-number]");
    if (!row || event.altKey) return;
    const number = Number(row.dataset.number);
    if (event.ctrlKey || event.metaKey) {
      if (event.key !== "a" || !this.choosing) return;
      event.preventDefault();
      this.choosing.everything();
    } else if (event.key === " " && this.choosing) {
      event.preventDefault();
      if (event.shiftKey) this.choosing.extend(number, number);
      else this.choosing.toggle(number);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.onOpen(number, { enter: true });
    }
  }
}
