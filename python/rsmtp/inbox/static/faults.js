// The panel that makes the catcher misbehave.

import { call, get } from "./api.js";
import { attempt, choice, field, h, toast } from "./elements.js";

const PRESETS = [
  ["Unknown recipient", { stage: "RCPT", code: 550, text: "5.1.1 no such user" }],
  ["Greylisting, once", { stage: "RCPT", code: 450, text: "4.2.0 greylisted, try again", times: 1 }],
  ["Sender refused", { stage: "MAIL", code: 550, text: "5.7.1 sender rejected" }],
  ["Message refused", { stage: "end-of-data", code: 554, text: "5.7.1 looks like spam" }],
  ["Login refused", { stage: "AUTH", code: 535, text: "5.7.8 authentication failed" }],
  ["Mailbox full", { stage: "end-of-data", code: 452, text: "4.2.2 mailbox full" }],
  ["Shutting down", { stage: "MAIL", code: 421, text: "4.3.2 shutting down" }],
  ["Cut off in the data", { stage: "mail-data", disconnect: "reset" }],
  ["Taken, but no answer", { stage: "end-of-data", disconnect: "fin", accept: "true" }],
  ["Slow", { stage: "EHLO", delay: 3 }],
  ["Silent", { stage: "greeting", stall: true }],
  ["Expired certificate", { stage: "handshake", certificate: "expired" }],
];

export async function showFaults(place, stages, isCurrent) {
  const answer = await attempt(() => get("/faults"));
  if (!answer || !isCurrent()) return;
  const active = armed(answer.faults);
  const old = place.querySelector(".armed");
  // News must not take away what a person is typing.
  if (old) old.replaceWith(active);
  else place.replaceChildren(page(stages, active));
}

function page(stages, active) {
  const form = faultForm(stages);
  const presets = PRESETS.map(([label, values]) => h("button", { type: "button", class: "preset", onclick: () => fill(form, values) }, label));
  return h(
    "div",
    { class: "page" },
    h("a", { class: "back", href: "#/" }, "← Messages"),
    h("h2", {}, "Misbehave"),
    h("p", {}, "Tell the catcher what to do wrong, then run your program and see how it takes it."),
    active,
    h("h3", { id: "presets" }, "Begin with"),
    h("div", { class: "presets", role: "group", "aria-labelledby": "presets" }, presets),
    form,
  );
}

function armed(faults) {
  const live = faults.filter((fault) => fault.times !== 0);
  if (!faults.length) return h("div", { class: "armed" }, h("p", { class: "well" }, "It behaves well at the moment."));
  const rows = faults.map((fault) =>
    h(
      "li",
      { class: fault.times === 0 ? "spent" : "" },
      h("b", {}, fault.stage),
      h("span", {}, `${fault.text}${fault.address ? `, for ${fault.address}` : ""}`),
      h("small", {}, left(fault)),
      h("button", { type: "button", class: "quiet", "aria-label": `Remove fault ${fault.number} at ${fault.stage}`, onclick: () => remove(`/faults/${fault.number}`) }, "Remove"),
    ),
  );
  return h(
    "div",
    { class: "armed" },
    h("h3", {}, live.length ? "It misbehaves" : "Used up"),
    h("ul", {}, rows),
    h("button", { type: "button", class: "primary", onclick: () => remove("/faults") }, "Behave well again"),
  );
}

function left(fault) {
  const skip = fault.skip ? `after ${fault.skip} more, ` : "";
  if (fault.times === null) return `${skip}always`;
  return fault.times === 0 ? "used up" : `${skip}${fault.times} ${fault.times === 1 ? "time" : "times"} left`;
}

const remove = (path) => attempt(() => call("DELETE", path)).then(changed);
const changed = () => dispatchEvent(new Event("faults-changed"));

function faultForm(stages) {
  const number = (name, label, hint, step = "1") => field(label, h("input", { name, type: "number", min: "0", step, inputmode: "decimal" }), hint);
  const flag = (name, label) => h("label", { class: "check" }, h("input", { type: "checkbox", name }), label);
  const disconnects = [["", "stay"], ["fin", "in order (FIN)"], ["reset", "reset (RST)"], ["half-close", "half-close"]];
  const certificates = ["", "wrong-name", "expired", "not-yet-valid", "untrusted", "self-signed"].map((name) => [name, name || "the good one"]);
  const effects = [["", "as the reply says"], ["true", "takes effect"], ["false", "has no effect"]];
  return h(
    "form",
    { class: "fault-form", onsubmit: submit, "aria-label": "A fault" },
    h(
      "div",
      { class: "grid" },
      field("When it comes to", choice("stage", stages.map((stage) => [stage, stage]), "RCPT")),
      field("Reply code", h("input", { name: "code", type: "number", min: "200", max: "599", inputmode: "numeric" }), "empty: the usual reply"),
      field("Reply text", h("input", { name: "text", autocomplete: "off" })),
      number("times", "Times", "empty: always"),
      field("Only for", h("input", { name: "address", autocomplete: "off", placeholder: "bob@example.org" }), "at MAIL and RCPT; @example.org: a domain"),
      number("delay", "Delay in seconds", null, "any"),
      field("Connection", choice("disconnect", disconnects)),
    ),
    h(
      "details",
      {},
      h("summary", {}, "More"),
      h(
        "div",
        { class: "grid" },
        number("skip", "Let pass first"),
        number("drip", "Seconds between octets", null, "any"),
        number("after", "Octets of mail data before that", "at mail-data"),
        field("Command", choice("accept", effects)),
        field("Certificate", choice("certificate", certificates), "at handshake"),
        h("div", { class: "checks" }, flag("stall", "never reply"), flag("endless", "repeat the reply without end")),
      ),
    ),
    h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary" }, "Misbehave")),
  );
}

function fill(form, values) {
  form.reset();
  for (const [name, value] of Object.entries(values)) {
    const control = form.elements[name];
    if (control.type === "checkbox") control.checked = value;
    else control.value = value;
    if (control.closest("details")) control.closest("details").open = true;
  }
  form.querySelector("[type=submit]").focus();
}

async function submit(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const given = new FormData(form);
  const fault = { stage: given.get("stage") };
  if (given.get("code")) fault.reply = { code: Number(given.get("code")), text: given.get("text") };
  for (const name of ["times", "delay", "skip", "drip", "after"]) if (given.get(name)) fault[name] = Number(given.get(name));
  for (const name of ["address", "disconnect", "certificate"]) if (given.get(name)) fault[name] = given.get(name);
  if (given.get("accept")) fault.accept = given.get("accept") === "true";
  for (const name of ["stall", "endless"]) if (given.get(name)) fault[name] = true;
  const added = await attempt(() => call("POST", "/faults", fault));
  if (!added) return;
  toast(`At ${added.stage}: ${added.text}`);
  form.reset();
  changed();
}
