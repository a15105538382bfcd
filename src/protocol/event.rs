//! The contract of a session: what a caller asks for, what a driver must do
//! next, what comes of it.

use super::auth::Credentials;
use super::body::{Body, Unreadable};
use super::command::Command;
use super::error::Stage;
use super::opening::Opened;
use super::reply::Reply;
use super::transaction::{Outcome, Transaction};

/// What a caller asks for.
#[derive(Debug)]
pub enum Request {
    /// One command, one [`Event::Reply`].
    Command(Command),
    /// EHLO, and HELO if the server says that it does not know EHLO (RFC 5321
    /// 3.2, 4.1.4). One [`Event::Reply`].
    Hello(super::command::ClientName),
    /// AUTH by the session itself, with the first mechanism that is offered of those that
    /// [`Credentials::choose`] puts in order. `initial_response` is whether it may go with the
    /// command. Ends with [`Event::Auth`].
    Login { credentials: Credentials, initial_response: bool },
    /// An AUTH exchange whose responses the caller gives: every challenge comes
    /// as [`Event::Challenge`], to be answered by `Session::respond`.
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
    /// Wait for octets, at most as long as this stage has.
    Receive(Stage),
    /// Bring TLS up on the connection, then call `Session::tls_established`.
    UpgradeTls,
    /// Call `Session::work`, which computes for some milliseconds, and come back. Others may have
    /// their turn in between.
    Work,
    /// Tell the caller.
    Yield(Event),
    /// Nothing to do until there is a request.
    Idle,
}

/// What came of a request.
#[derive(Debug)]
pub enum Event {
    /// The reply to a command, to the greeting, to mail data.
    Reply(Reply),
    /// TLS is up after STARTTLS: the 220 that led to it.
    Secured(Reply),
    /// The server asks the caller of an `AuthBy`.
    Challenge(Vec<u8>),
    /// The last reply of an AUTH exchange, and whether it let the user in.
    Auth {
        accepted: bool,
        reply: Reply,
    },
    /// DATA was answered by this instead of a 354.
    DataRefused(Reply),
    /// The mail data of a request of its own could not be read to its end. The
    /// session is over: nothing but a lost connection takes mail data back.
    Unreadable(Unreadable),
    Transaction(Outcome),
    /// Nothing can be said before `Session::say_ends`: what comes next is the end of a
    /// message, and it is held.
    EndHeld,
    /// A session was opened by a plan, or could not be: of an
    /// [`Opening`](super::opening::Opening), not of a session by itself.
    Opened(Box<Opened>),
}
