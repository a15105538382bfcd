// A dialog that sends a message on to a real server. What is typed is used once.

import { call } from "./api.js";
import { choice, conversation, field, h } from "./elements.js";

const FATES = {
  sent: "sent",
  refused: "refused",
  unknown: "unknown: it may have arrived",
  "not sent": "not sent",
};
const PORTS = { starttls: "587", implicit: "465", none: "25" };

export function release(message) {
  const result = h("div", { class: "result", role: "status" });
  const security = choice("tls", [["starttls", "STARTTLS"], ["implicit", "TLS from the start"], ["none", "none"]]);
  const port = h("input", { name: "port", type: "number", min: "1", max: "65535", required: true, value: "587" });
  const verified = h("input", { type: "checkbox", name: "verify", checked: true });
  const verify = h("label", { class: "check" }, verified, "Verify the certificate");
  security.addEventListener("change", () => {
    port.value = PORTS[security.value];
    verify.hidden = security.value === "none";
  });
  const form = h(
    "form",
    { autocomplete: "off" },
    h("h2", { id: "release-title" }, "Release to a real server"),
    h("p", {}, "The message goes out as it came, to the recipients that you name here. Nothing that you type is stored."),
    h(
      "div",
      { class: "grid" },
      field("Server", h("input", { name: "host", required: true, placeholder: "smtp.example.com", autocomplete: "off", spellcheck: "false" })),
      field("Port", port),
      field("Security", security),
      field("User name", h("input", { name: "username", autocomplete: "off", spellcheck: "false" }), "empty: no login"),
      field("Password", h("input", { name: "password", type: "password", autocomplete: "new-password" })),
      verify,
    ),
    h(
      "div",
      { class: "grid two" },
      field("From (envelope)", h("input", { name: "mail_from", value: message.mail_from, spellcheck: "false" })),
      field("To (envelope), one a line", h("textarea", { name: "rcpt_tos", rows: String(Math.min(5, Math.max(2, message.rcpt_tos.length))), required: true, spellcheck: "false", value: message.rcpt_tos.join("\n") })),
    ),
    result,
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close"),
      h("button", { type: "submit", class: "primary" }, "Release"),
    ),
  );
  const dialog = h("dialog", { "aria-labelledby": "release-title", onclose: () => dialog.remove() }, form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(message, form, result);
  });
  document.body.append(dialog);
  dialog.showModal();
}

async function send(message, form, result) {
  const given = new FormData(form);
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  result.replaceChildren(h("p", {}, "Sending…"));
  try {
    const outcome = await call("POST", `/messages/${message.number}/release`, {
      host: given.get("host"),
      port: Number(given.get("port")),
      tls: given.get("tls"),
      verify: given.get("verify") !== null,
      username: given.get("username"),
      password: given.get("password"),
      mail_from: given.get("mail_from").trim(),
      rcpt_tos: given.get("rcpt_tos").split(/[\n,]/).map((to) => to.trim()).filter(Boolean),
    });
    result.replaceChildren(...shown(outcome));
  } catch (error) {
    result.replaceChildren(h("p", { class: "warning" }, error.message));
  } finally {
    button.disabled = false;
    result.scrollIntoView({ block: "nearest" });
  }
}

function shown(outcome) {
  const rows = outcome.recipients.map((to) =>
    h(
      "tr",
      { "data-fate": to.fate },
      h("th", { scope: "row" }, to.address),
      h("td", {}, h("b", { class: `fate ${to.fate.replace(" ", "-")}` }, FATES[to.fate] ?? to.fate), to.code ? h("small", {}, ` ${to.code} ${to.text}`) : null),
    ),
  );
  return [
    outcome.problem ? h("p", { class: "warning" }, `${outcome.problem}${outcome.transient ? " (for now: it may work later)" : ""}`) : null,
    h("table", { class: "recipients" }, h("tbody", {}, rows)),
    outcome.conversation.length ? h("details", {}, h("summary", {}, "What was said"), conversation(outcome.conversation)) : null,
  ].filter(Boolean);
}
