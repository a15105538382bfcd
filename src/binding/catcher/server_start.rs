//! `rsmtp.Catcher()`: its arguments made settings, and the start.

use std::io;
use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

use super::argument::{bad_argument, named, seconds};
use super::server::Catcher;
use crate::binding::username;
use crate::catcher::{self, Credentials, Dialect, Mechanism, Offer, Offers, Settings, TlsMode};

#[pymethods]
impl Catcher {
    #[new]
    #[pyo3(signature = (
        host = "127.0.0.1",
        port = 0,
        *,
        tls: "typing.Literal['starttls', 'implicit', 'none']" = "starttls",
        protocol: "typing.Literal['smtp', 'lmtp']" = "smtp",
        unix: "str | os.PathLike[str] | None" = None,
        username = None,
        user = None,
        password = None,
        token = None,
        any_login = false,
        require_auth = false,
        require_tls = false,
        auth_before_tls = false,
        extensions: "collections.abc.Sequence[str] | None" = None,
        without: "collections.abc.Sequence[str]" = Vec::new(),
        mechanisms: "collections.abc.Sequence[str] | None" = None,
        max_size = 33_554_432,
        max_recipients = 1000,
        max_messages = None,
        max_connections = 1000,
        idle_timeout = 300.0,
        keep = 1000,
        hostname = "localhost",
        authority: "str | os.PathLike[str] | None" = None,
        allow_remote = false,
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        host: &str,
        port: u16,
        tls: &str,
        protocol: &str,
        unix: Option<PathBuf>,
        username: Option<String>,
        user: Option<String>,
        password: Option<String>,
        token: Option<String>,
        any_login: bool,
        require_auth: bool,
        require_tls: bool,
        auth_before_tls: bool,
        extensions: Option<Vec<String>>,
        without: Vec<String>,
        mechanisms: Option<Vec<String>>,
        max_size: u64,
        max_recipients: usize,
        max_messages: Option<u64>,
        max_connections: usize,
        idle_timeout: f64,
        keep: usize,
        hostname: &str,
        authority: Option<PathBuf>,
        allow_remote: bool,
    ) -> PyResult<Self> {
        let or_random = |given: Option<String>| given.map_or_else(|| catcher::random_hex(12), Ok);
        let credentials = Credentials {
            any: any_login,
            username: username::one_of(username, user)?.unwrap_or_else(|| "catcher".to_owned()),
            password: or_random(password)?,
            token: or_random(token)?,
        };
        let offers = offers(extensions, &without)?;
        let mechanisms = match mechanisms {
            None => Mechanism::ALL.to_vec(),
            Some(names) => names.iter().map(|name| named("mechanisms", name)).collect::<PyResult<_>>()?,
        };
        let printable = |c: char| c.is_ascii_graphic();
        if hostname.is_empty() || !hostname.chars().all(printable) {
            return Err(bad_argument("hostname", &"a name of printable ASCII, without spaces"));
        }
        let settings = Settings {
            host: host.to_owned(),
            port,
            unix,
            allow_remote,
            hostname: hostname.to_owned(),
            dialect: dialect(protocol)?,
            tls: tls_mode(tls)?,
            offers,
            credentials,
            mechanisms,
            require_auth,
            require_tls,
            auth_before_tls,
            authority,
            max_size,
            max_recipients,
            max_messages,
            max_connections,
            idle: seconds("idle_timeout", idle_timeout)?,
            keep,
        };
        let inner = py.detach(|| catcher::Catcher::start(settings)).map_err(not_started)?;
        Ok(Self { inner })
    }
}

fn offers(extensions: Option<Vec<String>>, without: &[String]) -> PyResult<Offers> {
    let mut offers = match extensions {
        None => Offers::all(),
        Some(names) => {
            let wanted: Vec<Offer> =
                names.iter().map(|name| named("extensions", name)).collect::<PyResult<_>>()?;
            wanted.into_iter().collect()
        }
    };
    for name in without {
        offers = offers.without(named("without", name)?);
    }
    Ok(offers)
}

fn tls_mode(name: &str) -> PyResult<TlsMode> {
    [TlsMode::None, TlsMode::StartTls, TlsMode::Implicit]
        .into_iter()
        .find(|mode| mode.name() == name)
        .ok_or_else(|| {
            bad_argument("tls", &format!("{name:?} is not one of \"none\", \"starttls\", \"implicit\""))
        })
}

fn dialect(name: &str) -> PyResult<Dialect> {
    match name {
        "smtp" => Ok(Dialect::Smtp),
        "lmtp" => Ok(Dialect::Lmtp),
        _ => Err(bad_argument("protocol", &format!("{name:?} is neither \"smtp\" nor \"lmtp\""))),
    }
}

fn not_started(error: io::Error) -> PyErr {
    let words = error.to_string();
    match (error.raw_os_error(), error.kind()) {
        (_, io::ErrorKind::InvalidInput) => PyValueError::new_err(words),
        // Called with a number, OSError chooses the class for it, and has `errno`.
        (Some(number), _) => {
            let words = words.trim_end_matches(&format!(" (os error {number})")).to_owned();
            PyOSError::new_err((number, words))
        }
        _ => error.into(),
    }
}
