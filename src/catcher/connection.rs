//! One connection: moves octets between the wire and the session, and carries out the session's
//! effects. It makes no decisions about SMTP.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fault::Disconnect;
use super::identity::Identity;
use super::session::{Effect, Session};
use super::stop::Stop;
use super::store::{Record, Store};
use super::wire::Wire;

/// The size of the read buffer. It is large because a client that streams messages gets one answer
/// for each read, and each answer costs a system call on both sides.
const ROOM: usize = 256 * 1024;

/// Everything that a connection's thread works with.
#[derive(Debug)]
pub struct Connection {
    pub wire: Wire,
    pub session: Session,
    pub store: Arc<Store>,
    pub record: Arc<Record>,
    pub stop: Arc<Stop>,
    /// `None` if TLS is off.
    pub identity: Option<Arc<Identity>>,
    pub started: Instant,
}

/// What to do after an effect.
enum Next {
    GoOn,
    /// TLS has begun, so what was read before is dropped.
    Afresh,
    End,
}

impl Connection {
    /// Serves the client until the client or the server ends the connection.
    pub fn serve(mut self) {
        if let Err(error) = self.converse() {
            self.session.note(&format!("the connection broke: {error}"));
        }
        self.record.publish(self.session.snapshot(true));
        self.store.ended();
    }

    fn converse(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; ROOM];
        let (mut start, mut end) = (0, 0);
        loop {
            self.hand_out()?;
            while let Some(effect) = self.session.effect() {
                match self.perform(effect)? {
                    Next::GoOn => {}
                    Next::Afresh => (start, end) = (0, 0),
                    Next::End => return Ok(()),
                }
                self.hand_out()?;
            }
            let taken = self.session.receive(&buffer[start..end], self.started.elapsed());
            start += taken;
            if taken > 0 {
                continue;
            }
            // Keep the incomplete line. It is always much shorter than the buffer.
            buffer.copy_within(start..end, 0);
            (start, end) = (0, end - start);
            match self.wire.read(&mut buffer[end..]) {
                Ok(0) => return Ok(()),
                Ok(read) => end += read,
                Err(error) if timed_out(&error) => self.session.expire(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Publishes accepted messages and the state before sending the replies, so that a client that
    /// has a reply can rely on it.
    fn hand_out(&mut self) -> io::Result<()> {
        if !self.session.received().is_empty() {
            self.store.add(self.session.received());
        }
        self.record.publish(self.session.snapshot(self.session.is_ending()));
        if !self.session.output().is_empty() {
            self.wire.write(self.session.output())?;
            self.session.output().clear();
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> io::Result<Next> {
        match effect {
            Effect::Wait(time) => {
                if self.stop.wait(time) {
                    return Ok(Next::End);
                }
            }
            Effect::Send(octets) => self.wire.write(&octets)?,
            Effect::Drip(octets, pause) => {
                for octet in octets {
                    self.wire.write(&[octet])?;
                    if self.stop.wait(pause) {
                        return Ok(Next::End);
                    }
                }
            }
            Effect::Endless(octets) => {
                while !self.stop.is_said() {
                    self.wire.write(&octets)?;
                }
                return Ok(Next::End);
            }
            Effect::Stall => {
                self.wire.drain(None, &self.stop)?;
                return Ok(Next::End);
            }
            Effect::UpgradeTls(bad) => {
                let Some(identity) = &self.identity else {
                    return Ok(Next::End);
                };
                let shown = identity.shown(bad)?;
                match self.wire.handshake(Arc::clone(&shown.config)) {
                    Ok(facts) => {
                        let secured = self.wire.secured(&shown.certificate);
                        self.session.secured(facts, secured, self.started.elapsed());
                    }
                    Err(error) => {
                        self.session.note(&format!("the TLS handshake failed: {error}"));
                        // The alert must reach the client, so no RST may follow it.
                        self.wire.close(Disconnect::Fin, &self.stop);
                        return Ok(Next::End);
                    }
                }
                return Ok(Next::Afresh);
            }
            Effect::Close(how) => {
                self.wire.close(how, &self.stop);
                return Ok(Next::End);
            }
        }
        Ok(Next::GoOn)
    }
}

/// A read that reaches its time limit fails with `WouldBlock` on Unix, and with `TimedOut` on
/// Windows.
fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A socket's timeout can't be zero, so it is raised to the shortest possible one.
pub fn at_least_a_moment(time: Duration) -> Duration {
    time.max(Duration::from_millis(1))
}
