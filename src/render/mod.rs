//! Makes the content of messages: templates, HTML from Markdown, and the text beside HTML. Knows
//! neither messages nor Python.
//!
//! Readers who can't or don't want to display HTML see the text. It is made from the HTML itself,
//! so that the two never differ. [`html`] uses the html2text crate for the layout, with a
//! browser-grade parser, and writes links as mail programs and people expect them. [`markdown`]
//! uses the pulldown-cmark crate, and [`template`] uses minijinja for Jinja2's syntax.

mod comparing;
pub mod fault;
pub mod html;
pub mod markdown;
pub mod template;
pub mod value;
