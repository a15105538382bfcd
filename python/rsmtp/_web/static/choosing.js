// Several messages of a list, chosen for one action: by the boxes, Space, Shift and the arrows, Ctrl+A.

import { call } from "./api.js";
import { h, number } from "./elements.js";

// So many numbers are sent in one request.
const AT_ONCE = 1000;

export class Choosing {
  // `count(filter)` promises how many messages match, in a form that `actions` reads. `actions` returns
  // what can be done with the chosen: {label, title, act}. `tally` makes that form from messages.
  constructor(list, { count, tally, actions }) {
    this.list = list;
    this.count = count;
    this.tally = tally;
    this.actions = actions;
    // By number; and what they were when a range was begun at the anchor.
    this.messages = new Map();
    this.base = new Map();
    this.anchor = null;
    // All that match: the filter, the number below which they are, and the tally.
    this.all = null;
    this.working = false;
    this.text = h("span", { class: "count" });
    this.buttons = h("span", { class: "actions" });
    this.place = h("div", { id: "chosen", role: "group", "aria-label": "Chosen messages", hidden: true }, this.text, this.buttons);
    // What is announced has to be there before it changes.
    this.voice = h("p", { id: "chosen-status", class: "hidden", role: "status" });
    document.querySelector(".tools").append(this.place, this.voice);
    list.choosing = this;
    list.place.setAttribute("aria-multiselectable", "true");
    list.place.classList.add("choosable");
  }

  get isActive() {
    return this.all !== null || this.messages.size > 0;
  }

  get isShown() {
    return !this.place.hidden;
  }

  has(id) {
    return this.all ? id < this.all.below : this.messages.has(id);
  }

  // How many are chosen, as `actions` reads it; null while they are counted.
  get chosen() {
    return this.all ? this.all.tally : this.tally([...this.messages.values()]);
  }

  toggle(id) {
    if (this.working) return;
    this.#settle();
    if (!this.messages.delete(id)) this.#add(id);
    this.#begin(id);
    this.show();
  }

  // From where choosing began, or from this message, to that one.
  extend(from, to) {
    if (this.working) return;
    this.#settle();
    if (this.anchor === null || !this.list.rows.has(this.anchor)) this.#begin(from);
    const { order } = this.list;
    const [first, last] = [order.indexOf(this.anchor), order.indexOf(to)].sort((a, b) => a - b);
    this.messages = new Map(this.base);
    order.slice(first, last + 1).forEach((id) => this.#add(id));
    this.show();
  }

  async everything() {
    const { list } = this;
    if (this.working || list.order.length === 0) return;
    this.messages = new Map();
    this.anchor = null;
    // What comes later is not meant.
    const all = { filter: list.filter, below: list.order[0] + 1, tally: null };
    this.all = all;
    this.show();
    try {
      const tally = await this.count(all.filter, all.below);
      if (this.all === all) all.tally = tally;
    } catch (error) {
      if (this.all === all) this.none(error.message);
    }
    if (this.all === all && !this.working) this.show();
  }

  // Nothing is chosen any more; `words` say what was done.
  none(words = "") {
    if (this.working) return;
    this.messages = new Map();
    this.anchor = this.all = null;
    this.show(words);
  }

  // The list was loaded anew: what is not in it any more is not chosen either.
  keep() {
    const { rows, order, next } = this.list;
    const lowest = next === null ? 0 : (order.at(-1) ?? 0);
    let lost = false;
    for (const id of this.messages.keys()) {
      if (rows.has(id)) this.messages.set(id, rows.get(id).message);
      else if (id >= lowest) lost = this.messages.delete(id);
    }
    if (!this.working && (lost || this.messages.size)) this.show();
  }

  show(words = "") {
    this.list.mark();
    const { chosen } = this;
    const count = chosen ? number(chosen.size) : null;
    const text = !this.isActive ? words : !this.all ? `${count} chosen` : count === null ? "All that match; counting…" : `All ${count} chosen`;
    const buttons = this.isActive ? [...this.#actions(chosen), this.all ? null : this.#all(), button("None", "Choose none (Esc)", () => this.none())] : [button("Close", "Close (Esc)", () => this.none())];
    this.#draw(text, buttons);
  }

  // Does it with the chosen, and says what came of it; `done` says how many in words.
  async carryOut(path, extra, done) {
    const { list } = this;
    const total = await this.#change(path, extra, done);
    const why = Object.entries(total.why).map(([reason, count]) => `${number(count)} (${reason})`);
    const words = [done(total.done), why.length ? `left as they are: ${why.join(", ")}` : null, total.error].filter(Boolean);
    this.none(words.join("; "));
    await list.refresh();
    if (document.activeElement === document.body) list.focus();
  }

  // Some hundred messages at a time. Resolves to what the answers say together, and the error that
  // ended it.
  async #change(path, extra, done) {
    const total = { done: 0, left: 0, why: {}, error: null };
    let stopped = false;
    const stop = button("Stop", "Stop here: what is done stays", () => (stopped = true));
    this.working = true;
    const add = (answer) => {
      total.done += answer.done;
      total.left += answer.left;
      for (const [why, count] of Object.entries(answer.why ?? {})) total.why[why] = (total.why[why] ?? 0) + count;
      this.#draw(`${done(total.done)} so far…`, [stop]);
    };
    this.#draw("…", [stop]);
    try {
      for await (const answer of this.#answers(path, extra, () => stopped)) add(answer);
    } catch (error) {
      total.error = error.message;
    }
    this.working = false;
    return total;
  }

  async *#answers(path, extra, isStopped) {
    if (this.all) {
      const { filter, below } = this.all;
      let before = below;
      while (before !== null && !isStopped()) {
        const answer = await call("POST", path, { ...filter, before, ...extra });
        before = answer.next;
        yield answer;
      }
      return;
    }
    const ids = [...this.messages.keys()];
    for (let at = 0; at < ids.length && !isStopped(); at += AT_ONCE) {
      yield await call("POST", path, { [`${this.list.key}s`]: ids.slice(at, at + AT_ONCE), ...extra });
    }
  }

  // Of all, those that are in the list become single ones.
  #settle() {
    if (!this.all) return;
    const { below } = this.all;
    this.all = null;
    this.list.order.filter((id) => id < below).forEach((id) => this.#add(id));
    this.base = new Map(this.messages);
  }

  #begin(id) {
    this.anchor = id;
    this.base = new Map(this.messages);
  }

  #add(id) {
    const row = this.list.rows.get(id);
    if (row) this.messages.set(id, row.message);
  }

  #actions(chosen) {
    return (chosen ? this.actions(chosen) : []).map(({ label, title, act }) => button(label, title, act));
  }

  #all() {
    const { order, next } = this.list;
    return next === null && order.length === this.messages.size ? null : button("All that match", "Choose all that match (Ctrl+A)", () => this.everything());
  }

  #draw(text, buttons) {
    const focused = this.buttons.contains(document.activeElement) ? document.activeElement.textContent : null;
    this.text.textContent = text;
    this.place.classList.toggle("told", !this.isActive);
    if (this.voice.textContent !== text) this.voice.textContent = text;
    this.buttons.replaceChildren(...buttons.filter(Boolean));
    this.place.hidden = text === "";
    if (focused === null) return;
    const same = [...this.buttons.children].find((one) => one.textContent === focused) ?? this.buttons.lastElementChild;
    if (text === "") this.list.focus();
    else same.focus();
  }
}

const button = (label, title, act) => h("button", { type: "button", title, onclick: act }, label);
