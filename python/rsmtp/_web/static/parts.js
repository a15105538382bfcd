// What stands in a message, in tabs.

import { address, beginning } from "./api.js";
import { attempt, h, linked, size } from "./elements.js";

const SHOWN_SOURCE = 500_000;

// Tabs are [name, label]; `panels` makes the content of each, at once or later.
export class Tabs {
  constructor({ label, tabs, panels, onTab }) {
    this.tabs = tabs;
    this.panels = panels;
    this.onTab = onTab;
    this.shown = null;
    this.panel = h("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: "0" });
    this.list = h(
      "div",
      { class: "tabs", role: "tablist", "aria-label": label, onkeydown: (event) => this.#turn(event) },
      tabs.map(([name, text]) =>
        h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => onTab(name) }, text),
      ),
    );
  }

  // The tab of this name, or the first one.
  async show(name) {
    const wanted = this.tabs.some(([known]) => known === name) ? name : this.tabs[0][0];
    if (wanted === this.shown) return;
    this.shown = wanted;
    for (const button of this.list.children) {
      const chosen = button.id === `tab-${wanted}`;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      if (chosen) button.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    this.panel.setAttribute("aria-labelledby", `tab-${wanted}`);
    this.panel.dataset.tab = wanted;
    await this.draw();
  }

  async draw() {
    const name = this.shown;
    const content = await attempt(() => this.panels[name]());
    if (content && this.shown === name) this.panel.replaceChildren(...[content].flat().filter(Boolean));
  }

  #turn(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const names = this.tabs.map(([name]) => name);
    const next = names[(names.indexOf(this.shown) + step + names.length) % names.length];
    this.onTab(next);
    this.list.querySelector(`#tab-${next}`).focus();
  }
}

// The tabs of a message's content.
export function tabsOf(message) {
  const files = message.attachments.length;
  return [
    message.html !== null && ["html", "HTML"],
    (message.text !== null || message.html === null) && ["text", "Text"],
    files > 0 && ["attachments", `Attachments ${files}`],
    message.links.length > 0 && ["links", `Links ${message.links.length}`],
    ["headers", "Headers"],
    ["source", "Source"],
  ].filter(Boolean);
}

// Their panels; `path` is the message's in the API.
export function panelsOf(message, path) {
  return {
    html() {
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
          src: address(`${path}/html`),
        }),
      ];
    },

    text() {
      if (!message.text) return h("p", { class: "note" }, "There is no text in it.");
      const note = message.text_is_cut ? h("p", { class: "note" }, "Only the beginning of a long text is shown. Download has all of it.") : null;
      return [note, h("pre", { class: "text", dir: "auto" }, linked(message.text))];
    },

    attachments() {
      const rows = message.attachments.map((part) =>
        h(
          "li",
          {},
          part.is_picture
            ? h("img", { class: "kind", alt: "", loading: "lazy", decoding: "async", src: address(`${path}/parts/${part.part}/picture`) })
            : h("span", { class: "kind", "aria-hidden": "true" }, kind(part)),
          h("span", { class: "file" }, h("b", { dir: "auto" }, part.filename), h("small", {}, `${part.content_type}, ${size(part.size)}${part.inline ? ", inline" : ""}`)),
          h("a", { class: "button", href: address(`${path}/parts/${part.part}`), download: part.filename, "aria-label": `Save ${part.filename}` }, "Save"),
        ),
      );
      return h("ul", { class: "files" }, rows);
    },

    links() {
      const rows = message.links.map(({ href, text }) =>
        h(
          "li",
          {},
          h("span", { class: "file" }, text ? h("b", { dir: "auto" }, text) : null, h("small", { dir: "ltr" }, safe(href) ? linked(href) : href)),
        ),
      );
      return h("ul", { class: "files" }, rows);
    },

    headers() {
      const rows = message.headers.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { dir: "auto" }, value)));
      return h("table", { class: "headers" }, h("tbody", {}, rows));
    },

    async source() {
      const { text, isCut } = await beginning(`${path}/source`, SHOWN_SOURCE);
      const note = isCut ? h("p", { class: "note" }, `The first ${size(SHOWN_SOURCE)} of ${size(message.size)} are shown. Download has all of it.`) : null;
      return [note, h("pre", { class: "source" }, text)];
    },
  };
}

export const download = (message, path, number) =>
  h("a", { class: "button", href: address(`${path}/source`), download: `message-${number}.eml` }, "Download");

function kind(part) {
  const extension = /\.([a-z0-9]{1,4})$/i.exec(part.filename)?.[1];
  return (extension ?? part.content_type.split("/")[1].slice(0, 4)).toUpperCase();
}

// Other schemes (javascript:, data:, file:) are shown, and lead nowhere.
const safe = (href) => /^https?:/i.test(href);
