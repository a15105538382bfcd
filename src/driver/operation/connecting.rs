//! The first operation of a conversation: its connection.

use super::Operation;
use crate::driver::dialling::{Dialling, Next};
use crate::driver::proxy::{Tunnel, blame};
use crate::driver::silence::Silence;
use crate::protocol::{Error, Stage};
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

impl Operation {
    /// The conversation goes through this tunnel, which has to be made first.
    pub fn tunnel(&mut self, tunnel: Tunnel) {
        self.conversation.go_through(Box::new(tunnel));
    }

    /// The addresses to try when connecting.
    pub fn dial(&mut self, dialling: Dialling) {
        self.dialling = Some(dialling);
    }

    /// What to do about the addresses: try one, or wait. Err: none of them could be connected to,
    /// or time is up.
    pub fn next_address(&mut self) -> Result<Next, Error> {
        let left = self.deadline.left(Stage::Connect).map_err(|error| self.out_of_time(error))?;
        let Some(dialling) = &mut self.dialling else { return Ok(Next::Nowhere) };
        let next = dialling.next(Instant::now(), left);
        match &next {
            Next::Dial { note: Some(note), .. } => self.conversation.session_mut().note(note.clone()),
            Next::Nowhere => {
                let error = dialling.nowhere();
                return Err(self.not_connected(error));
            }
            Next::Dial { .. } | Next::Wait(_) => {}
        }
        Ok(next)
    }

    /// The address at this place can't be connected to.
    pub fn address_failed(&mut self, place: usize, error: io::Error) {
        if let Some(note) = self.dialling.as_mut().map(|dialling| dialling.failed(place, error)) {
            self.session_mut().note(note);
        }
    }

    /// The time for connecting is over. Adds what is known of the addresses.
    pub fn out_of_time(&self, error: Error) -> Error {
        match &self.dialling {
            Some(dialling) => self.not_connected(dialling.out_of_time(error)),
            None => self.not_connected(error),
        }
    }

    /// Handles an error of connecting, which may have been to a proxy.
    pub fn not_connected(&self, error: Error) -> Error {
        if self.conversation.is_tunnelled() { blame(error) } else { error }
    }

    /// The connection to `host` is made. If the peer has no address, it is a Unix socket or
    /// something similar. `elsewhere` means that data may leave this machine whatever the peer's
    /// address is.
    pub fn connected(&mut self, host: &str, peer: Option<SocketAddr>, elsewhere: bool) {
        let is_tunnelled = self.conversation.is_tunnelled();
        let awaited = peer.filter(|_| self.greets_plainly && !is_tunnelled);
        self.silence = Silence::on(awaited.map(|address| address.port()));
        self.until = None;
        self.dialling = None;
        let session = self.conversation.session_mut();
        session.note(match peer {
            Some(address) => format!("connected to {address}"),
            None => format!("connected to {host}"),
        });
        // What stays on this machine can't be read on the way.
        if !elsewhere && !is_tunnelled && peer.is_none_or(|address| address.ip().to_canonical().is_loopback())
        {
            session.stays_on_this_machine();
        }
    }
}
