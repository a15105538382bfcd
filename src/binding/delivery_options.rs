//! Delivery options from `rsmtp.envelope`. They are read once and passed on unchanged.

use super::argument::{parameters, parse};
use super::error::bad_argument;
use crate::address::{ForwardPath, ReversePath};
use crate::protocol::Body;
use crate::protocol::command::Parameter;
use crate::protocol::transaction::{
    self, DeliverBy, EnvelopeId, HoldFor, MailOption, Moment, Notify, OriginalRecipient, Priority,
    RcptOption, Return, SaidOptions, ValidSince, VerpDelimiters,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::collections::HashMap;
use std::sync::Arc;

/// Parameters of MAIL and RCPT that `rsmtp.Envelope` stands for.
///
/// Raises ValueError, naming the argument, for a value that its RFC does not allow. Times are
/// seconds since 1970.
#[pyclass(frozen, eq, module = "rsmtp._rsmtp")]
#[derive(PartialEq)]
pub struct DeliveryOptions {
    pub options: Arc<transaction::DeliveryOptions>,
}

/// Options of one recipient: its address, NOTIFY, ORCPT, the time of RRVS.
type Own = (String, Option<Vec<String>>, Option<String>, Option<i64>);

#[pymethods]
impl DeliveryOptions {
    #[new]
    #[pyo3(signature = (
        *, ret=None, envid=None, require_tls=false, hold_for=None, hold_until=None, deliver_by=None,
        priority=None, binary=false, xverp=None, notify=None,
        own: "list[tuple[str, list[str] | None, str | None, int | None]] | None" = None, if_offered=false
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn new(
        ret: Option<&str>,
        envid: Option<&str>,
        require_tls: bool,
        hold_for: Option<i64>,
        hold_until: Option<i64>,
        deliver_by: Option<(i64, bool, bool)>,
        priority: Option<i64>,
        binary: bool,
        xverp: Option<&str>,
        notify: Option<Vec<String>>,
        own: Option<Vec<Own>>,
        if_offered: bool,
    ) -> PyResult<Self> {
        let mut mail = Vec::new();
        match ret {
            None => {}
            Some("full") => mail.push(MailOption::Return(Return::Full)),
            Some("headers") => mail.push(MailOption::Return(Return::Headers)),
            Some(other) => return Err(bad("ret", other, "is neither \"full\" nor \"headers\"")),
        }
        if let Some(text) = envid {
            mail.push(MailOption::EnvelopeId(EnvelopeId::new(text).map_err(|why| bad("envid", text, why))?));
        }
        if require_tls {
            mail.push(MailOption::RequireTls);
        }
        if let Some(seconds) = hold_for {
            let held = HoldFor::new(seconds).map_err(|why| bad("hold_for", seconds, why))?;
            mail.push(MailOption::HoldFor(held));
        }
        if let Some(seconds) = hold_until {
            mail.push(MailOption::HoldUntil(moment("hold_until", seconds)?));
        }
        if let Some((seconds, returns, traces)) = deliver_by {
            let by =
                DeliverBy::new(seconds, returns, traces).map_err(|why| bad("deliver_by", seconds, why))?;
            mail.push(MailOption::DeliverBy(by));
        }
        if let Some(level) = priority {
            let level = Priority::new(level).map_err(|why| bad("priority", level, why))?;
            mail.push(MailOption::Priority(level));
        }
        if binary {
            mail.push(MailOption::BinaryMime);
        }
        if let Some(text) = xverp {
            mail.push(MailOption::Xverp(VerpDelimiters::new(text).map_err(|why| bad("xverp", text, why))?));
        }
        let rcpt = match &notify {
            Some(events) => vec![RcptOption::Notify(notice(events)?)],
            None => Vec::new(),
        };
        let mut all = HashMap::new();
        for one in own.unwrap_or_default() {
            let address = one.0.clone();
            let (path, options) = own_options(one, &rcpt, if_offered)?;
            if all.insert(path, options.clone()).is_some_and(|before| before != options) {
                let why = "stands there twice, with different options: one recipient has one RCPT";
                return Err(bad("recipients", address, why));
            }
        }
        let options = transaction::DeliveryOptions { mail, rcpt, own: all, if_offered };
        Ok(Self { options: Arc::new(options) })
    }

    /// The parameters of MAIL, as they go out where they are offered.
    #[getter]
    fn mail(&self) -> Vec<String> {
        self.options.mail.iter().map(ToString::to_string).collect()
    }

    /// Whether BINARYMIME is asked for.
    #[getter]
    fn binary(&self) -> bool {
        self.options.is_binary()
    }

    /// The parameters of RCPT for an address.
    fn rcpt(&self, address: &str) -> Vec<String> {
        let path = address.parse::<ForwardPath>().map_or_else(|_| String::new(), |path| path.to_string());
        let options = self.options.own.get(&path).unwrap_or(&self.options.rcpt);
        options.iter().map(ToString::to_string).collect()
    }

    /// These options, and XVERP with these delimiters.
    fn with_xverp(&self, delimiters: &str) -> PyResult<Self> {
        let wanted = VerpDelimiters::new(delimiters).map_err(|why| bad("xverp", delimiters, why))?;
        let mut options = transaction::DeliveryOptions::clone(&self.options);
        options.mail.retain(|one| !matches!(one, MailOption::Xverp(_)));
        options.mail.push(MailOption::Xverp(wanted));
        Ok(Self { options: Arc::new(options) })
    }

    /// For JSON; `from_dict` reads it.
    #[pyo3(signature = () -> "dict[str, typing.Any]")]
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let own: Vec<_> = self.options.own.iter().collect();
        let told = PyDict::new(py);
        told.set_item("mail", self.mail())?;
        told.set_item("rcpt", self.rcpt(""))?;
        let of_each = PyDict::new(py);
        for (address, options) in own {
            of_each.set_item(address, options.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        }
        told.set_item("own", of_each)?;
        told.set_item("if_offered", self.options.if_offered)?;
        Ok(told)
    }

    /// What `to_dict` has written. ValueError for anything else.
    #[staticmethod]
    #[pyo3(signature = (told: "dict[str, typing.Any]"))]
    fn from_dict(told: &Bound<'_, PyDict>) -> PyResult<Self> {
        let wrong = |what: &str| PyValueError::new_err(format!("{what:?}: these are no delivery options"));
        let item = |name: &str| told.get_item(name)?.ok_or_else(|| wrong(name));
        let texts = |name: &str| item(name)?.extract::<Vec<String>>().map_err(|_| wrong(name));
        let rcpt = |all: Vec<String>| -> PyResult<Vec<RcptOption>> {
            all.iter().map(|text| read(text, RcptOption::read).ok_or_else(|| wrong(text))).collect()
        };
        let mail: PyResult<Vec<MailOption>> = texts("mail")?
            .iter()
            .map(|text| read(text, MailOption::read).ok_or_else(|| wrong(text)))
            .collect();
        let own: HashMap<String, Vec<String>> = item("own")?.extract().map_err(|_| wrong("own"))?;
        let own: PyResult<HashMap<_, _>> =
            own.into_iter().map(|(address, all)| Ok((address, rcpt(all)?))).collect();
        let options = transaction::DeliveryOptions {
            mail: mail?,
            rcpt: rcpt(texts("rcpt")?)?,
            own: own?,
            if_offered: item("if_offered")?.extract().map_err(|_| wrong("if_offered"))?,
        };
        Ok(Self { options: Arc::new(options) })
    }

    fn __repr__(&self) -> String {
        format!("<DeliveryOptions {}>", self.mail().join(" "))
    }
}

impl DeliveryOptions {
    /// What is said by an option is not said by a text of the caller's besides. (BODY is: clients
    /// add it for content in UTF-8.)
    pub fn check_said_once(&self, mail: &[Parameter], rcpt: &[Parameter]) -> PyResult<()> {
        let both = |keyword: &&str, texts: &[Parameter]| texts.iter().any(|text| text.is(keyword));
        let mut keywords = self.options.mail.iter().map(MailOption::keyword).filter(|name| *name != "BODY");
        if let Some(keyword) = keywords.find(|keyword| both(keyword, mail)) {
            return Err(said_twice("mail_options", keyword));
        }
        let mut keywords = self.options.rcpt.iter().chain(self.options.own.values().flatten());
        match keywords.find(|option| both(&option.keyword(), rcpt)) {
            Some(option) => Err(said_twice("rcpt_options", option.keyword())),
            None => Ok(()),
        }
    }
}

fn said_twice(argument: &str, keyword: &str) -> PyErr {
    bad_argument(argument, &format!("{keyword} is said by the envelope, too: say it in one place"))
}

/// Makes an option of a keyword and its value, where they are one.
type Reader<T> = fn(&str, Option<&str>) -> Option<Result<T, &'static str>>;

fn read<T>(text: &str, reader: Reader<T>) -> Option<T> {
    let (keyword, value) =
        text.split_once('=').map_or((text, None), |(keyword, value)| (keyword, Some(value)));
    reader(keyword, value)?.ok()
}

fn own_options(
    (address, events, orcpt, since): Own,
    all: &[RcptOption],
    if_offered: bool,
) -> PyResult<(String, Vec<RcptOption>)> {
    let path: ForwardPath = parse("recipients", &address)?;
    let mut options = match &events {
        Some(events) => vec![RcptOption::Notify(notice(events)?)],
        None => all.to_vec(),
    };
    if let Some(original) = orcpt {
        let original = OriginalRecipient::new(&original).map_err(|why| bad("orcpt", &original, why))?;
        options.push(RcptOption::OriginalRecipient(original));
    }
    if let Some(since) = since {
        let since = moment("valid_since", since)?;
        options.push(RcptOption::ValidSince(ValidSince { since, goes_on: if_offered }));
    }
    Ok((path.to_string(), options))
}

fn notice(events: &[String]) -> PyResult<Notify> {
    Notify::new(events.iter().map(String::as_str)).map_err(|why| bad("notify", events.join(","), why))
}

fn moment(argument: &str, seconds: i64) -> PyResult<Moment> {
    Moment::new(seconds).ok_or_else(|| bad(argument, seconds, "is beyond the year 9999, or before 0"))
}

fn bad(argument: &str, given: impl std::fmt::Debug, why: &str) -> PyErr {
    bad_argument(argument, &format!("{given:?} {why}"))
}

/// As a receipt and a client tell them.
pub fn texts(parameters: impl Iterator<Item = Parameter>) -> Vec<String> {
    parameters.map(|parameter| parameter.as_str().to_owned()).collect()
}

/// Keywords of the extensions whose options were left out.
pub fn left_out(said: &SaidOptions) -> Vec<String> {
    said.left_out.iter().map(|extension| extension.keyword().to_owned()).collect()
}

/// The options of a transaction: texts, and typed ones.
pub(super) struct AskedOptions {
    mail: Vec<Parameter>,
    rcpt: Vec<Parameter>,
    pub(super) typed: Option<Arc<transaction::DeliveryOptions>>,
}

impl AskedOptions {
    pub(super) fn read(
        mail: Option<Vec<String>>,
        rcpt: Option<Vec<String>>,
        delivery: Option<&DeliveryOptions>,
    ) -> PyResult<Self> {
        let mail = parameters("mail_options", &mail.unwrap_or_default())?;
        let rcpt = parameters("rcpt_options", &rcpt.unwrap_or_default())?;
        if let Some(delivery) = delivery {
            delivery.check_said_once(&mail, &rcpt)?;
        }
        Ok(Self { mail, rcpt, typed: delivery.map(|delivery| Arc::clone(&delivery.options)) })
    }

    pub(super) fn transaction(
        self,
        reverse_path: ReversePath,
        recipients: Vec<ForwardPath>,
        body: Body,
    ) -> transaction::Transaction {
        transaction::Transaction {
            reverse_path,
            mail_parameters: self.mail,
            recipients: recipients.into_iter().collect(),
            rcpt_parameters: self.rcpt,
            options: self.typed,
            body,
            cautious: false,
        }
    }
}
