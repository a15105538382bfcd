//! `Catcher.restore()`: a message of an earlier run, read from wherever it was kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pyo3::prelude::*;

use super::argument::bad_argument;
use super::server::Catcher;
use crate::binding::username;
use crate::catcher::{Client, Conversation, Received, Recipient, Side, TlsFacts};

type Parameters = BTreeMap<String, Option<String>>;

#[pymethods]
impl Catcher {
    /// Keeps a message of an earlier run, as `rsmtp catch --store` does: it is in
    /// `messages` again, in its place, and the next one that comes has a higher number.
    ///
    /// The arguments are what `CaughtMessage` tells; `tls` is its version, cipher and
    /// server name, `timeline` what was said, as (at, direction, text). Returns False
    /// where the number is taken or there is no room (`keep`). `count` stays.
    ///
    /// Raises ValueError for a number below 1 or a direction that is not "C", "S" or "*".
    #[pyo3(signature = (
        number, data, *, received_at, mail_from, rcpt_tos, mail_parameters = None,
        rcpt_parameters = None, peer = "", helo = "", username = None, user = None, tls = None, chunked = false,
        timeline = None,
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn restore(
        &self,
        number: u64,
        data: Vec<u8>,
        received_at: SystemTime,
        mail_from: String,
        rcpt_tos: Vec<String>,
        mail_parameters: Option<Parameters>,
        rcpt_parameters: Option<Vec<Parameters>>,
        peer: &str,
        helo: &str,
        username: Option<String>,
        user: Option<String>,
        tls: Option<(String, String, Option<String>)>,
        chunked: bool,
        timeline: Option<Vec<(Option<f64>, String, String)>>,
    ) -> PyResult<bool> {
        if number == 0 {
            return Err(bad_argument("number", &"messages are numbered from 1 on"));
        }
        let mut of_recipients = rcpt_parameters.into_iter().flatten();
        let client = Client {
            peer: peer.to_owned(),
            helo: helo.to_owned(),
            extended: true,
            user: username::one_of(username, user)?,
            tls: tls.map(|(version, cipher, server_name)| TlsFacts { version, cipher, server_name }),
            xclient: Vec::new(),
        };
        let recipients = rcpt_tos.into_iter().map(|address| Recipient {
            address,
            parameters: of_recipients.next().unwrap_or_default().into_iter().collect(),
        });
        let said = timeline.into_iter().flatten().map(|(at, direction, text)| {
            let at = Duration::try_from_secs_f64(at.unwrap_or(0.0)).unwrap_or_default();
            Ok((side(&direction)?, at, text))
        });
        Ok(self.inner.restore(Received {
            id: number,
            at: received_at,
            client: Arc::new(client),
            mail_from,
            mail_parameters: mail_parameters.into_iter().flatten().collect(),
            recipients: recipients.collect(),
            size: data.len() as u64,
            data,
            chunked,
            conversation: Conversation::of(said.collect::<PyResult<Vec<_>>>()?),
        }))
    }
}

fn side(direction: &str) -> PyResult<Side> {
    match direction {
        "C" => Ok(Side::Client),
        "S" => Ok(Side::Server),
        "*" => Ok(Side::Event),
        other => Err(bad_argument("timeline", &format!("{other:?} is none of \"C\", \"S\", \"*\""))),
    }
}
