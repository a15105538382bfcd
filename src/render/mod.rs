//! What a message's content is made from: templates, HTML from Markdown, the text beside HTML. Knows
//! no message and no Python.
//!
//! A reader who can't show HTML, or won't, reads the text. It comes from the HTML itself, so that
//! the two never differ: [`html`] has the layout done by the html2text crate, whose parser is
//! that of browsers, and writes the links as mail programs and people expect them. [`markdown`] is
//! read by the pulldown-cmark crate, [`template`]s in Jinja2's syntax by minijinja.

pub mod html;
pub mod markdown;
pub mod template;
