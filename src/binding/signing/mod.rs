//! DKIM for Python: `rsmtp.Dkim`, which of them signs a message, and content that is signed
//! before it is sent.

mod choice;
mod content;
mod dkim;
mod key;
mod record;

pub(crate) use choice::DkimChoice;
pub(crate) use content::{Contents, Sealed};
pub(crate) use dkim::{Dkim, signed};
pub(crate) use key::new_dkim_key;
pub(crate) use record::DnsRecord;
