// One message: what it is, its tabs, and what can be done with it.

import { call, get } from "./api.js";
import { ask, attempt, conversation, h, size, time } from "./elements.js";
import { download, panelsOf, Tabs, tabsOf } from "./parts.js";
import { release } from "./release.js";

// What receivers and readers may object to, the gravest first.
async function findings(path) {
  const { findings: found } = await get(`${path}/lint`);
  if (!found.length) return h("p", { class: "note" }, "Nothing found that receivers or readers may object to.");
  const rows = found.map((one) =>
    h(
      "li",
      {},
      h("span", { class: `severity ${one.severity}` }, one.severity),
      h(
        "span",
        { class: "file" },
        h("b", { dir: "auto" }, one.message),
        h("small", {}, [one.where, one.why, one.advice].filter(Boolean).join(" · ")),
        h("small", {}, h("a", { href: one.source, target: "_blank", rel: "noreferrer noopener" }, one.rule)),
      ),
    ),
  );
  return h("ul", { class: "files findings" }, rows);
}

export class MessageView {
  constructor(place, { onDelete, onTab, onTags, mayRelease }) {
    this.place = place;
    this.onDelete = onDelete;
    this.onTab = onTab;
    this.onTags = onTags;
    this.mayRelease = mayRelease;
    this.number = null;
    this.tabs = null;
  }

  leave() {
    this.number = null;
  }

  async open(number, tab) {
    if (this.number !== number) {
      this.number = number;
      let message;
      try {
        message = await get(`/messages/${number}`);
      } catch (error) {
        if (this.number === number) this.#gone(error);
        return;
      }
      // The person may have gone on meanwhile.
      if (this.number !== number) return;
      this.message = message;
      this.#draw();
    }
    await this.tabs.show(tab);
  }

  get tab() {
    return this.tabs?.shown ?? null;
  }

  #gone(error) {
    this.place.replaceChildren(
      h("div", { class: "empty" }, h("h2", {}, error.status === 404 ? "This message is gone" : "No answer"), h("p", {}, error.message)),
    );
  }

  #draw() {
    const message = this.message;
    const known = `${message.to ?? ""} ${message.cc ?? ""}`.toLowerCase();
    const hidden = message.rcpt_tos.filter((to) => !known.includes(to.toLowerCase()));
    const facts = [
      time(message.received_at, { long: true }),
      size(message.size),
      message.tls ? `${message.tls.version}` : "no TLS",
      message.user ? `logged in as ${message.user}` : "not logged in",
      `from ${message.peer}${message.helo ? ` (${message.helo})` : ""}`,
    ];
    const rows = [
      ["From", message.from ?? `${message.mail_from || "<>"} (envelope)`],
      ["To", message.to ?? message.rcpt_tos.join(", ")],
      ["Cc", message.cc],
      ["Bcc", hidden.length && message.to ? `${hidden.join(", ")} (envelope only)` : null],
      ["Date", message.date],
    ].filter(([, value]) => value);
    const path = `/messages/${message.number}`;
    this.tabs = new Tabs({
      label: "Parts of the message",
      tabs: [...tabsOf(message), ["findings", "Findings"], ["conversation", "Conversation"]],
      panels: {
        ...panelsOf(message, path),
        findings: () => findings(path),
        conversation: () => conversation(message.conversation),
      },
      onTab: this.onTab,
    });
    this.place.replaceChildren(
      h(
        "article",
        { class: "message", "aria-label": message.subject ?? "Message" },
        h(
          "header",
          {},
          h("div", { class: "headline" }, h("a", { class: "back", href: "#/" }, "← Back"), this.#actions()),
          h("h2", { dir: "auto" }, message.subject || "(no subject)"),
          h("dl", { class: "fields" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", { dir: "auto" }, value)])),
          h("p", { class: "facts" }, facts.map((fact) => h("span", {}, fact))),
          message.tags.length ? h("p", { class: "tags" }, message.tags.map((tag) => h("span", { class: "tag" }, tag))) : null,
          message.problem ? h("p", { class: "warning" }, `${message.problem}. Its source can still be read.`) : null,
        ),
        this.tabs.list,
        this.tabs.panel,
      ),
    );
  }

  #actions() {
    const message = this.message;
    return h(
      "div",
      { class: "actions" },
      this.mayRelease()
        ? h("button", { type: "button", title: "Send it on to a real server", onclick: () => release(message) }, "Release…")
        : null,
      h("button", { type: "button", title: "Give it tags, to find it by", onclick: () => this.#tag() }, "Tags…"),
      download(message, `/messages/${message.number}`, message.number),
      h("button", { type: "button", class: "danger", title: "Delete (Del)", onclick: () => this.onDelete(message.number) }, "Delete"),
    );
  }

  async #tag() {
    const message = this.message;
    const given = await ask("Tags, separated by commas", message.tags.join(", "), "Save");
    if (given === null) return;
    const tags = given.split(",").map((tag) => tag.trim()).filter(Boolean);
    const summary = await attempt(() => call("POST", `/messages/${message.number}/tags`, { tags }));
    if (!summary || this.message !== message) return;
    message.tags = summary.tags;
    const tab = this.tab;
    this.#draw();
    await this.tabs.show(tab);
    this.onTags();
  }
}
