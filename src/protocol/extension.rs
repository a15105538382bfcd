//! Service extensions as the server offers them (RFC 5321 4.1.1.1, RFC 1869).
//!
//! Every keyword is kept with its parameters, whether we know it or not, and compared
//! case-insensitively.

use super::reply::Reply;
use std::str::FromStr;

/// The extensions that the reply to EHLO (or LHLO) listed after its first line, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    offered: Vec<(String, String)>,
    known: Known,
}

/// What every transaction asks about, extracted from the list once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub pipelining: bool,
    pub chunking: bool,
    pub eight_bit_mime: bool,
    pub smtputf8: bool,
    pub size: bool,
    /// The largest message in octets that the server takes (RFC 1870). None if it names no limit,
    /// and 0 means that there is none.
    pub size_limit: Option<u64>,
    /// RFC 9422: the most messages per session, recipients per message, and recipient domains per
    /// session.
    pub mail_max: Option<usize>,
    pub rcpt_max: Option<usize>,
    pub rcpt_domain_max: Option<usize>,
}

impl Extensions {
    pub fn from_reply(reply: &Reply) -> Self {
        let mut extensions = Self::default();
        for line in reply.lines().skip(1) {
            extensions.add_line(&String::from_utf8_lossy(line));
        }
        extensions.whole()
    }

    fn whole(mut self) -> Self {
        let size_limit = self.parameters("SIZE").and_then(number);
        self.known = Known {
            pipelining: self.has("PIPELINING"),
            chunking: self.has("CHUNKING"),
            eight_bit_mime: self.has("8BITMIME"),
            smtputf8: self.has("SMTPUTF8"),
            size: self.has("SIZE"),
            size_limit: size_limit.filter(|&limit| limit > 0),
            mail_max: self.limit("MAILMAX"),
            rcpt_max: self.limit("RCPTMAX"),
            rcpt_domain_max: self.limit("RCPTDOMAINMAX"),
        };
        self
    }

    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Adds an extension. Several AUTH lines are merged into one list.
    fn add(&mut self, keyword: &str, parameters: &str) {
        let known = self.offered.iter_mut().find(|(k, _)| k.eq_ignore_ascii_case(keyword));
        match known {
            Some((_, list)) if keyword.eq_ignore_ascii_case("AUTH") => {
                list.push(' ');
                list.push_str(parameters);
            }
            Some((_, old)) => parameters.clone_into(old),
            None => self.offered.push((keyword.to_owned(), parameters.to_owned())),
        }
    }

    fn add_line(&mut self, line: &str) {
        let line = line.trim();
        // Servers from before RFC 4954 write `AUTH=LOGIN PLAIN`.
        if let Some(list) = line.get(5..).filter(|_| line[..5].eq_ignore_ascii_case("AUTH=")) {
            return self.add("AUTH", list.trim());
        }
        let (keyword, parameters) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let well_formed = keyword.starts_with(|c: char| c.is_ascii_alphanumeric())
            && keyword.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if well_formed {
            self.add(keyword, parameters.trim());
        }
    }

    pub fn has(&self, keyword: &str) -> bool {
        self.parameters(keyword).is_some()
    }

    /// The text after the keyword, or an empty one.
    pub fn parameters(&self, keyword: &str) -> Option<&str> {
        let found = self.offered.iter().find(|(k, _)| k.eq_ignore_ascii_case(keyword));
        found.map(|(_, parameters)| parameters.as_str())
    }

    fn limit(&self, name: &str) -> Option<usize> {
        let limits = self.parameters("LIMITS")?.split_ascii_whitespace();
        let mut named = limits.filter_map(|limit| limit.split_once('='));
        let (_, value) = named.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        number(value).filter(|&limit| limit > 0)
    }

    /// SASL mechanisms in the server's order, in upper case (RFC 4954 3).
    pub fn mechanisms(&self) -> Vec<String> {
        let list = self.parameters("AUTH").unwrap_or("");
        list.split_ascii_whitespace().map(str::to_ascii_uppercase).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.offered.iter().map(|(keyword, parameters)| (keyword.as_str(), parameters.as_str()))
    }
}

/// A number as extensions give it (RFC 1870 4, RFC 9422 3): nothing but digits. Rust would take a sign.
pub(super) fn number<N: FromStr>(digits: &str) -> Option<N> {
    digits.parse().ok().filter(|_| !digits.starts_with('+'))
}

impl<K: AsRef<str>, P: AsRef<str>> FromIterator<(K, P)> for Extensions {
    fn from_iter<I: IntoIterator<Item = (K, P)>>(pairs: I) -> Self {
        let mut extensions = Self::default();
        for (keyword, parameters) in pairs {
            extensions.add(keyword.as_ref(), parameters.as_ref());
        }
        extensions.whole()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(lines: &str) -> Extensions {
        Extensions::from_reply(&Reply::new(250, format!("host greets you\n{lines}")))
    }

    #[test]
    fn keywords_are_compared_without_case_and_kept_with_parameters() {
        let e = offered("Size 1000\nPipelining\nx-odd a  b\n8BITMIME ");
        assert!(e.has("PIPELINING") && e.has("8bitmime") && !e.has("CHUNKING"));
        assert_eq!(e.parameters("X-ODD"), Some("a  b"));
        assert_eq!(e.known().size_limit, Some(1000));
        assert_eq!(offered("SIZE").known().size_limit, None);
        for unlimited in ["SIZE 0", "SIZE +5", "SIZE -5", "SIZE 5 MB", "SIZE 99999999999999999999"] {
            assert_eq!(offered(unlimited).known().size_limit, None, "{unlimited}");
            assert!(offered(unlimited).known().size);
        }
    }

    #[test]
    fn limits() {
        let e = offered("LIMITS MAILMAX=100 rcptmax=20 X=y RCPTDOMAINMAX=0 Z=+3");
        assert_eq!((e.limit("MAILMAX"), e.limit("RCPTMAX")), (Some(100), Some(20)));
        assert_eq!((e.limit("RCPTDOMAINMAX"), e.limit("X"), e.limit("Y")), (None, None, None));
        assert_eq!((e.limit("Z"), offered("SIZE 1").limit("MAILMAX")), (None, None));
    }

    #[test]
    fn old_and_new_auth_lines_make_one_list() {
        let e = offered("AUTH=LOGIN\nauth plain cram-md5\nAUTH=");
        assert_eq!(e.mechanisms(), ["LOGIN", "PLAIN", "CRAM-MD5"]);
    }

    #[test]
    fn odd_lines_are_passed_over() {
        for odd in ["", " ", "é", "-x", "AUTHé", "\u{fffd}\u{fffd}", "=x"] {
            assert_eq!(offered(odd).iter().count(), 0, "{odd:?}");
        }
    }
}
