// A message of the list.

import { h, size, time } from "./elements.js";

export function row(message) {
  return [
    h("span", { class: "from", dir: "auto" }, sender(message)),
    time(message.received_at),
    h("span", { class: "subject", dir: "auto" }, message.subject || "(no subject)"),
    message.attachment_count > 0
      ? h("span", { class: "chip" }, `${message.attachment_count} ${message.attachment_count === 1 ? "file" : "files"}`)
      : h("span", { class: "octets" }, size(message.size)),
    h("span", { class: "excerpt", dir: "auto" }, message.tags.map((tag) => [h("span", { class: "tag" }, tag), " "]), message.excerpt),
  ];
}

export const same = (before, now) => String(before.tags) === String(now.tags);

export function say(page, { search }) {
  if (search) return `${page.total} of ${page.kept} ${page.kept === 1 ? "message matches" : "messages match"}`;
  if (page.total === 0) return "No mail yet";
  return `${page.total} ${page.total === 1 ? "message" : "messages"}${page.count > page.kept ? `, ${page.count} came` : ""}`;
}

function sender(message) {
  const from = message.from ?? message.mail_from;
  if (!from) return "(no sender)";
  const named = /^\s*"?(.*?)"?\s*<[^<>]*>\s*$/.exec(from);
  return named?.[1] || from;
}
