//! The whole state machine as a list of edges, for diagrams and explanations.
//!
//! Nothing is written down twice: the edges are found by applying the rules of `state.rs`, which
//! the session itself follows, to every state, verb and reply code.

use super::code;
use super::command::Verb;
use super::state::{Next, State};

/// What leads from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The reply to a command.
    Command(Verb),
    Greeting,
    Handshake,
    /// The reply to the end of mail data, after DATA's dot or the last BDAT.
    EndOfData,
    /// A timeout, a lost connection, a broken protocol.
    Failure,
}

impl Cause {
    pub fn name(self) -> &'static str {
        match self {
            Self::Command(verb) => verb.name(),
            Self::Greeting => "greeting",
            Self::Handshake => "TLS handshake",
            Self::EndOfData => "end of data",
            Self::Failure => "failure",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: State,
    pub cause: Cause,
    /// The reply codes that follow this edge: "220", "2yz" (RFC 5321 4.2.1), "other" for those
    /// without an edge of their own, or "" if no reply is involved.
    pub codes: String,
    pub to: State,
}

/// Every edge, in the order of the states and verbs. An edge back to rest is listed once for each
/// state in which the session may have rested.
pub fn edges() -> Vec<Edge> {
    let direct: Vec<(State, Cause, String, Next)> = State::ALL.into_iter().flat_map(leaving).collect();
    let mut edges = Vec::new();
    for (from, cause, codes, next) in &direct {
        let targets = match next {
            Next::Stay => Vec::new(),
            Next::To(to) => vec![*to],
            Next::Rest => rests_behind(*from, &direct),
        };
        edges.extend(targets.into_iter().map(|to| Edge {
            from: *from,
            cause: *cause,
            codes: codes.clone(),
            to,
        }));
    }
    edges
}

fn leaving(from: State) -> Vec<(State, Cause, String, Next)> {
    let mut found = Vec::new();
    let mut ask = |cause: Cause, after: &dyn Fn(u16) -> Next| {
        found.extend(by_codes(from, after).into_iter().map(|(codes, next)| (from, cause, codes, next)));
    };
    match from {
        State::Connected => ask(Cause::Greeting, &State::after_greeting),
        State::Securing => ask(Cause::Handshake, &|_| Next::To(State::Secured)),
        State::Data => ask(Cause::EndOfData, &State::after_mail_data),
        _ => {}
    }
    for verb in Verb::ALL.into_iter().filter(|&verb| is_heard(from, verb)) {
        if matches!(verb, Verb::Bdat) {
            ask(Cause::EndOfData, &State::after_mail_data);
        } else {
            ask(Cause::Command(verb), &|code| from.after(verb, code));
        }
    }
    if !from.is_over() {
        found.push((from, Cause::Failure, String::new(), Next::To(State::Broken)));
    }
    found
}

/// Whether a reply to this verb can come in this state. Responses within an exchange count as part
/// of the AUTH that began it.
fn is_heard(state: State, verb: Verb) -> bool {
    state.allows(verb) || state == State::Authenticating && verb == Verb::Auth
}

/// The possible changes, with the codes that cause them.
fn by_codes(from: State, after: &dyn Fn(u16) -> Next) -> Vec<(String, Next)> {
    let mut found: Vec<(Vec<u16>, Next)> = Vec::new();
    for code in code::ALL {
        let next = after(code);
        match found.iter_mut().find(|(_, known)| *known == next) {
            Some((codes, _)) => codes.push(code),
            None => found.push((vec![code], next)),
        }
    }
    let goes = |next: &Next| !matches!(next, Next::Stay) && *next != Next::To(from);
    found.into_iter().filter(|(_, next)| goes(next)).map(|(codes, next)| (named(&codes), next)).collect()
}

fn named(codes: &[u16]) -> String {
    match codes {
        [code] => code.to_string(),
        _ if codes.len() == code::ALL.count() => String::new(),
        _ if codes.iter().all(|code| code / 100 == codes[0] / 100) => format!("{}yz", codes[0] / 100),
        _ => "other".to_owned(),
    }
}

/// The resting states from which this one can be reached without passing another one.
fn rests_behind(state: State, direct: &[(State, Cause, String, Next)]) -> Vec<State> {
    let mut behind = vec![state];
    let mut seen = 0;
    while seen < behind.len() {
        let here = behind[seen];
        seen += 1;
        for (from, _, _, next) in direct {
            let leads_here = *next == Next::To(here) && *from != here;
            if leads_here && (seen == 1 || !here.is_rest()) && !behind.contains(from) {
                behind.push(*from);
            }
        }
    }
    State::ALL.into_iter().filter(|rest| rest.is_rest() && behind.contains(rest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(from: State, cause: Cause, codes: &str, to: State) -> bool {
        edges().contains(&Edge { from, cause, codes: codes.to_owned(), to })
    }

    #[test]
    fn the_tutorials_edges() {
        use State::*;
        for (from, cause, codes, to) in [
            (Connected, Cause::Greeting, "220", Greeted),
            (Connected, Cause::Greeting, "other", Rejected),
            (Greeted, Cause::Command(Verb::Ehlo), "2yz", Ready),
            (Ready, Cause::Command(Verb::StartTls), "220", Securing),
            (Securing, Cause::Handshake, "", Secured),
            (Secured, Cause::Command(Verb::Ehlo), "2yz", Ready),
            (Ready, Cause::Command(Verb::Auth), "235", Authenticated),
            (Ready, Cause::Command(Verb::Auth), "334", Authenticating),
            (Authenticating, Cause::Command(Verb::Auth), "other", Ready),
            (Ready, Cause::Command(Verb::Mail), "2yz", Mail),
            (Mail, Cause::Command(Verb::Rcpt), "2yz", Recipients),
            (Recipients, Cause::Command(Verb::Data), "354", Data),
            (Recipients, Cause::EndOfData, "other", Authenticated),
            (Data, Cause::EndOfData, "other", Ready),
            (Data, Cause::EndOfData, "other", Authenticated),
            (Mail, Cause::Command(Verb::Quit), "", Closed),
            (Mail, Cause::Command(Verb::Noop), "421", Closed),
            (Data, Cause::Failure, "", Broken),
        ] {
            assert!(has(from, cause, codes, to), "{from} {} {codes} {to}", cause.name());
        }
    }

    #[test]
    fn no_edge_leads_back_to_where_no_transaction_can_have_begun() {
        for edge in edges().into_iter().filter(|edge| edge.from == State::Data) {
            assert!(!matches!(edge.to, State::Greeted | State::Secured), "{edge:?}");
        }
    }

    #[test]
    fn every_state_is_come_to_and_the_last_ones_are_not_left() {
        for state in State::ALL.into_iter().filter(|&state| state != State::Connected) {
            assert!(edges().iter().any(|edge| edge.to == state), "{state}");
        }
        assert!(!edges().iter().any(|edge| edge.from.is_over()));
    }
}
