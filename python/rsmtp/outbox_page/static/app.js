// The page: what its address says is shown, and what happens is heard.
//
//   #/overview               how it stands
//   #/trouble                the list of those in trouble; also waiting, all, and each state
//   #/trouble/12/history     a message, a tab of it

import { get, listen } from "./api.js";
import { Choosing } from "./choosing.js";
import { attempt, choice, h, number } from "./elements.js";
import { keyHelp, listenToKeys, listenToSearch, live } from "./keyboard.js";
import { List } from "./list.js";
import { count, Many, tally } from "./many.js";
import { MessageView } from "./message.js";
import { overview } from "./overview.js";
import { row, same, say } from "./rows.js";
import { countOf, label, VIEWS } from "./states.js";

const detail = document.getElementById("detail");
const search = document.getElementById("search");
const narrow = matchMedia("(max-width: 760px)");
let outbox = null;
let counts = null;
let many = null;
let where = { view: "all", id: null, tab: null, isOverview: false };

const list = new List({
  key: "id",
  row,
  same,
  say: (page, filter) => say(page, filter, counts),
  onOpen: (id, { enter = false } = {}) => {
    show(id);
    if (enter) detail.focus();
  },
  onState: () => {},
});

const view = new MessageView(detail, {
  onTab: (tab) => history.replaceState(null, "", `#/${where.view}/${view.id}/${tab}`) ?? route(),
  onChanged: () => list.refresh(),
  mayChange: () => outbox?.may_change ?? false,
  back: () => `#/${where.view}`,
});

// The tab that one looks at is the tab of the next message too.
const keptTab = () => (where.id !== null && where.tab ? `/${where.tab}` : "");

function go(address) {
  if (location.hash === address) route();
  else location.hash = address;
}

function show(id) {
  if (id === null || id === undefined) return;
  list.rows.get(id)?.element.focus();
  go(`#/${where.view}/${id}${keptTab()}`);
}

const leave = () => go(where.id === null ? "#/overview" : `#/${where.view}`);

function route() {
  const [name, id, tab] = location.hash.replace(/^#\/?/, "").split("/");
  if (name === "detail") {
    detail.focus();
    return;
  }
  const first = countOf("trouble", counts) ? "trouble" : "all";
  where = {
    view: VIEWS.includes(name) ? name : name === "overview" || !where.id ? first : where.view,
    id: /^\d+$/.test(id ?? "") ? Number(id) : null,
    tab: tab ?? null,
    isOverview: name === "overview" || name === "",
  };
  if (!VIEWS.includes(name) && !where.isOverview) where.isOverview = true;
  document.body.dataset.pane = where.id === null && !where.isOverview ? "list" : "detail";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === (where.isOverview ? "overview" : where.view)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  find();
  if (where.id !== null) {
    const kept = list.place.contains(document.activeElement) || narrow.matches;
    list.select(where.id, { focus: kept && !narrow.matches });
    view.open(where.id, where.tab);
    if (narrow.matches) detail.focus({ preventScroll: true });
    return;
  }
  view.leave();
  const last = list.selected;
  list.select(null);
  if (!where.isOverview && narrow.matches && last !== null) list.rows.get(last)?.element.focus();
  detail.scrollTop = 0;
  showOverview();
}

function find() {
  const filter = { state: where.view, search: search.value.trim() };
  if (list.filter.state === filter.state && list.filter.search === filter.search) return;
  document.getElementById("state").value = where.view;
  list.find(filter);
}

// While nothing is open, how it stands.
function showOverview() {
  if (where.id !== null || !outbox || !outbox.counts) return;
  const focused = detail.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const keys = keyHelp([["j", "k", "next, previous"], ["Enter", "read"], ["/", "search"], ["r", "retry"], ["c", "cancel"], ...(many ? [["Space", "choose"], ["Shift", "↓", "choose several"], ["Ctrl", "A", "all that match"]] : [])]);
  detail.replaceChildren(overview(outbox), h("p", { class: "keys" }, keys));
  if (focused) detail.querySelector(`[href="${focused}"]`)?.focus();
}

function tell(news) {
  counts = news.counts ?? counts;
  for (const badge of document.querySelectorAll("[data-count]")) {
    const count = countOf(badge.dataset.count, counts);
    badge.textContent = number(count);
    badge.hidden = count === 0;
  }
  const trouble = countOf("trouble", counts);
  document.title = trouble ? `(${trouble}) rsmtp outbox` : "rsmtp outbox";
  const problem = document.getElementById("problem");
  problem.textContent = news.problem ?? "";
  problem.hidden = !news.problem;
}

let looking = null;
let again = false;

// One request at a time; news that comes meanwhile is asked for after it.
async function look() {
  if (looking) {
    again = true;
    return;
  }
  looking = get("/outbox").then(
    (answer) => {
      outbox = answer;
      document.getElementById("where").textContent = answer.file.split(/[\\/]/).at(-1);
      document.getElementById("where").title = answer.file;
      tell(answer);
      showOverview();
    },
    () => {},
  );
  await looking;
  looking = null;
  if (again) {
    again = false;
    look();
  }
}

function heard(news) {
  tell(news);
  if (news.problem) return;
  list.refresh();
  view.refresh();
  look();
}

function step(by) {
  if (where.id !== null) show(list.beside(where.id, by));
  else show(list.order[0]);
}

function clear() {
  search.value = "";
  find();
}

async function start() {
  await look();
  if (!outbox) {
    // Once more, when the server may be there again.
    setTimeout(start, 2000);
    return;
  }
  const state = document.getElementById("state");
  state.append(...choice("state", VIEWS.map((name) => [name, label(name)]), where.view).children);
  state.addEventListener("change", () => go(`#/${state.value}`));
  addEventListener("hashchange", route);
  listenToSearch(search, find);
  if (outbox.may_change) many = new Many(new Choosing(list, { count, tally, actions: (chosen) => many.actions(chosen) }));
  const isMany = () => list.choosing?.isActive;
  const keys = { r: () => (isMany() ? many.retry() : view.retry()), c: () => (isMany() ? many.cancel() : view.cancel()) };
  listenToKeys({ list, search, open: show, step, leave, clear, keys });
  route();
  listen({ onChange: heard, onLive: live });
  // The hour moves on where nothing else does.
  setInterval(() => attempt(look), 30_000);
}

start();
