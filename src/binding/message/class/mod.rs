//! The message class: its state, and its methods grouped by subject.

mod attributes;
mod content;
mod copies;
mod displays;
mod fields;
mod keywords;
mod message;
mod origin;
mod params;
mod render;
pub(crate) mod state;
pub(crate) mod style;

pub(crate) use message::Message;
pub(crate) use origin::Origin;
pub(crate) use render::rendered_for_sending;
