// Every connection, those without a message too: where a refused client is found.

import { get } from "./api.js";
import { attempt, conversation, h } from "./elements.js";

export async function showConnections(place, isCurrent) {
  const answer = await attempt(() => get("/connections?limit=200"));
  if (!answer || !isCurrent()) return;
  const rows = answer.connections.map((one) =>
    h(
      "li",
      {},
      h(
        "a",
        { href: `#/connections/${one.number}` },
        h("b", {}, one.helo || one.peer),
        h("span", { class: "chips" }, one.closed ? null : h("span", { class: "chip open" }, "open"), h("span", { class: "chip" }, one.tls ? one.tls.version : "no TLS"), one.user ? h("span", { class: "chip" }, one.user) : null),
        h("small", {}, `${one.number}: ${one.peer}, ${one.lines} ${one.lines === 1 ? "line" : "lines"}`),
        one.refusal ? h("small", { class: "refusal" }, one.refusal) : null,
        one.problem ? h("small", { class: "refusal" }, one.problem) : null,
      ),
    ),
  );
  const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  place.replaceChildren(
    h(
      "div",
      { class: "page" },
      h("a", { class: "back", href: "#/" }, "← Messages"),
      h("h2", {}, "Connections"),
      rows.length
        ? h("ul", { class: "connections" }, rows)
        : h("p", {}, "No client has connected yet."),
    ),
  );
  if (focused) place.querySelector(`[href="${focused}"]`)?.focus();
}

export async function showConnection(place, number, isCurrent) {
  let one;
  try {
    one = await get(`/connections/${number}`);
  } catch (error) {
    if (isCurrent()) place.replaceChildren(h("div", { class: "page" }, back(), h("h2", {}, "Connection"), h("p", {}, error.message)));
    return;
  }
  if (!isCurrent()) return;
  const facts = [one.peer, one.tls ? `${one.tls.version}, ${one.tls.cipher}` : "no TLS", one.user ? `logged in as ${one.user}` : "not logged in", one.closed ? "closed" : "open"];
  place.replaceChildren(
    h(
      "div",
      { class: "page" },
      back(),
      h("h2", {}, `Connection ${one.number}${one.helo ? ` of ${one.helo}` : ""}`),
      h("p", { class: "facts" }, facts.map((fact) => h("span", {}, fact))),
      one.problem ? h("p", { class: "warning" }, one.problem) : null,
      conversation(one.conversation),
    ),
  );
}

const back = () => h("a", { class: "back always", href: "#/connections" }, "← Connections");
