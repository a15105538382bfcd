// One message: what it is, what has become of it, and what can be done by hand.

import { call, get } from "./api.js";
import { attempt, confirm, h, number, size, time } from "./elements.js";
import { download, panelsOf, Tabs, tabsOf } from "./parts.js";
import { recipients } from "./rows.js";
import { chip, TROUBLE } from "./states.js";

// What happened, as the timeline calls it.
const EVENTS = {
  queued: "queued",
  "put off": "tried, and put off",
  sent: "sent",
  refused: "refused",
  unknown: "fate unknown",
  dead: "given up",
  suppressed: "suppressed",
  cancelled: "cancelled",
  sending: "being sent",
  waiting: "waits",
  bounced: "came back",
  delayed: "delayed on the way",
  delivered: "delivered",
  relayed: "passed on",
  complained: "its recipient complains",
  replied: "a program has replied",
};
const KINDS = { sent: "good", refused: "bad", unknown: "bad", dead: "bad", "put off": "warn", bounced: "bad", complained: "bad", delayed: "warn", delivered: "good", sending: "open", waiting: "open" };

export class MessageView {
  constructor(place, { onTab, onChanged, mayChange, back }) {
    this.place = place;
    this.back = back;
    this.onTab = onTab;
    this.onChanged = onChanged;
    this.mayChange = mayChange;
    this.leave();
  }

  leave() {
    this.id = null;
    this.tabs = null;
    this.drawn = null;
  }

  get tab() {
    return this.tabs?.shown ?? null;
  }

  async open(id, tab) {
    if (this.id !== id) {
      this.leave();
      this.id = id;
      await this.refresh();
    }
    if (this.id === id) await this.tabs?.show(tab);
  }

  // What may have changed is drawn anew where it has.
  async refresh() {
    const id = this.id;
    if (id === null) return;
    let message;
    try {
      message = await get(`/messages/${id}`);
    } catch (error) {
      if (this.id === id) this.#gone(error);
      return;
    }
    // The person may have gone on meanwhile.
    if (this.id !== id) return;
    const drawn = JSON.stringify([message.state, message.changed, message.history, this.mayChange()]);
    if (drawn === this.drawn) return;
    const tab = this.tab;
    const focused = this.place.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = this.place.scrollTop;
    this.drawn = drawn;
    this.#draw(message);
    if (tab !== null) {
      await this.tabs.show(tab);
      this.place.scrollTop = scrolled;
    }
    if (focused) document.getElementById(focused)?.focus();
  }

  #gone(error) {
    this.tabs = this.drawn = null;
    this.place.replaceChildren(
      h("div", { class: "empty" }, h("h2", {}, error.status === 404 ? "This message is gone" : "No answer"), h("p", {}, error.message)),
    );
  }

  #draw(message) {
    const path = `/messages/${message.id}`;
    const facts = [
      `number ${message.id}`,
      message.key ? `key ${message.key}` : null,
      size(message.size),
      `${number(message.attempts)} ${message.attempts === 1 ? "attempt" : "attempts"}`,
      message.server ? `by ${message.server}` : null,
      message.expires ? ["expires ", time(message.expires, { long: true })] : null,
    ].filter(Boolean);
    const rows = [
      ["From", message.from_addr || "<>"],
      ["To", recipients(message)],
      ["Put", time(message.created, { long: true })],
      message.options.length ? ["Options", message.options.join(" ")] : null,
      message.options_left_out.length ? ["Left out", `${message.options_left_out.join(", ")}: the server does not offer it`] : null,
    ].filter(Boolean);
    this.tabs = new Tabs({
      label: "Parts of the message",
      tabs: [["history", "History"], ["recipients", `Recipients ${number(message.recipient_count)}`], ...tabsOf(message)],
      panels: { ...panelsOf(message, path), history: () => history(message), recipients: () => table(message) },
      onTab: this.onTab,
    });
    this.place.replaceChildren(
      h(
        "article",
        { class: "message", "aria-label": message.subject || "Message" },
        h(
          "header",
          {},
          h("div", { class: "headline" }, h("a", { class: "back", href: this.back() }, "← Back"), this.#actions(message, path)),
          h("h2", { dir: "auto" }, message.subject || "(no subject)"),
          h("p", { class: "stands" }, chip(message.state), message.words ? [" ", h("span", { class: "words", dir: "auto" }, message.words)] : null),
          h("dl", { class: "fields" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", { dir: "auto" }, value)])),
          h("p", { class: "facts" }, facts.map((fact) => h("span", {}, fact))),
        ),
        this.tabs.list,
        this.tabs.panel,
      ),
    );
  }

  #actions(message, path) {
    const may = this.mayChange();
    const mayRetry = may && [...TROUBLE, "cancelled"].includes(message.state);
    const mayCancel = may && message.state === "queued";
    return h(
      "div",
      { class: "actions" },
      mayRetry ? h("button", { type: "button", id: "retry", title: "Queue it again (r)", onclick: () => this.retry() }, "Retry") : null,
      mayCancel ? h("button", { type: "button", id: "cancel", class: "danger", title: "Take it back (c)", onclick: () => this.cancel() }, "Cancel…") : null,
      download(message, path, message.id),
    );
  }

  retry() {
    return this.#change("retry", "#retry", async (state) =>
      state !== "unknown" || (await confirm("It may have arrived. Sent again, it may arrive twice, with the same Message-ID.", "Retry")),
    );
  }

  cancel() {
    return this.#change("cancel", "#cancel", () => confirm("Take this message back? It is not sent then.", "Cancel it", "Keep it"));
  }

  // Whether it can be done at all; then it is asked for, and done.
  #change(action, button, asked) {
    if (this.id === null || this.place.querySelector(button) === null) return false;
    const id = this.id;
    const state = this.place.querySelector(".stands .state").textContent;
    (async () => {
      if (!(await asked(state))) return;
      await attempt(() => call("POST", `/messages/${id}/${action}`));
      this.onChanged();
      await this.refresh();
      if (document.activeElement === document.body) this.place.focus();
    })();
    return true;
  }
}

function history(message) {
  const steps = message.history.map((event) =>
    h(
      "li",
      { class: KINDS[event.what] ?? "soft" },
      h("div", { class: "step" }, h("b", {}, EVENTS[event.what] ?? event.what), " ", time(event.at, { long: true }), event.server ? h("span", { class: "octets" }, ` ${event.server}`) : null),
      event.words ? h("pre", { dir: "auto" }, event.words) : null,
    ),
  );
  return [h("ol", { class: "timeline", "aria-label": "What has happened to the message" }, steps), ...advised(message)];
}

// What the refusals mean, each once.
function advised(message) {
  const found = new Map(message.recipients.filter((one) => one.advice).map((one) => [one.advice.name, one.advice]));
  if (found.size === 0) return [];
  return [h("h3", {}, "What that means"), h("ul", { class: "advice" }, [...found.values()].map((advice) => h("li", {}, sentences(advice))))];
}

function sentences(advice) {
  const link = h("a", { href: advice.source, target: "_blank", rel: "noopener noreferrer" }, "source");
  return [advice.who ? `${advice.who}: ` : "", `${advice.means} ${advice.do} (`, link, `, read ${advice.read})`];
}

function table(message) {
  const rows = message.recipients.map((one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", dir: "auto" }, one.address),
      h("td", {}, chip(one.state === "open" ? "queued" : one.state)),
      h(
        "td",
        { class: "words" },
        [one.stage, one.code, one.text].filter(Boolean).join(" "),
        one.advice ? h("p", { class: "advice" }, sentences(one.advice)) : null,
      ),
    ),
  );
  const left = message.recipient_count - message.recipients.length;
  return [
    h("table", { class: "recipients" }, h("tbody", {}, rows)),
    left > 0 ? h("p", { class: "note" }, `${number(left)} more are not shown here.`) : null,
  ];
}
