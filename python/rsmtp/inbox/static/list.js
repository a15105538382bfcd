// The list: newest first, a page at a time, changed in place when there is news.

import { get } from "./api.js";
import { h, attempt, size, time } from "./elements.js";

const PAGE = 50;
// What is shown beyond this is loaded anew when one scrolls there again.
const MOST_REFRESHED = 1000;

export class List {
  constructor({ onOpen, onState }) {
    this.place = document.getElementById("list");
    this.status = document.getElementById("list-status");
    this.onOpen = onOpen;
    this.onState = onState;
    this.rows = new Map();
    this.order = [];
    this.seen = new Set();
    this.selected = null;
    this.search = "";
    this.next = null;
    this.busy = null;
    this.again = false;
    this.place.addEventListener("click", (event) => this.#clicked(event));
    this.place.addEventListener("keydown", (event) => this.#pressed(event));
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

  async find(search) {
    this.search = search;
    this.order = [];
    await this.refresh();
  }

  async more() {
    if (this.next === null || this.busy) return;
    this.busy = attempt(async () => {
      const page = await get(this.#query({ limit: PAGE, before: this.next }));
      this.#show([...this.order.map((number) => this.rows.get(number).message), ...page.messages], page);
    }).finally(() => (this.busy = null));
    await this.busy;
  }

  select(number, { focus = false } = {}) {
    this.selected = number;
    if (number !== null) this.seen.add(number);
    this.#mark();
    const row = this.rows.get(number);
    if (row && focus) row.element.focus({ preventScroll: true });
    row?.element.scrollIntoView({ block: "nearest" });
  }

  // The neighbour of a message: below, or above at the end.
  beside(number, step = 1) {
    const at = this.order.indexOf(number);
    if (at < 0) return this.order[0] ?? null;
    return this.order[at + step] ?? null;
  }

  #query({ limit, before }) {
    const query = new URLSearchParams({ limit });
    if (this.search) query.set("search", this.search);
    if (before) query.set("before", before);
    return `/messages?${query}`;
  }

  async #load() {
    const search = this.search;
    const limit = Math.min(Math.max(this.order.length, PAGE), MOST_REFRESHED);
    const page = await get(this.#query({ limit }));
    if (search === this.search) this.#show(page.messages, page);
    else this.again = true;
  }

  #show(messages, page) {
    const rows = new Map();
    for (const message of messages) {
      const row = this.rows.get(message.number);
      const same = row && String(row.message.tags) === String(message.tags);
      if (row && !same) row.element.remove();
      rows.set(message.number, same ? row : { message, element: this.#row(message) });
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
    this.#mark();
    if (focused && !this.place.contains(document.activeElement)) this.place.querySelector("[tabindex='0']")?.focus();
    this.#say(page);
    this.onState(page);
  }

  #say(page) {
    if (this.search) this.status.textContent = `${page.total} of ${page.kept} ${page.kept === 1 ? "message matches" : "messages match"}`;
    else if (page.total === 0) this.status.textContent = "No mail yet";
    else this.status.textContent = `${page.total} ${page.total === 1 ? "message" : "messages"}${
      page.count > page.kept ? `, ${page.count} came` : ""
    }`;
  }

  #row(message) {
    const subject = message.subject || "(no subject)";
    return h(
      "li",
      { role: "option", id: `message-${message.number}`, "data-number": message.number, tabindex: "-1" },
      h("span", { class: "from", dir: "auto" }, sender(message)),
      time(message.received_at),
      h("span", { class: "subject", dir: "auto" }, subject),
      message.attachment_count > 0
        ? h("span", { class: "chip" }, `${message.attachment_count} ${message.attachment_count === 1 ? "file" : "files"}`)
        : h("span", { class: "octets" }, size(message.size)),
      h("span", { class: "excerpt", dir: "auto" }, message.tags.map((tag) => [h("span", { class: "tag" }, tag), " "]), message.excerpt),
    );
  }

  #mark() {
    const active = this.rows.has(this.selected) ? this.selected : this.order[0];
    for (const [number, { element }] of this.rows) {
      element.setAttribute("aria-selected", String(number === this.selected));
      element.tabIndex = number === active ? 0 : -1;
      element.classList.toggle("unseen", !this.seen.has(number));
    }
  }

  #clicked(event) {
    const row = event.target.closest("[data-number]");
    if (row) this.onOpen(Number(row.dataset.number));
  }

  #pressed(event) {
    const row = event.target.closest("[data-number]");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.onOpen(Number(row.dataset.number), { enter: true });
    }
  }
}

export function sender(message) {
  const from = message.from ?? message.mail_from;
  if (!from) return "(no sender)";
  const named = /^\s*"?(.*?)"?\s*<[^<>]*>\s*$/.exec(from);
  return named?.[1] || from;
}
