//! Which of the offered mechanisms are tried, and in which order.

use super::credentials::Credentials;
use super::mechanism::Mechanism;
use super::scram::{self, ChannelBinding};

/// The order in which mechanisms are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Strongest first.
    Strongest,
    /// SCRAM first, then PLAIN, which takes the fewest turns: for a connection on which only the
    /// server can read the password.
    Quickest,
    /// CRAM-MD5, PLAIN and LOGIN, in smtplib's order, and then those that smtplib doesn't know.
    Smtplib,
}

impl Order {
    fn rank(self, mechanism: Mechanism) -> u8 {
        let scram = matches!(mechanism, Mechanism::Scram { .. });
        match self {
            Self::Strongest => 0,
            Self::Quickest if scram => 0,
            Self::Quickest => 1 + u8::from(mechanism != Mechanism::Plain),
            Self::Smtplib => u8::from(scram),
        }
    }
}

impl Credentials {
    /// The mechanisms of `offered` that fit this secret, in the order in which to try them. A
    /// -PLUS mechanism is included if there is a channel binding, and SCRAM if it accepts these
    /// characters. A mechanism that the caller named is always used.
    pub fn choose(
        &self,
        offered: &[String],
        order: Order,
        binding: Option<&ChannelBinding>,
    ) -> Vec<Mechanism> {
        let offers = |m: &Mechanism| offered.iter().any(|name| name.eq_ignore_ascii_case(m.name()));
        let prepared = || scram::prepared(&self.user, self.secret()).is_ok();
        let possible = |m: &Mechanism| match m {
            Mechanism::Scram { plus, .. } => (binding.is_some() || !plus) && prepared(),
            _ => true,
        };
        let mut chosen: Vec<_> = Mechanism::ALL
            .into_iter()
            .filter(|m| self.mechanism.is_none_or(|named| named == *m))
            .filter(|m| m.takes(&self.secret) && offers(m) && possible(m))
            .collect();
        // Not every server with -PLUS supports binding to the certificate, and it has no way to
        // say so: Dovecot, and Exim with GSASL, refuse the login. They all support the exporter.
        let doubtful = binding.is_some_and(|binding| binding.name != ChannelBinding::EXPORTER);
        let is_last = |m: &Mechanism| doubtful && matches!(m, Mechanism::Scram { plus: true, .. });
        // The sort is stable.
        chosen.sort_by_key(|m| (order.rank(*m), is_last(m)));
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Hash, Secret};
    use super::*;

    fn password(user: &str, password: &str) -> Credentials {
        Credentials::new(user, Secret::Password(password.to_owned())).unwrap()
    }

    #[test]
    fn the_strongest_that_fits_the_secret_comes_first() {
        let offered: Vec<String> =
            ["LOGIN", "plain", "XOAUTH2", "CRAM-MD5", "GSSAPI"].map(str::to_owned).into();
        use Mechanism::*;
        assert_eq!(password("u", "p").choose(&offered, Order::Strongest, None), [CramMd5, Plain, Login]);
        assert_eq!(password("u", "p").choose(&offered, Order::Quickest, None), [Plain, CramMd5, Login]);
        let token = Credentials::new("u", Secret::AccessToken("t".to_owned())).unwrap();
        assert_eq!(token.choose(&offered, Order::Quickest, None), [XOAuth2]);
    }

    fn scram(hash: Hash, plus: bool) -> Mechanism {
        Mechanism::Scram { hash, plus }
    }

    #[test]
    fn scram_comes_first_but_for_smtplib() {
        use Mechanism::{CramMd5, External, Login, Plain};
        let offered: Vec<String> = Mechanism::ALL.map(|mechanism| mechanism.name().to_owned()).into();
        let unbound = [scram(Hash::Sha256, false), scram(Hash::Sha1, false)];
        let bound = [scram(Hash::Sha256, true), scram(Hash::Sha1, true)];
        let exporter = ChannelBinding { name: ChannelBinding::EXPORTER, data: vec![1] };
        let certificate = ChannelBinding { name: ChannelBinding::CERTIFICATE, data: vec![1] };
        let choose = |order, binding| password("u", "p").choose(&offered, order, binding);
        assert_eq!(choose(Order::Strongest, None), [&unbound[..], &[CramMd5, Plain, Login]].concat());
        let others = [Plain, CramMd5, Login];
        assert_eq!(choose(Order::Quickest, Some(&exporter)), [&bound[..], &unbound, &others].concat());
        // Servers that don't know it refuse the login.
        assert_eq!(choose(Order::Quickest, Some(&certificate)), [&unbound[..], &bound, &others].concat());
        assert_eq!(choose(Order::Smtplib, None), [&[CramMd5, Plain, Login], &unbound[..]].concat());
        // SASLprep rejects a bell, and characters that Unicode didn't have in 2002.
        for odd in [password("u", "p\u{7}"), password("u", "\u{1F600}"), password("", "p")] {
            assert_eq!(odd.choose(&offered, Order::Quickest, Some(&exporter)), [Plain, CramMd5, Login]);
        }
        let named = password("u", "p").by(Login).unwrap();
        assert_eq!(named.choose(&offered, Order::Quickest, Some(&exporter)), [Login]);
        let owner = Credentials::new("", Secret::Certificate).unwrap();
        assert_eq!(owner.choose(&offered, Order::Quickest, Some(&exporter)), [External]);
        let plus = password("u", "p").by(scram(Hash::Sha1, true)).unwrap();
        assert_eq!(plus.choose(&offered, Order::Quickest, None), []);
    }
}
