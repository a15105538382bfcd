//! XCLIENT (Postfix's XCLIENT_README): a gateway tells the server about the client that it acts
//! for, and the session starts again on behalf of that client.

use super::extension::Extensions;
use super::transaction::xtext;
// An address as a value: sockets are elsewhere.
use core::net::IpAddr;
use std::str::FromStr;

/// The attributes that a server can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    Name,
    Addr,
    Port,
    Proto,
    Helo,
    Login,
    DestAddr,
    DestPort,
}

impl Attribute {
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Addr,
        Self::Port,
        Self::Proto,
        Self::Helo,
        Self::Login,
        Self::DestAddr,
        Self::DestPort,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Addr => "ADDR",
            Self::Port => "PORT",
            Self::Proto => "PROTO",
            Self::Helo => "HELO",
            Self::Login => "LOGIN",
            Self::DestAddr => "DESTADDR",
            Self::DestPort => "DESTPORT",
        }
    }

    /// The value as it appears in the command, before xtext encoding. An error says what is wrong
    /// with it.
    fn value(self, given: &str) -> Result<String, &'static str> {
        if given.eq_ignore_ascii_case("[UNAVAILABLE]") || given.eq_ignore_ascii_case("[TEMPUNAVAIL]") {
            return Ok(given.to_ascii_uppercase());
        }
        if given.is_empty() {
            return Err("is empty: what is not known is \"[UNAVAILABLE]\"");
        }
        if given.chars().any(char::is_control) {
            return Err("contains a control character");
        }
        match self {
            Self::Addr | Self::DestAddr => match given.parse() {
                Ok(IpAddr::V4(address)) => Ok(address.to_string()),
                Ok(IpAddr::V6(address)) => Ok(format!("IPV6:{address}")),
                Err(_) => Err("is no IP address"),
            },
            Self::Port | Self::DestPort => match given.parse() {
                Ok(1..=u16::MAX) => Ok(given.to_owned()),
                _ => Err("is no port"),
            },
            Self::Proto => match given.to_ascii_uppercase() {
                proto if proto == "SMTP" || proto == "ESMTP" => Ok(proto),
                _ => Err("is neither SMTP nor ESMTP"),
            },
            Self::Name | Self::Helo | Self::Login => Ok(given.to_owned()),
        }
    }
}

impl FromStr for Attribute {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name)).ok_or(())
    }
}

/// The command's attributes, ready to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xclient(Vec<(Attribute, String)>);

impl Xclient {
    /// Adds one. An error says what is wrong with the value.
    pub fn add(&mut self, attribute: Attribute, value: &str) -> Result<(), &'static str> {
        let value = xtext(&attribute.value(value)?);
        self.0.push((attribute, value));
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Such as `NAME=spike.example ADDR=192.0.2.1`.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(attribute, value)| (attribute.name(), value.as_str()))
    }

    /// The first attribute that this server doesn't accept.
    pub(super) fn not_taken(&self, extensions: &Extensions) -> Option<&'static str> {
        let taken = extensions.parameters("XCLIENT").unwrap_or_default();
        let is_taken =
            |name: &str| taken.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(name));
        self.0.iter().map(|(attribute, _)| attribute.name()).find(|name| !is_taken(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let mut all = Xclient::default();
        for (attribute, given) in [
            (Attribute::Name, "spike.porcupine.org"),
            (Attribute::Addr, "2001:DB8::1"),
            (Attribute::DestAddr, "192.0.2.1"),
            (Attribute::Port, "25"),
            (Attribute::Proto, "esmtp"),
            (Attribute::Login, "a+b=ü c"),
            (Attribute::Helo, "[unavailable]"),
        ] {
            all.add(attribute, given).unwrap();
        }
        let said: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            said.join(" "),
            "NAME=spike.porcupine.org ADDR=IPV6:2001:db8::1 DESTADDR=192.0.2.1 PORT=25 PROTO=ESMTP \
             LOGIN=a+2Bb+3D+C3+BC+20c HELO=[UNAVAILABLE]"
        );
        for (attribute, wrong) in [
            (Attribute::Addr, "localhost"),
            (Attribute::Port, "0"),
            (Attribute::Port, "65536"),
            (Attribute::Proto, "LMTP"),
            (Attribute::Name, ""),
            (Attribute::Login, "a\r\nMAIL"),
        ] {
            assert!(all.add(attribute, wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_a_server_takes() {
        let offered = |list: &str| [("XCLIENT", list)].into_iter().collect::<Extensions>();
        let mut one = Xclient::default();
        one.add(Attribute::Addr, "192.0.2.1").unwrap();
        one.add(Attribute::Login, "ann").unwrap();
        assert_eq!(one.not_taken(&offered("NAME addr LOGIN")), None);
        assert_eq!(one.not_taken(&offered("NAME ADDR")), Some("LOGIN"));
    }
}
