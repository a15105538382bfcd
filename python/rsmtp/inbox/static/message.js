// One message: what it is, its tabs, and what can be done with it.

import { address, beginning, call, get } from "./api.js";
import { ask, attempt, conversation, h, linked, size, time } from "./elements.js";
import { release } from "./release.js";

const SHOWN_SOURCE = 500_000;

export class MessageView {
  constructor(place, { onDelete, onTab, onTags, mayRelease }) {
    this.place = place;
    this.onDelete = onDelete;
    this.onTab = onTab;
    this.onTags = onTags;
    this.mayRelease = mayRelease;
    this.number = null;
    this.tab = null;
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
      this.tabs = tabsOf(message);
      this.tab = null;
      this.#draw();
    }
    const wanted = this.tabs.some(([name]) => name === tab) ? tab : this.tabs[0][0];
    if (wanted !== this.tab) await this.#show(wanted);
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
    this.panel = h("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: "0" });
    this.tablist = h("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the message", onkeydown: (event) => this.#turn(event) });
    for (const [name, label] of this.tabs) {
      this.tablist.append(
        h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => this.onTab(name) }, label),
      );
    }
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
        this.tablist,
        this.panel,
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
      h("a", { class: "button", href: address(`/messages/${message.number}/source`), download: `message-${message.number}.eml` }, "Download"),
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
    await this.#show(tab);
    this.onTags();
  }

  async #show(name) {
    this.tab = name;
    for (const button of this.tablist.children) {
      const chosen = button.id === `tab-${name}`;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      if (chosen) button.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    this.panel.setAttribute("aria-labelledby", `tab-${name}`);
    this.panel.dataset.tab = name;
    const content = await attempt(() => PANELS[name](this.message));
    if (content && this.tab === name) this.panel.replaceChildren(...[content].flat().filter(Boolean));
  }

  #turn(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const names = this.tabs.map(([name]) => name);
    const next = names[(names.indexOf(this.tab) + step + names.length) % names.length];
    this.onTab(next);
    this.tablist.querySelector(`#tab-${next}`).focus();
  }
}

function tabsOf(message) {
  const files = message.attachments.length;
  return [
    message.html !== null && ["html", "HTML"],
    (message.text !== null || message.html === null) && ["text", "Text"],
    files > 0 && ["attachments", `Attachments ${files}`],
    message.links.length > 0 && ["links", `Links ${message.links.length}`],
    ["headers", "Headers"],
    ["source", "Source"],
    ["conversation", "Conversation"],
  ].filter(Boolean);
}

const PANELS = {
  html(message) {
    const remote = message.remote_hosts;
    return [
      remote.length
        ? h("p", { class: "note" }, `Not loaded, because it is remote: ${remote.slice(0, 3).join(", ")}${remote.length > 3 ? ` and ${remote.length - 3} more` : ""}`)
        : null,
      // Without allow-scripts and allow-same-origin, mail can run nothing and reach nothing.
      h("iframe", {
        title: "The message's HTML",
        sandbox: "allow-popups allow-popups-to-escape-sandbox",
        referrerpolicy: "no-referrer",
        src: address(`/messages/${message.number}/html`),
      }),
    ];
  },

  text(message) {
    if (!message.text) return h("p", { class: "note" }, "There is no text in it.");
    const note = message.text_is_cut ? h("p", { class: "note" }, "Only the beginning of a long text is shown. Download has all of it.") : null;
    return [note, h("pre", { class: "text", dir: "auto" }, linked(message.text))];
  },

  attachments(message) {
    const rows = message.attachments.map((part) =>
      h(
        "li",
        {},
        part.is_picture
          ? h("img", { class: "kind", alt: "", loading: "lazy", decoding: "async", src: address(`/messages/${message.number}/parts/${part.part}/picture`) })
          : h("span", { class: "kind", "aria-hidden": "true" }, kind(part)),
        h("span", { class: "file" }, h("b", { dir: "auto" }, part.filename), h("small", {}, `${part.content_type}, ${size(part.size)}${part.inline ? ", inline" : ""}`)),
        h("a", { class: "button", href: address(`/messages/${message.number}/parts/${part.part}`), download: part.filename, "aria-label": `Save ${part.filename}` }, "Save"),
      ),
    );
    return h("ul", { class: "files" }, rows);
  },

  links(message) {
    const rows = message.links.map(({ href, text }) =>
      h(
        "li",
        {},
        h("span", { class: "file" }, text ? h("b", { dir: "auto" }, text) : null, h("small", { dir: "ltr" }, safe(href) ? linked(href) : href)),
      ),
    );
    return h("ul", { class: "files" }, rows);
  },

  headers(message) {
    const rows = message.headers.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { dir: "auto" }, value)));
    return h("table", { class: "headers" }, h("tbody", {}, rows));
  },

  async source(message) {
    const { text, isCut } = await beginning(`/messages/${message.number}/source`, SHOWN_SOURCE);
    const note = isCut ? h("p", { class: "note" }, `The first ${size(SHOWN_SOURCE)} of ${size(message.size)} are shown. Download has all of it.`) : null;
    return [note, h("pre", { class: "source" }, text)];
  },

  conversation(message) {
    return conversation(message.conversation);
  },
};

function kind(part) {
  const extension = /\.([a-z0-9]{1,4})$/i.exec(part.filename)?.[1];
  return (extension ?? part.content_type.split("/")[1].slice(0, 4)).toUpperCase();
}

// Other schemes (javascript:, data:, file:) are shown, and lead nowhere.
const safe = (href) => /^https?:/i.test(href);
