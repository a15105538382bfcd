//! rustls as the record layer of a client.

use super::binding::EXPORTED;
use super::config::TlsConfig;
use super::{RecordLayer, TlsError, TlsFacts};
use crate::protocol::error::Advice;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ProtocolVersion};
use std::fmt;
use std::io::{Read, Write};

pub struct TlsClient {
    connection: ClientConnection,
    host: String,
    verified: bool,
    has_ended: bool,
}

impl TlsClient {
    /// `host` is the name of the connection. The configuration may specify another one.
    pub fn new(config: &TlsConfig, host: &str) -> Result<Self, TlsError> {
        let host = config.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            TlsError::new(format!("{host:?} is not a name that a certificate can be checked against"))
                .with_advice(Advice::NameWithDns)
        })?;
        let connection = ClientConnection::new(config.client_config()?, name)
            .map_err(|error| TlsError::from_rustls(&error, host))?;
        Ok(Self { connection, host: host.to_owned(), verified: !config.no_verify, has_ended: false })
    }

    fn explain(&self, error: &rustls::Error) -> TlsError {
        match self.connection.is_handshaking() {
            true => TlsError::from_rustls(error, &self.host),
            false => match error {
                rustls::Error::AlertReceived(alert) => {
                    TlsError::new(format!("the server ended it with the alert {alert:?}"))
                }
                error => TlsError::new(format!("{error}; the connection may have been tampered with")),
            },
        }
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsClient({})", self.host)
    }
}

impl RecordLayer for TlsClient {
    fn receive(&mut self, mut ciphertext: &[u8], plaintext: &mut Vec<u8>) -> Result<(), TlsError> {
        while !ciphertext.is_empty() {
            // Reading from a slice can fail only if rustls's own buffer is full, which the next
            // two lines prevent.
            let taken = self.connection.read_tls(&mut ciphertext);
            let state = self.connection.process_new_packets().map_err(|error| self.explain(&error))?;
            self.has_ended |= state.peer_has_closed();
            let ready = state.plaintext_bytes_to_read();
            if ready > 0 {
                let start = plaintext.len();
                plaintext.resize(start + ready, 0);
                let read = self.connection.reader().read(&mut plaintext[start..]).unwrap_or(0);
                plaintext.truncate(start + read);
            }
            // 0: the peer has ended TLS. What follows isn't part of it.
            if taken.map_err(|error| TlsError::new(error.to_string()))? == 0 {
                break;
            }
        }
        Ok(())
    }

    fn send(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        self.connection.set_buffer_limit(None);
        let written = self.connection.writer().write_all(plaintext);
        written.map_err(|error| TlsError::new(error.to_string()))
    }

    fn take_output(&mut self, ciphertext: &mut Vec<u8>) -> Result<(), TlsError> {
        while self.connection.wants_write() {
            let written = self.connection.write_tls(ciphertext);
            written.map_err(|error| TlsError::new(error.to_string()))?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), TlsError> {
        self.connection.send_close_notify();
        Ok(())
    }

    fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    fn has_ended(&self) -> bool {
        self.has_ended
    }

    fn export(&self, label: &[u8]) -> Option<[u8; EXPORTED]> {
        if self.connection.protocol_version()? != ProtocolVersion::TLSv1_3 {
            return None;
        }
        self.connection.export_keying_material([0; EXPORTED], label, None).ok()
    }

    fn facts(&self) -> Option<TlsFacts> {
        let version = match self.connection.protocol_version()? {
            ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
            ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
            other => format!("{other:?}"),
        };
        let cipher = self.connection.negotiated_cipher_suite()?.suite();
        let certificates = self.connection.peer_certificates().unwrap_or(&[]);
        Some(TlsFacts {
            version,
            cipher: cipher.as_str().unwrap_or("unknown").to_owned(),
            server_name: self.host.clone(),
            certificate: certificates.first().map(|certificate| certificate.to_vec()),
            verified: self.verified,
        })
    }
}
