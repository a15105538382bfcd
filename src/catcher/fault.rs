//! How the catcher misbehaves: what it does wrong, at which stage, and how often.
//!
//! The session asks [`FaultPlan::take`] before each reply. No other code looks up a [`Fault`].

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use super::stage::Stage;

/// What to do wrong when a stage is reached.
#[derive(Clone, Debug)]
pub struct Fault {
    pub stage: Stage,
    /// Only for this address (the forward-path at RCPT, the reverse-path at
    /// MAIL, the recipient that is answered at LMTP's end of data). An address
    /// that starts with `@` stands for its whole domain.
    pub address: Option<String>,
    /// So many times the stage is passed unharmed.
    pub skip: u32,
    /// So many times it fails; `None`: always.
    pub times: Option<u32>,
    /// At [`Stage::MailData`]: only after so many octets of mail data.
    pub after: u64,
    /// A pause before the reply.
    pub delay: Duration,
    pub reply: FaultReply,
    /// The reply goes out octet by octet, with this pause between them.
    pub drip: Option<Duration>,
    /// The reply is repeated until the client leaves.
    pub endless: bool,
    /// Sent at once after the reply, in the same write.
    pub extra: Vec<u8>,
    /// No reply ever; the connection stays open.
    pub stall: bool,
    /// The connection ends: after the reply, or instead of it.
    pub disconnect: Option<Disconnect>,
    /// Whether the command takes effect. `None`: as the reply says.
    pub accept: Option<bool>,
    /// At [`Stage::Handshake`]: the certificate that is shown.
    pub certificate: Option<BadCertificate>,
}

/// What is said in place of the usual reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultReply {
    /// The usual reply.
    Usual,
    /// A well-formed reply, already in its wire form.
    Reply { code: u16, wire: Vec<u8> },
    /// These octets, exactly.
    Raw(Vec<u8>),
    /// Nothing at all.
    Nothing,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// In order: TLS's close_notify where there is TLS, then TCP's FIN.
    Fin,
    /// TCP's RST.
    Reset,
    /// The server says no more, but reads on until the client leaves.
    HalfClose,
}

/// A certificate that a client must refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCertificate {
    /// Trusted, but for another host.
    WrongName,
    /// Trusted until yesterday.
    Expired,
    /// Trusted from tomorrow on.
    NotYetValid,
    /// From an unknown authority.
    Untrusted,
    /// Signed with its own key.
    SelfSigned,
}

impl Fault {
    /// A fault that changes nothing yet.
    pub fn at(stage: Stage) -> Self {
        Fault {
            stage,
            address: None,
            skip: 0,
            times: None,
            after: 0,
            delay: Duration::ZERO,
            reply: FaultReply::Usual,
            drip: None,
            endless: false,
            extra: Vec::new(),
            stall: false,
            disconnect: None,
            accept: None,
            certificate: None,
        }
    }

    /// Whether a command whose usual reply has this code still takes effect.
    pub(super) fn accepts(&self, usual: u16) -> bool {
        self.accept.unwrap_or(match &self.reply {
            _ if self.stall || self.endless => false,
            FaultReply::Usual => true,
            FaultReply::Reply { code, .. } => code / 100 == usual / 100,
            FaultReply::Raw(octets) => class(octets) == Some(usual / 100),
            FaultReply::Nothing => self.disconnect.is_none(),
        })
    }

    fn concerns(&self, stage: Stage, address: Option<&str>) -> bool {
        self.stage == stage
            && match (&self.address, address) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(wanted), Some(address)) => matches(wanted, address),
            }
    }
}

/// The class of a reply code, if the octets begin with one.
fn class(octets: &[u8]) -> Option<u16> {
    let code = octets.get(..3)?;
    code.iter().all(u8::is_ascii_digit).then(|| u16::from(code[0] - b'0'))
}

fn matches(wanted: &str, address: &str) -> bool {
    if wanted.starts_with('@') {
        let tail = address.len().checked_sub(wanted.len());
        tail.and_then(|at| address.get(at..)).is_some_and(|domain| domain.eq_ignore_ascii_case(wanted))
    } else {
        wanted.eq_ignore_ascii_case(address)
    }
}

/// All the faults of a catcher, shared by its connections. They may be added
/// and cleared while connections are open.
#[derive(Debug, Default)]
pub struct FaultPlan {
    /// How many faults there are: spares the ordinary server the lock.
    count: AtomicUsize,
    faults: Mutex<Vec<Armed>>,
    numbers: AtomicU64,
}

/// A fault as it stands.
#[derive(Clone, Debug)]
pub struct Armed {
    /// Which fault of the catcher's it is, from 1 on.
    pub number: u64,
    pub fault: Arc<Fault>,
    /// So many times the stage will still be passed unharmed.
    pub skip: u32,
    /// So many times it will still fail; `None`: always.
    pub left: Option<u32>,
}

impl FaultPlan {
    /// Adds a fault and returns its number. Of several that fit, the first one
    /// added acts.
    pub fn add(&self, fault: Fault) -> u64 {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        faults.push(Armed { number, skip: fault.skip, left: fault.times, fault: Arc::new(fault) });
        self.count.store(faults.len(), Ordering::Release);
        number
    }

    /// The faults as they stand, used-up ones too, in the order they were added.
    pub fn list(&self) -> Vec<Armed> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes one fault away. Returns whether it was there.
    pub fn remove(&self, number: u64) -> bool {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let before = faults.len();
        faults.retain(|armed| armed.number != number);
        self.count.store(faults.len(), Ordering::Release);
        faults.len() < before
    }

    /// Behaves well again.
    pub fn clear(&self) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.clear();
        self.count.store(0, Ordering::Release);
    }

    /// The fault that is due at this stage, if any, counted as used.
    pub(super) fn take(&self, stage: Stage, address: Option<&str>) -> Option<Arc<Fault>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        for armed in faults.iter_mut() {
            if armed.left == Some(0) || !armed.fault.concerns(stage, address) {
                continue;
            }
            if armed.skip > 0 {
                armed.skip -= 1;
                continue;
            }
            armed.left = armed.left.map(|left| left - 1);
            return Some(Arc::clone(&armed.fault));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_used_up() {
        let plan = FaultPlan::default();
        plan.add(Fault { skip: 1, times: Some(1), ..Fault::at(Stage::Rset) });
        assert!(plan.take(Stage::Noop, None).is_none());
        assert!(plan.take(Stage::Rset, None).is_none());
        assert!(plan.take(Stage::Rset, None).is_some());
        assert!(plan.take(Stage::Rset, None).is_none());
    }

    #[test]
    fn one_fault_is_taken_away() {
        let plan = FaultPlan::default();
        let first = plan.add(Fault::at(Stage::Rset));
        let second = plan.add(Fault { times: Some(2), ..Fault::at(Stage::Noop) });
        assert!(plan.take(Stage::Noop, None).is_some());
        assert!(plan.remove(first));
        assert!(!plan.remove(first));
        let left: Vec<_> = plan.list().iter().map(|armed| (armed.number, armed.left)).collect();
        assert_eq!(left, [(second, Some(1))]);
        assert!(plan.take(Stage::Rset, None).is_none());
    }

    #[test]
    fn an_address_or_its_domain_is_meant() {
        assert!(matches("bob@example.org", "bob@EXAMPLE.org"));
        assert!(matches("@example.org", "bob@example.org"));
        assert!(!matches("@example.org", "bob@sub-example.org"));
        assert!(!matches("bob@example.org", "jim-bob@example.org"));
        assert!(!matches("@exämple.org", "ä@example.org"));
    }

    #[test]
    fn a_reply_of_another_class_takes_the_effect_away() {
        let refusal = Fault {
            reply: FaultReply::Reply { code: 550, wire: b"550 no\r\n".to_vec() },
            ..Fault::at(Stage::Rcpt)
        };
        assert!(!refusal.accepts(250));
        let raw = Fault { reply: FaultReply::Raw(b"250\r\n".to_vec()), ..Fault::at(Stage::Rcpt) };
        assert!(raw.accepts(250));
    }
}
