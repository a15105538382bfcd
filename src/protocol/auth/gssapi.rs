//! GSSAPI within SASL (RFC 4752). The engine doesn't have a Kerberos library. Whatever supplies
//! the ticket computes the tokens and keeps the keys; the engine controls the order of the
//! exchange.

use super::{Answer, ChannelBinding};
use crate::protocol::error::Error;
use std::fmt;
use std::sync::Arc;

/// What authenticates a user to one service. Used for one exchange.
pub trait Ticket: Send + Sync {
    /// A security context with the server, in which to act as `user`. An empty user means the
    /// ticket's owner. `certificate` is the channel binding to TLS.
    fn context(&self, user: &str, certificate: Option<&ChannelBinding>) -> Result<Box<dyn Context>, Error>;
}

/// One exchange of tokens, followed by the agreement to use no security layer.
pub trait Context: Send {
    /// Answers a challenge. The first one is empty.
    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Error>;

    /// Whether the server has proven its identity and the exchange is complete.
    fn is_complete(&self) -> bool;
}

/// A ticket held by credentials.
/// It shows none of its secrets.
#[derive(Clone)]
pub struct Held(pub Arc<dyn Ticket>);

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Held {}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held(...)")
    }
}

/// The client's side of an exchange.
pub struct Gssapi {
    ticket: Held,
    user: String,
    certificate: Option<ChannelBinding>,
    context: Option<Box<dyn Context>>,
}

impl Gssapi {
    pub fn new(ticket: &Held, user: &str, certificate: Option<&ChannelBinding>) -> Self {
        Self {
            ticket: ticket.clone(),
            user: user.to_owned(),
            certificate: certificate.cloned(),
            context: None,
        }
    }

    pub fn respond(&mut self, challenge: &[u8]) -> Answer {
        match self.said(challenge) {
            Ok(said) => Answer::Say(said),
            Err(error) => Answer::Failed(error),
        }
    }

    fn said(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Error> {
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(self.ticket.0.context(&self.user, self.certificate.as_ref())?),
        };
        context.respond(challenge)
    }

    /// The server accepts the login. Returns why that isn't believed, if so.
    pub fn concluded(&self) -> Result<(), &'static str> {
        match &self.context {
            Some(context) if context.is_complete() => Ok(()),
            _ => Err(
                "the server has not proven that it is the one that the ticket is for: it may be an impostor",
            ),
        }
    }
}

impl fmt::Debug for Gssapi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gssapi(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Credentials, Exchange, Ground, Mechanism, Order, Secret};
    use super::*;
    use crate::protocol::error::{Kind, Stage};

    /// Echoes what it receives, and is done after three answers if it is bound to the certificate.
    struct Echo(usize);

    impl Ticket for Echo {
        fn context(&self, user: &str, bound: Option<&ChannelBinding>) -> Result<Box<dyn Context>, Error> {
            match (user, bound) {
                ("eve", _) => Err(Error::new(Kind::Misuse, Stage::Auth, "there is no ticket")),
                (_, Some(bound)) if bound.name == ChannelBinding::CERTIFICATE => Ok(Box::new(Self(0))),
                _ => Err(Error::new(Kind::Misuse, Stage::Auth, "not bound")),
            }
        }
    }

    impl Context for Echo {
        fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Error> {
            self.0 += 1;
            Ok(challenge.to_vec())
        }

        fn is_complete(&self) -> bool {
            self.0 == 3
        }
    }

    fn exchange(user: &str) -> Exchange {
        let credentials = Credentials::new(user, Secret::Ticket(Held(Arc::new(Echo(0))))).unwrap();
        let offered = ["PLAIN", "GSSAPI"].map(str::to_owned);
        assert_eq!(credentials.choose(&offered, Order::Strongest, None), [Mechanism::Gssapi]);
        let bindings = [ChannelBinding::EXPORTER, ChannelBinding::CERTIFICATE]
            .map(|name| ChannelBinding { name, data: vec![1] });
        let ground = Ground { offered: &[], bindings: &bindings, nonce: || None };
        Exchange::new(Mechanism::Gssapi, credentials, ground).unwrap()
    }

    #[test]
    fn success_is_believed_when_the_ticket_says_so() {
        let mut exchange = exchange("");
        // A token is longer than a line may be.
        assert!(exchange.initial_response(true).is_none());
        assert!(exchange.wants_proof());
        for said in [&b""[..], b"one", b"two"] {
            assert!(exchange.concluded(b"in").is_err());
            let Answer::Say(answer) = exchange.respond(said) else { panic!() };
            assert_eq!(answer, said);
        }
        assert_eq!(exchange.concluded(b"in"), Ok(()));
    }

    #[test]
    fn what_it_can_not_say_ends_the_exchange() {
        let mut exchange = exchange("eve");
        let Answer::Failed(error) = exchange.respond(b"") else { panic!() };
        assert_eq!(error.message, "there is no ticket");
        assert!(exchange.concluded(b"in").is_err());
    }
}
