//! The server's limits (RFC 9422).

use super::Session;
use crate::address::ForwardPath;
use crate::protocol::transaction::Recipients;
use std::collections::HashSet;

impl Session {
    /// How many of these recipients, from the first on, one transaction may name (RFC 9422
    /// RCPTMAX, or a limit known from elsewhere). A server may also limit the number of their
    /// domains, over all transactions of the session (RCPTDOMAINMAX). If even the first doesn't
    /// fit, another session has to take them.
    pub fn room_for(&self, recipients: &Recipients) -> usize {
        let told = [self.server.extensions.known().rcpt_max, self.options.most_recipients];
        let most = told.into_iter().flatten().fold(recipients.len(), usize::min);
        let Some(domains) = self.server.extensions.known().rcpt_domain_max else { return most };
        let mut new = HashSet::new();
        let fits = |path: &&ForwardPath| {
            new.extend(domain_of(path).filter(|domain| !self.flight.domains.contains(domain)));
            self.flight.domains.len() + new.len() <= domains
        };
        recipients.iter().take(most).take_while(fits).count()
    }

    /// The domains of these recipients, if they have to be counted.
    pub(super) fn domains_to_count(&self, recipients: &Recipients) -> Vec<String> {
        match self.server.extensions.known().rcpt_domain_max {
            Some(_) => recipients.iter().filter_map(domain_of).collect(),
            None => Vec::new(),
        }
    }
}

/// Case-insensitive (RFC 5321 2.4).
fn domain_of(path: &ForwardPath) -> Option<String> {
    path.domain().map(str::to_ascii_lowercase)
}
