// The page: what its address says is shown, and what happens is heard.
//
//   #/                       the list
//   #/messages/12/source     a message, a tab of it
//   #/connections/3          a connection
//   #/faults                 the panel

import { call, get, listen } from "./api.js";
import { showConnection, showConnections } from "./connections.js";
import { Choosing } from "./choosing.js";
import { attempt, confirm, h, number, toast } from "./elements.js";
import { showFaults } from "./faults.js";
import { keyHelp, listenToKeys, listenToSearch, live } from "./keyboard.js";
import { List } from "./list.js";
import { MessageView } from "./message.js";
import { row, same, say } from "./rows.js";

const detail = document.getElementById("detail");
const search = document.getElementById("search");
const narrow = matchMedia("(max-width: 760px)");
let server = null;
let where = { view: "messages", number: null, tab: null };

const list = new List({
  key: "number",
  row,
  same,
  say,
  marksNew: true,
  onOpen: (number, { enter = false } = {}) => {
    go(`#/messages/${number}${keptTab()}`);
    if (enter) detail.focus();
  },
  onState: (page) => {
    const count = document.getElementById("count");
    count.textContent = page.kept;
    count.hidden = page.kept === 0;
    document.getElementById("delete-all").disabled = page.kept === 0;
    document.title = page.kept ? `(${page.kept}) rsmtp inbox` : "rsmtp inbox";
    if (where.view === "messages" && where.number === null) showNothing(page);
  },
});

const choosing = new Choosing(list, {
  count: async ({ search }) => ({ size: (await get(`/messages?${new URLSearchParams({ search: search ?? "", limit: 1 })}`)).total }),
  tally: (chosen) => ({ size: chosen.length }),
  actions: ({ size }) => [{ label: `Delete ${number(size)}…`, title: "Delete them (Del)", act: removeChosen }],
});

const view = new MessageView(detail, {
  onDelete: remove,
  onTab: (tab) => history.replaceState(null, "", `#/messages/${view.number}/${tab}`) ?? route(),
  onTags: () => list.refresh(),
  mayRelease: () => server?.may_release ?? false,
});

// The tab that one looks at is the tab of the next message too.
const keptTab = () => (where.view === "messages" && view.tab && where.tab ? `/${view.tab}` : "");

function go(address) {
  if (location.hash === address) route();
  else location.hash = address;
}

function route() {
  const [name, number, tab] = location.hash.replace(/^#\/?/, "").split("/");
  if (name === "detail") {
    detail.focus();
    return;
  }
  where = {
    view: ["connections", "faults"].includes(name) ? name : "messages",
    number: /^\d+$/.test(number ?? "") ? Number(number) : null,
    tab: tab ?? null,
  };
  const isList = where.view === "messages" && where.number === null;
  document.body.dataset.pane = isList ? "list" : "detail";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === where.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (where.view !== "messages" || where.number === null) view.leave();
  if (where.view === "messages" && where.number !== null) {
    const kept = list.place.contains(document.activeElement) || narrow.matches;
    list.select(where.number, { focus: kept && !narrow.matches });
    view.open(where.number, where.tab);
    if (narrow.matches) detail.focus({ preventScroll: true });
  } else {
    const last = list.selected;
    list.select(null);
    if (isList && narrow.matches && last !== null) list.rows.get(last)?.element.focus();
  }
  if (isList) showNothing();
  if (where.view === "connections" || where.view === "faults") {
    detail.replaceChildren();
    detail.scrollTop = 0;
    showOther();
  }
}

function showOther() {
  const shown = where;
  const isCurrent = () => shown === where;
  if (where.view === "faults" && server) showFaults(detail, server.stages, isCurrent);
  if (where.view === "connections" && where.number === null) showConnections(detail, isCurrent);
  if (where.view === "connections" && where.number !== null) showConnection(detail, where.number, isCurrent);
}

function showNothing(page) {
  const kept = page?.kept ?? list.order.length;
  if (detail.querySelector(".empty")?.dataset.kept === String(Boolean(kept)) || !server) return;
  const help = kept
    ? [h("h2", {}, "Nothing is open"), h("p", {}, "Choose a message. "), h("p", { class: "keys" }, ...keys())]
    : [
        h("h2", {}, "Waiting for mail"),
        h("p", {}, `Whatever is sent to ${server.host}:${server.port} appears here, and goes nowhere else.`),
        h("pre", { class: "snippet", tabindex: "0", "aria-label": "A script that sends something" }, server.snippet.trim()),
        h("p", {}, h("button", { type: "button", onclick: copy }, "Copy the script")),
      ];
  detail.replaceChildren(h("div", { class: "empty", "data-kept": String(Boolean(kept)) }, help));
}

const copy = () => attempt(() => navigator.clipboard.writeText(server.snippet)).then(() => toast("Copied"));

const keys = () => keyHelp([["j", "k", "next, previous"], ["Enter", "read"], ["/", "search"], ["Del", "delete"], ["Space", "choose"], ["Ctrl", "A", "all that match"]]);

async function remove(number) {
  const next = list.beside(number) ?? list.beside(number, -1);
  const done = await attempt(() => call("DELETE", `/messages/${number}`).then(() => true));
  if (!done) return;
  await list.refresh();
  if (where.number !== number) return;
  const again = list.place.contains(document.activeElement) || document.activeElement === document.body;
  go(next === null || narrow.matches ? "#/" : `#/messages/${next}${keptTab()}`);
  if (again) list.rows.get(next)?.element.focus();
}

async function removeChosen() {
  if (choosing.working || !choosing.chosen) return;
  const messages = (count) => `${number(count)} ${count === 1 ? "message" : "messages"}`;
  if (!(await confirm(`Delete ${messages(choosing.chosen.size)}?`, "Delete"))) return;
  await choosing.carryOut("/messages/delete", {}, (count) => `${messages(count)} deleted`);
  if (where.number !== null && !list.rows.has(where.number)) go("#/");
}

document.getElementById("delete-all").addEventListener("click", async () => {
  if (!(await confirm("Delete all messages?", "Delete all"))) return;
  await attempt(() => call("DELETE", "/messages"));
  go("#/");
});

const find = (search) => list.find({ search });
listenToSearch(search, find);
listenToKeys({
  list,
  search,
  open,
  step,
  leave: () => go("#/"),
  clear() {
    search.value = "";
    find("");
  },
  keys: {
    Delete() {
      if (choosing.isActive) {
        removeChosen();
        return true;
      }
      const isShown = where.view === "messages" && where.number !== null;
      if (isShown) remove(where.number);
      return isShown;
    },
  },
});

function step(by) {
  if (where.view === "messages" && where.number !== null) open(list.beside(where.number, by));
  else open(list.order[0]);
}

function open(number) {
  if (number === null || number === undefined) return;
  list.rows.get(number)?.element.focus();
  go(`#/messages/${number}${keptTab()}`);
}

function heard(news) {
  list.refresh();
  const armed = document.getElementById("armed");
  armed.textContent = news.faults;
  armed.hidden = news.faults === 0;
  if (where.view !== "messages") showOther();
}

async function start() {
  server = (await attempt(() => get("/server"))) ?? null;
  if (!server) {
    // Once more, when the inbox may be there again.
    setTimeout(start, 2000);
    return;
  }
  const security = { starttls: "STARTTLS", implicit: "TLS", none: "no TLS" }[server.tls];
  const place = server.port ? `${server.host}:${server.port}` : server.host;
  document.getElementById("where").textContent = `${server.protocol.toUpperCase()} ${place}, ${security}`;
  addEventListener("hashchange", route);
  addEventListener("faults-changed", async () => heard(await get("/server")));
  await list.refresh();
  route();
  listen({ onChange: heard, onLive: live });
}

start();
