//! A session and the TLS layer below it, combined into one contract for every driver: the
//! connection's octets in, the connection's octets out.

use super::{MakeLayer, Passage, RecordLayer, TlsError, TlsFacts, binding};
use crate::protocol::opening::{Next, Opened, Opening, Plan};
use crate::protocol::{Error, Event, Kind, Options, Request, Session, Stage, Step};
use std::collections::VecDeque;
use std::fmt;

/// The most content in one TLS record (RFC 8446 5.1).
const RECORD: usize = 16 * 1024;
/// How many records are sealed for one write.
const RECORDS: usize = 8;

/// What a driver must do next. The same as the session's steps, except for TLS, which is handled
/// here.
#[derive(Debug)]
#[must_use = "an unhandled move stalls the conversation"]
pub enum Move<'a> {
    Send(&'a [u8]),
    Receive(Stage),
    Yield(Event),
    /// Compute for some milliseconds with [`Conversation::work`].
    Work,
    Idle,
}

pub struct Conversation {
    session: Session,
    layer: Option<Box<dyn RecordLayer>>,
    /// What has to be passed before the server is reached, until then.
    passage: Option<Box<dyn Passage>>,
    is_tunnelled: bool,
    /// The layer that STARTTLS will put below the session.
    prepared: Option<Box<dyn RecordLayer>>,
    /// A plan is opening the session, and receives its events.
    opening: Option<(Opening, MakeLayer)>,
    /// The result of the opening.
    opened: Option<Opened>,
    established: bool,
    /// We have ended TLS.
    ended: bool,
    facts: Option<TlsFacts>,
    ciphertext: Vec<u8>,
    start: usize,
    /// Where each record ends in the ciphertext, and how many octets of the session it contains.
    /// They count as sent when the whole record is. Counting several records together would make
    /// the answer to a command in the first one look too early while the next record still waits.
    records: VecDeque<(usize, usize)>,
    plaintext: Vec<u8>,
    /// How many of the session's octets have been taken.
    said: u64,
}

impl Conversation {
    /// With a layer, TLS comes first (implicit TLS, RFC 8314).
    pub fn new(options: Options, layer: Option<Box<dyn RecordLayer>>) -> Self {
        let options = Options { implicit_tls: options.implicit_tls || layer.is_some(), ..options };
        Self {
            session: Session::new(options),
            layer,
            passage: None,
            is_tunnelled: false,
            prepared: None,
            opening: None,
            opened: None,
            established: false,
            ended: false,
            facts: None,
            ciphertext: Vec::new(),
            start: 0,
            records: VecDeque::new(),
            plaintext: Vec::new(),
            said: 0,
        }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// What TLS negotiated. None without TLS.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.facts.as_ref()
    }

    /// Requests STARTTLS, and puts this layer below the session afterwards.
    pub fn start_tls(&mut self, layer: Box<dyn RecordLayer>) -> Result<(), Error> {
        self.session.request(Request::Command(crate::protocol::command::Command::StartTls))?;
        self.prepared = Some(layer);
        Ok(())
    }

    /// Opens the session by this plan, from its present state. Ends with [`Event::Opened`], and
    /// yields no other event before that.
    pub fn open(&mut self, plan: Plan, make_layer: MakeLayer) {
        let mut opening = Opening::new(plan);
        let next = opening.begin(&mut self.session);
        self.opening = Some((opening, make_layer));
        self.follow(next);
    }

    /// The server is reached through this.
    pub fn go_through(&mut self, passage: Box<dyn Passage>) {
        self.passage = Some(passage);
        self.is_tunnelled = true;
    }

    pub fn is_tunnelled(&self) -> bool {
        self.is_tunnelled
    }

    fn go_on_opening(&mut self) {
        while let Some((opening, _)) = &mut self.opening
            && let Step::Yield(event) = self.session.step()
        {
            let next = opening.hear(event, &mut self.session);
            self.follow(next);
        }
    }

    fn follow(&mut self, mut next: Next) {
        if let Next::StartTls = next
            && let Some((_, make_layer)) = &self.opening
            && let Err(error) = MakeLayer::clone(make_layer)().and_then(|layer| self.start_tls(layer))
            && let Some((opening, _)) = &mut self.opening
        {
            next = opening.fail(error);
        }
        if let Next::Done = next
            && let Some((opening, _)) = self.opening.take()
        {
            self.opened = Some(opening.into_opened());
        }
    }

    /// The outcome that was decided before `error` ended the session. It takes precedence. An
    /// opening reports the error itself, unless the server has given a reason.
    pub fn decided(&mut self, error: &Error) -> Option<Event> {
        self.go_on_opening();
        if let Some((mut opening, _)) = self.opening.take() {
            let _ = opening.fail(error.clone());
            self.opened = Some(opening.into_opened());
        }
        let Some(mut opened) = self.opened.take() else { return self.session.decided() };
        opened.trouble.get_or_insert_with(|| Box::new(error.clone()));
        Some(Event::Opened(Box::new(opened)))
    }

    /// Whether the next move will send something. Before that, a driver processes input, so that
    /// nothing is sent while a reply waits unread.
    pub fn is_about_to_send(&mut self) -> bool {
        self.go_on_opening();
        if let Some(passage) = &self.passage {
            return !passage.pending().is_empty();
        }
        self.start < self.ciphertext.len() || self.session.is_about_to_send()
    }

    pub fn next_move(&mut self) -> Result<Move<'_>, Error> {
        self.go_on_opening();
        if let Some(opened) = self.opened.take() {
            return Ok(Move::Yield(Event::Opened(Box::new(opened))));
        }
        if self.passage.is_some() && !self.session.state().is_over() {
            return Ok(match self.passage.as_ref().map_or(&[][..], |passage| passage.pending()) {
                [] => Move::Receive(Stage::Connect),
                octets => Move::Send(octets),
            });
        }
        self.seal()?;
        if self.start < self.ciphertext.len() {
            return Ok(Move::Send(&self.ciphertext[self.start..]));
        }
        if let Some(layer) = &self.layer
            && layer.is_handshaking()
            && !self.session.state().is_over()
        {
            return Ok(Move::Receive(Stage::Handshake));
        }
        Ok(match self.session.step() {
            Step::Send(octets) => Move::Send(octets),
            Step::Receive(stage) => Move::Receive(stage),
            Step::Yield(event) => Move::Yield(event),
            Step::Work => Move::Work,
            Step::Idle | Step::UpgradeTls => Move::Idle,
        })
    }

    /// Does part of the work that [`Move::Work`] asks for.
    pub fn work(&mut self) {
        self.session.work();
    }

    pub fn is_at_work(&self) -> bool {
        self.session.is_at_work()
    }

    /// What the next [`Move::Send`] would send, whatever else there is to do.
    pub fn unsent(&mut self) -> Option<&[u8]> {
        if self.passage.is_some() {
            return None;
        }
        self.seal().ok()?;
        match &self.ciphertext[self.start..] {
            [] if self.layer.is_none() => self.session.pending(),
            [] => None,
            _ => Some(&self.ciphertext[self.start..]),
        }
    }

    /// This many octets of the last [`Move::Send`] have been passed to the operating system.
    pub fn sent(&mut self, octets: usize) {
        if let Some(passage) = &mut self.passage {
            return passage.sent(octets);
        }
        if self.start == self.ciphertext.len() {
            self.said += octets as u64;
            return self.session.sent(octets);
        }
        if !self.records.is_empty() {
            self.said += octets as u64;
        }
        self.start += octets;
        while let Some(&(end, content)) = self.records.front().filter(|(end, _)| *end <= self.start) {
            debug_assert!(end <= self.ciphertext.len());
            self.records.pop_front();
            self.session.sent(content);
        }
        if self.start >= self.ciphertext.len() {
            self.ciphertext.clear();
            self.start = 0;
        }
    }

    /// The present stage of the conversation, for errors.
    pub fn stage(&self) -> Stage {
        match &self.layer {
            _ if self.passage.is_some() => Stage::Connect,
            Some(layer) if layer.is_handshaking() => Stage::Handshake,
            _ => self.session.stage(),
        }
    }

    /// Grows as the conversation makes progress: with whole replies, and with our octets that the
    /// connection has accepted. TLS's own messages don't count, because a server could request
    /// them endlessly.
    pub fn progress(&self) -> u64 {
        self.session.heard() + self.said
    }

    /// Octets have come from the connection. An error ends the conversation.
    pub fn received(&mut self, octets: &[u8]) -> Result<(), Error> {
        if let Some(passage) = &mut self.passage {
            let Some(rest) = passage.received(octets).map_err(|error| self.session.fail(error))? else {
                return Ok(());
            };
            self.session.note(format!("connected to {}", passage.name()));
            self.passage = None;
            return if rest.is_empty() { Ok(()) } else { self.received(&rest) };
        }
        let Some(layer) = &mut self.layer else { return self.session.received(octets) };
        self.plaintext.clear();
        let decrypted = layer.receive(octets, &mut self.plaintext);
        if !self.established && !layer.is_handshaking() {
            self.established = true;
            self.facts = layer.facts();
            let exported = layer.export(binding::EXPORTER_LABEL).map(binding::of_connection);
            let certificate = self.facts.as_ref().and_then(|facts| facts.certificate.as_deref());
            let of_certificate = certificate.and_then(binding::of_certificate);
            let verified = self.facts.as_ref().is_some_and(|facts| facts.verified);
            self.session.tls_established(exported.into_iter().chain(of_certificate).collect(), verified);
        }
        // What was decrypted before a fault still counts.
        if self.established && !self.plaintext.is_empty() {
            let plaintext = std::mem::take(&mut self.plaintext);
            let heard = self.session.received(&plaintext);
            self.plaintext = plaintext;
            heard?;
        }
        decrypted.map_err(|mut error| {
            if let Some(said) = said_in_plaintext(octets).filter(|_| self.established) {
                error.message = format!("{}; without encryption came: {said}", error.message);
            }
            self.tls_failed(error)
        })?;
        match &self.layer {
            // Nothing can follow, whether or not the connection itself is closed.
            Some(layer) if layer.has_ended() => self.received_eof(),
            _ => Ok(()),
        }
    }

    /// The octets that end TLS from our side, once (RFC 8446 6.1), for a connection that is about
    /// to be closed. Empty if octets wait that must no longer be sent.
    pub fn end_tls(&mut self) -> Option<&[u8]> {
        if self.start < self.ciphertext.len() || !self.established || std::mem::replace(&mut self.ended, true)
        {
            return None;
        }
        let layer = self.layer.as_mut()?;
        let ended = layer.close().and_then(|()| layer.take_output(&mut self.ciphertext));
        Some(&self.ciphertext[self.start..]).filter(|octets| ended.is_ok() && !octets.is_empty())
    }

    pub fn received_eof(&mut self) -> Result<(), Error> {
        if let Some(passage) = &self.passage {
            let error = passage.received_eof();
            return Err(self.session.fail(error));
        }
        match &self.layer {
            Some(layer) if layer.is_handshaking() && self.session.is_upgrading() => {
                let message = "the server closed the connection in the TLS handshake behind STARTTLS";
                Err(self.session.fail(Error::new(Kind::Disconnected, Stage::Handshake, message)))
            }
            Some(layer) if layer.is_handshaking() => {
                let message = "TLS handshake failed: the server closed the connection";
                Err(self.session.fail(Error::new(Kind::Tls, Stage::Handshake, message)))
            }
            _ => self.session.received_eof(),
        }
    }

    /// Puts the prepared layer below the session when the session asks for it, and encrypts what
    /// the session has to send.
    fn seal(&mut self) -> Result<(), Error> {
        if self.start < self.ciphertext.len() {
            return Ok(());
        }
        if self.layer.is_none() {
            if !self.session.is_upgrading() {
                return Ok(());
            }
            self.layer = self.prepared.take();
        }
        let Some(layer) = &mut self.layer else {
            return Err(
                self.tls_failed(TlsError::new("STARTTLS was agreed on without anything to do it with"))
            );
        };
        // The end of the handshake and the first data after it share a write.
        let mut sealed = layer.take_output(&mut self.ciphertext);
        if sealed.is_ok()
            && !layer.is_handshaking()
            && let Some(octets) = self.session.pending()
        {
            for content in octets.chunks(RECORD).take(RECORDS) {
                sealed = layer.send(content).and_then(|()| layer.take_output(&mut self.ciphertext));
                if sealed.is_err() {
                    break;
                }
                self.records.push_back((self.ciphertext.len(), content.len()));
            }
        }
        sealed.map_err(|error| self.tls_failed(error))
    }

    fn tls_failed(&mut self, error: TlsError) -> Error {
        let stage = if self.established { self.session.stage() } else { Stage::Handshake };
        let message = match self.established {
            _ if error.certificate => error.message,
            true => format!("the encrypted connection broke: {}", error.message),
            false => format!("TLS handshake failed: {}", error.message),
        };
        // An alert that tells the peer the reason is sent with the last octets.
        if let Some(layer) = &mut self.layer {
            let _ = layer.take_output(&mut self.ciphertext);
        }
        let kind = if error.certificate { Kind::Certificate } else { Kind::Tls };
        let (cause, advice) = (error.cause, error.advice);
        self.session.fail(Error { cause, advice, ..Error::new(kind, stage, message) })
    }
}

/// A plaintext reply after the end of TLS. Exim explains itself like this. It is shown to people,
/// but nothing is concluded from it, because an attacker could have sent it.
fn said_in_plaintext(octets: &[u8]) -> Option<String> {
    let line = octets.strip_suffix(b"\r\n")?;
    let start = line.iter().rposition(|octet| !(b' '..=b'~').contains(octet)).map_or(0, |at| at + 1);
    let text = std::str::from_utf8(&line[start..]).ok()?;
    let is_reply = text.len() > 4 && text.bytes().take(3).all(|octet| octet.is_ascii_digit());
    is_reply.then(|| text.to_owned())
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("session", &self.session).field("tls", &self.facts).finish()
    }
}
