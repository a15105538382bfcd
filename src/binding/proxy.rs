//! Converts a proxy from `rsmtp._transport.proxies` to the engine's types.

use super::error::bad_argument;
use crate::driver::Proxy;
use crate::driver::proxy::Scheme;
use pyo3::prelude::*;

/// The attributes of a `rsmtp._transport.proxies.Proxy`.
#[derive(FromPyObject)]
pub struct ProxySettings {
    scheme: String,
    pub host: String,
    pub port: u16,
    user: Option<String>,
    password: Option<String>,
}

impl ProxySettings {
    pub fn into_proxy(self) -> PyResult<Proxy> {
        let scheme = match self.scheme.as_str() {
            "socks5" => Scheme::Socks5,
            "socks5h" => Scheme::Socks5h,
            "http" => Scheme::Http,
            other => return Err(bad_argument("proxy", &format!("{other:?} is no kind of proxy"))),
        };
        let login = self.user.map(|user| (user, self.password.unwrap_or_default()));
        Ok(Proxy { scheme, host: self.host, port: self.port, login })
    }
}
