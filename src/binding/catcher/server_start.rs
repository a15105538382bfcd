//! The constructor of `rsmtp.Catcher`: converts its arguments to settings, and starts the server.

use std::io;
use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::argument::{bad_argument, named, seconds};
use super::server::Catcher;
use crate::binding::argument::{none_unknown, one_of};
use crate::binding::username;
use crate::catcher::{self, Credentials, Dialect, Mechanism, Offer, Offers, Settings, TlsMode};

mod given {
    use super::PathBuf;
    use pyo3::prelude::*;

    // The arguments' types in Python. Only a literal can be shown as a default.
    crate::binding::argument::texts!(tls protocol hostname);

    pub fn host<'a>(given: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
        crate::binding::argument::checked::<String>("host_name", "host", given)
            .and_then(|_| crate::binding::argument::text("host", given))
            .map_err(|raised| crate::binding::argument::complete(given.py(), raised))
    }

    crate::binding::argument::arguments! {
        port: port -> u16;
        unix: maybe_path -> Option<PathBuf>;
        username: maybe_text -> Option<String>;
        user: maybe_text -> Option<String>;
        password: maybe_secret -> Option<String>;
        token: maybe_secret -> Option<String>;
        any_login: flag -> bool;
        require_auth: flag -> bool;
        require_tls: flag -> bool;
        auth_before_tls: flag -> bool;
        extensions: maybe_texts -> Option<Vec<String>>;
        without: maybe_texts -> Option<Vec<String>>;
        mechanisms: maybe_texts -> Option<Vec<String>>;
        max_size: count -> u64;
        max_recipients: count -> usize;
        max_messages: maybe_count -> Option<u64>;
        max_connections: count -> usize;
        idle_timeout: number -> f64;
        keep: count -> usize;
        authority: maybe_path -> Option<PathBuf>;
        allow_remote: flag -> bool;
        xclient: flag -> bool;
    }
}

#[pymethods]
impl Catcher {
    #[new]
    #[pyo3(signature = (
        host: "str" = "127.0.0.1",
        port: "int" = 0,
        *,
        tls: "typing.Literal['starttls', 'implicit', 'none']" = "starttls",
        protocol: "typing.Literal['smtp', 'lmtp']" = "smtp",
        unix: "str | os.PathLike[str] | None" = None,
        username: "str | None" = None,
        user: "str | None" = None,
        password: "str | None" = None,
        token: "str | None" = None,
        any_login: "bool" = false,
        require_auth: "bool" = false,
        require_tls: "bool" = false,
        auth_before_tls: "bool" = false,
        extensions: "collections.abc.Sequence[str] | None" = None,
        without: "collections.abc.Sequence[str] | None" = None,
        mechanisms: "collections.abc.Sequence[str] | None" = None,
        max_size: "int" = 33_554_432,
        max_recipients: "int" = 1000,
        max_messages: "int | None" = None,
        max_connections: "int" = 1000,
        idle_timeout: "float" = 300.0,
        keep: "int" = 1000,
        hostname: "str" = "localhost",
        authority: "str | os.PathLike[str] | None" = None,
        allow_remote: "bool" = false,
        xclient: "bool" = false,
        **unknown: "typing.Never",
    ), text_signature = "(host='127.0.0.1', port=0, *, tls='starttls', protocol='smtp', unix=None, username=None, \
        user=None, password=None, token=None, any_login=False, require_auth=False, require_tls=False, \
        auth_before_tls=False, extensions=None, without=None, mechanisms=None, max_size=33554432, \
        max_recipients=1000, max_messages=None, max_connections=1000, idle_timeout=300.0, keep=1000, \
        hostname='localhost', authority=None, allow_remote=False, xclient=False)")]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        #[pyo3(from_py_with = given::host)] host: &str,
        #[pyo3(from_py_with = given::port)] port: u16,
        #[pyo3(from_py_with = given::tls)] tls: &str,
        #[pyo3(from_py_with = given::protocol)] protocol: &str,
        #[pyo3(from_py_with = given::unix)] unix: Option<PathBuf>,
        #[pyo3(from_py_with = given::username)] username: Option<String>,
        #[pyo3(from_py_with = given::user)] user: Option<String>,
        #[pyo3(from_py_with = given::password)] password: Option<String>,
        #[pyo3(from_py_with = given::token)] token: Option<String>,
        #[pyo3(from_py_with = given::any_login)] any_login: bool,
        #[pyo3(from_py_with = given::require_auth)] require_auth: bool,
        #[pyo3(from_py_with = given::require_tls)] require_tls: bool,
        #[pyo3(from_py_with = given::auth_before_tls)] auth_before_tls: bool,
        #[pyo3(from_py_with = given::extensions)] extensions: Option<Vec<String>>,
        #[pyo3(from_py_with = given::without)] without: Option<Vec<String>>,
        #[pyo3(from_py_with = given::mechanisms)] mechanisms: Option<Vec<String>>,
        #[pyo3(from_py_with = given::max_size)] max_size: u64,
        #[pyo3(from_py_with = given::max_recipients)] max_recipients: usize,
        #[pyo3(from_py_with = given::max_messages)] max_messages: Option<u64>,
        #[pyo3(from_py_with = given::max_connections)] max_connections: usize,
        #[pyo3(from_py_with = given::idle_timeout)] idle_timeout: f64,
        #[pyo3(from_py_with = given::keep)] keep: usize,
        #[pyo3(from_py_with = given::hostname)] hostname: &str,
        #[pyo3(from_py_with = given::authority)] authority: Option<PathBuf>,
        #[pyo3(from_py_with = given::allow_remote)] allow_remote: bool,
        #[pyo3(from_py_with = given::xclient)] xclient: bool,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        none_unknown("Catcher", &py.get_type::<Self>(), unknown)?;
        let or_random = |given: Option<String>| given.map_or_else(|| catcher::random_hex(12), Ok);
        let username = username::one_of(username, user)?.unwrap_or_else(|| "catcher".to_owned());
        let mut credentials = Credentials::new(username, or_random(password)?, or_random(token)?);
        credentials.any = any_login;
        let offers = offers(extensions, without.as_deref().unwrap_or_default())?;
        let mechanisms = match mechanisms {
            None => Mechanism::by_default(any_login),
            Some(names) => names
                .iter()
                .map(|name| named("mechanisms", name, Mechanism::ALL.iter().map(|known| known.name())))
                .collect::<PyResult<_>>()?,
        };
        let printable = |c: char| c.is_ascii_graphic();
        if hostname.is_empty() || !hostname.chars().all(printable) {
            return Err(bad_argument("hostname", &"a name of printable ASCII, without spaces"));
        }
        let is_unix = unix.is_some();
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
            xclient,
            max_size,
            max_recipients,
            max_messages,
            max_connections,
            idle: seconds("idle_timeout", idle_timeout)?,
            keep,
        };
        let inner =
            py.detach(|| catcher::Catcher::start(settings)).map_err(|error| not_started(error, is_unix))?;
        Ok(Self { inner })
    }
}

fn offers(extensions: Option<Vec<String>>, without: &[String]) -> PyResult<Offers> {
    let mut offers = match extensions {
        None => Offers::all(),
        Some(names) => {
            let wanted: Vec<Offer> =
                names.iter().map(|name| named("extensions", name, offered())).collect::<PyResult<_>>()?;
            wanted.into_iter().collect()
        }
    };
    for name in without {
        offers = offers.without(named("without", name, offered())?);
    }
    Ok(offers)
}

fn offered() -> impl Iterator<Item = &'static str> {
    Offer::ALL.into_iter().map(Offer::keyword)
}

fn tls_mode(name: &str) -> PyResult<TlsMode> {
    let known = [TlsMode::None, TlsMode::StartTls, TlsMode::Implicit].map(|mode| (mode.name(), mode));
    one_of("tls", name, &known)
}

fn dialect(name: &str) -> PyResult<Dialect> {
    one_of("protocol", name, &[("smtp", Dialect::Smtp), ("lmtp", Dialect::Lmtp)])
}

fn not_started(error: io::Error, is_unix: bool) -> PyErr {
    let words = error.to_string();
    match (error.raw_os_error(), error.kind()) {
        (_, io::ErrorKind::InvalidInput) => PyValueError::new_err(words),
        // Given a number, OSError chooses the right subclass and sets `errno`.
        (Some(number), _) => {
            let words = words.trim_end_matches(&format!(" (os error {number})")).to_owned();
            let words = match error.kind() {
                io::ErrorKind::AddrInUse if is_unix => format!("unix: {words}"),
                io::ErrorKind::AddrInUse => format!("port: {words}; port=0 takes a free one"),
                io::ErrorKind::AddrNotAvailable => format!("host: {words}"),
                _ => words,
            };
            PyOSError::new_err((number, words))
        }
        _ => PyOSError::new_err(format!("host: {words}")),
    }
}
