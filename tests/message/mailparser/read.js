// What mailparser makes of the message on standard input, as JSON.
const { simpleParser } = require("mailparser");

simpleParser(process.stdin, { keepCidLinks: true }).then((mail) => {
  const attachments = mail.attachments.map((one) => ({
    name: one.filename,
    kind: one.contentType,
    disposition: one.contentDisposition,
    related: one.related === true,
    cid: one.cid,
    content: one.content.toString("base64"),
  }));
  console.log(JSON.stringify({ subject: mail.subject, text: mail.text, html: mail.html, attachments }));
});
