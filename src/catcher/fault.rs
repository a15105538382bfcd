//! How the catcher misbehaves: what it does wrong, at which stage, and how often.
//!
//! The session asks [`FaultPlan::take`] before each reply. No other code looks up a [`Fault`].

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use super::stage::Stage;

/// What goes wrong when a stage is reached.
#[derive(Clone, Debug)]
pub struct Fault {
    pub stage: Stage,
    /// Limits the fault to this address: the forward-path at RCPT, the reverse-path at MAIL, or at
    /// LMTP's end of data the recipient that the reply is about. An address that starts with `@`
    /// stands for its whole domain.
    pub address: Option<String>,
    /// How many times the stage passes without the fault.
    pub skip: u32,
    /// How many times the fault strikes. `None` means always.
    pub times: Option<u32>,
    /// At [`Stage::MailData`]: how many octets of mail data arrive before the fault strikes.
    pub after: u64,
    /// A pause before the reply.
    pub delay: Duration,
    pub reply: FaultReply,
    /// Sends the reply octet by octet, with this pause between them.
    pub drip: Option<Duration>,
    /// Repeats the reply until the client leaves.
    pub endless: bool,
    /// Octets sent directly after the reply, in the same write.
    pub extra: Vec<u8>,
    /// Never replies, but keeps the connection open.
    pub stall: bool,
    /// Ends the connection after the reply or, if there is none, instead of it.
    pub disconnect: Option<Disconnect>,
    /// Whether the command takes effect. `None` means that the reply decides.
    pub accept: Option<bool>,
    /// At [`Stage::Handshake`]: the certificate that the server shows.
    pub certificate: Option<BadCertificate>,
}

/// What the server sends in place of the usual reply.
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
    /// In order: first TLS's close_notify if TLS is in use, then TCP's FIN.
    Fin,
    /// TCP's RST.
    Reset,
    /// The server sends nothing more, but reads on until the client leaves.
    HalfClose,
}

/// A certificate that a client must refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCertificate {
    /// Trusted, but issued for another host.
    WrongName,
    /// Expired yesterday.
    Expired,
    /// Valid from tomorrow on.
    NotYetValid,
    /// Issued by an unknown authority.
    Untrusted,
    /// Signed with its own key.
    SelfSigned,
}

impl Fault {
    /// A fault that changes nothing until its fields are set.
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

/// All faults of a catcher, shared by its connections. Faults can be added and removed while
/// connections are open.
#[derive(Debug, Default)]
pub struct FaultPlan {
    /// The number of faults. A server without faults reads it instead of taking the lock.
    count: AtomicUsize,
    faults: Mutex<Vec<Armed>>,
    numbers: AtomicU64,
}

/// A fault and what is left of it.
#[derive(Clone, Debug)]
pub struct Armed {
    /// The fault's number. Each catcher counts its faults from 1.
    pub number: u64,
    pub fault: Arc<Fault>,
    /// How many more times the stage passes without the fault.
    pub skip: u32,
    /// How many more times the fault strikes. `None` means always.
    pub left: Option<u32>,
}

impl FaultPlan {
    /// Adds a fault and returns its number. If several faults fit, the one that was added first
    /// acts.
    pub fn add(&self, fault: Fault) -> u64 {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        faults.push(Armed { number, skip: fault.skip, left: fault.times, fault: Arc::new(fault) });
        self.count.store(faults.len(), Ordering::Release);
        number
    }

    /// All faults in the order in which they were added, including used-up ones.
    pub fn list(&self) -> Vec<Armed> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Removes one fault. Returns whether it existed.
    pub fn remove(&self, number: u64) -> bool {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let before = faults.len();
        faults.retain(|armed| armed.number != number);
        self.count.store(faults.len(), Ordering::Release);
        faults.len() < before
    }

    /// Removes all faults.
    pub fn clear(&self) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.clear();
        self.count.store(0, Ordering::Release);
    }

    /// Returns the fault that is due at this stage, if any, and counts it as used.
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
