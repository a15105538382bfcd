//! Which signatures a message gets: always the same ones, or chosen by the domain of its From.

use super::header::Header;
use super::{Signer, Unsigned};
use crate::address::{a_labels, list};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The signers of one message, in the order of their fields.
pub type Signers = Arc<[Arc<dyn Signer>]>;

/// The signers for all messages of a sender.
#[derive(Clone, Debug)]
pub enum Choice {
    Always(Signers),
    /// By domain, in lower case and A-labels. `*` is any other domain. An empty list means that
    /// messages of that domain are deliberately unsigned.
    ByDomain(HashMap<String, Signers>),
}

/// The entry for any other domain.
const ANY: &str = "*";

/// A domain that can't be used to choose signers.
#[derive(Debug)]
pub struct BadDomain(pub String);

impl fmt::Display for BadDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not the domain of an address, nor \"*\" for any other", self.0)
    }
}

impl Choice {
    pub fn by_domain(given: impl IntoIterator<Item = (String, Signers)>) -> Result<Self, BadDomain> {
        let mut chosen = HashMap::new();
        for (domain, signers) in given {
            let known = a_labels(&domain).map(|domain| domain.to_ascii_lowercase());
            let fine = |domain: &String| {
                domain == ANY || (!domain.is_empty() && !domain.contains(['@', ' ', '*', '<', '>', ':']))
            };
            let Some(known) = known.filter(fine) else { return Err(BadDomain(domain)) };
            chosen.insert(known, signers);
        }
        Ok(Choice::ByDomain(chosen))
    }

    /// The signers of a message. A domain uses those of its nearest parent, since DMARC treats
    /// them as its own. A domain without any is an error, unless other domains may go unsigned.
    pub fn of(&self, header: &Header<'_>) -> Result<Signers, Unsigned> {
        let chosen = match self {
            Choice::Always(signers) => return Ok(Arc::clone(signers)),
            Choice::ByDomain(chosen) => chosen,
        };
        let domain = domain_of_from(header)?;
        let parents = domain.match_indices('.').map(|(dot, _)| &domain[dot + 1..]);
        let found =
            std::iter::once(domain.as_str()).chain(parents).chain([ANY]).find_map(|at| chosen.get(at));
        found.cloned().ok_or_else(|| {
            Unsigned::Unfit(format!(
                "its From is of {domain}, and there is no key for that domain: name one, or one for \"*\", \
                 or nothing for it where such mail may go unsigned"
            ))
        })
    }
}

/// The domain of the first address, in lower case and A-labels.
fn domain_of_from(header: &Header<'_>) -> Result<String, Unsigned> {
    let unfit = |why: &str| Unsigned::Unfit(why.to_owned());
    let from = header.named("from").last().ok_or_else(|| unfit("it has no From field"))?;
    let text = String::from_utf8_lossy(from.value).replace("\r\n", "");
    let list = list::parse(text.trim()).map_err(|_| unfit("its From is no address"))?;
    let domain = list::into_mailboxes(list).next().and_then(|member| member.spec.domain);
    let domain = domain.ok_or_else(|| unfit("its From is no address with a domain"))?;
    let domain = a_labels(&domain).ok_or_else(|| unfit("the domain of its From has no form in ASCII"))?;
    Ok(domain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(domains: &[&str], from: &str) -> Result<usize, Unsigned> {
        let signers = |length: usize| -> Signers { Arc::from(vec![signer(); length]) };
        let given = domains.iter().enumerate().map(|(at, domain)| ((*domain).to_owned(), signers(at)));
        let header = format!("From: {from}\r\n");
        let choice = Choice::by_domain(given).expect("domains");
        Ok(choice.of(&Header::read(header.as_bytes())?)?.len())
    }

    fn signer() -> Arc<dyn Signer> {
        Arc::new(Nothing)
    }

    #[derive(Debug)]
    struct Nothing;

    impl Signer for Nothing {
        fn body(&self) -> super::super::canonical::Form {
            super::super::canonical::Form::Simple
        }

        fn has_signed(&self, _: &Header<'_>) -> bool {
            false
        }

        fn wants_seven_bit(&self) -> bool {
            false
        }

        fn field(&self, _: &super::super::Reading, _: u64) -> Result<Vec<u8>, Unsigned> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn the_nearest_domain_chooses() {
        let domains = ["none.example", "a.example", "b.a.example", "bücher.example"];
        for (from, expected) in [
            ("x@a.example", 1),
            ("X <x@B.A.Example>", 2),
            ("\"a@none.example\" <x@c.b.a.example>", 2),
            ("x@c.a.example, y@none.example", 1),
            ("x@none.example", 0),
            ("x@xn--bcher-kva.example", 3),
            ("x@bücher.example", 3),
        ] {
            assert_eq!(chosen(&domains, from).unwrap(), expected, "{from}");
        }
        for from in ["x@example", "x@aa.example", "postmaster", "nonsense <", ""] {
            assert!(chosen(&domains, from).is_err(), "{from}");
        }
        assert_eq!(chosen(&["a.example", "*"], "x@b.example").unwrap(), 1);
    }
}
