//! The contract of a session: what a caller can request, what a driver must do next, and what
//! comes of it.

use super::auth::Credentials;
use super::body::{Body, Unreadable};
use super::command::Command;
use super::error::Stage;
use super::opening::Opened;
use super::reply::Reply;
use super::transaction::{Outcome, Transaction};

/// A request by the caller.
#[derive(Debug)]
pub enum Request {
    /// One command, one [`Event::Reply`].
    Command(Command),
    /// EHLO, and HELO if the server says that it doesn't know EHLO (RFC 5321 3.2, 4.1.4). One
    /// [`Event::Reply`].
    Hello(super::command::ClientName),
    /// AUTH, carried out by the session. It uses the first offered mechanism in the order of
    /// [`Credentials::choose`]. `initial_response` tells whether the first response may be sent
    /// with the command. Ends with [`Event::Auth`].
    Login { credentials: Credentials, initial_response: bool },
    /// An AUTH exchange for which the caller gives the responses. Every challenge is an
    /// [`Event::Challenge`], to be answered with `Session::respond`.
    AuthBy { mechanism: String, initial_response: Option<Vec<u8>> },
    /// DATA and the mail data. One [`Event::Reply`], [`Event::DataRefused`] or
    /// [`Event::Unreadable`].
    MailData(Body),
    /// A whole mail transaction. Ends with [`Event::Transaction`].
    Transaction(Transaction),
}

/// What a driver must do next.
#[derive(Debug)]
#[must_use = "an unhandled step stalls the session"]
pub enum Step<'a> {
    /// Send these octets (or some of them: say how many with `Session::sent`).
    Send(&'a [u8]),
    /// Wait for octets, at most as long as this stage allows.
    Receive(Stage),
    /// Bring TLS up on the connection, then call `Session::tls_established`.
    UpgradeTls,
    /// Call `Session::work`, which computes for some milliseconds, and come back. The driver may
    /// serve other sessions in between.
    Work,
    /// Tell the caller.
    Yield(Event),
    /// Nothing to do until there is a request.
    Idle,
}

/// The result of a request.
#[derive(Debug)]
pub enum Event {
    /// The reply to a command, the greeting, or mail data.
    Reply(Reply),
    /// TLS is up after STARTTLS. Carries the 220 that led to it.
    Secured(Reply),
    /// The server sends a challenge to the caller of `AuthBy`.
    Challenge(Vec<u8>),
    /// The last reply of an AUTH exchange, and whether the login succeeded.
    Auth {
        accepted: bool,
        reply: Reply,
    },
    /// The reply to DATA, instead of a 354.
    DataRefused(Reply),
    /// The mail data of a separate DATA request could not be read completely. The session is over,
    /// because only a lost connection can take mail data back.
    Unreadable(Unreadable),
    Transaction(Outcome),
    /// Nothing can be sent before `Session::say_ends`: the next thing to send is the end of a
    /// message, and it is held.
    EndHeld,
    /// An [`Opening`](super::opening::Opening) has opened the session, or failed to. A session
    /// never yields this by itself.
    Opened(Box<Opened>),
}
