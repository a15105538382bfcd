//! Templates in Jinja2's syntax: the parts of messages, compiled once and filled in for each row.
//!
//! A row's values never become anything but text. They are escaped in HTML and in Markdown, and a
//! line end in a header field or an address is refused. An unknown name or a missing value is an
//! error, because a message that begins "Dear None" must not be sent.
//!
//! Each kind of part has its own environment, so that included templates follow the rules of that
//! part, whatever their file names are. There is no loader: templates come from the given ones,
//! never from a disk.

use super::comparing::{add_comparisons, prepared, restored};
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The kind of a part, which decides how values in it are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Values are written unchanged.
    Text,
    /// Values are escaped, except for those marked as markup.
    Html,
    /// Values are escaped for Markdown and for the HTML in it.
    Markdown,
    /// One line: a header field, an address or a file name. Line ends of the template become white
    /// space, and line ends in a value are refused.
    Line,
}

const KINDS: [Kind; 4] = [Kind::Text, Kind::Html, Kind::Markdown, Kind::Line];

/// The names and sources of other templates, which parts may extend, include and import.
pub type Library = HashMap<String, String>;

/// One part of a message.
#[derive(Debug, Clone)]
pub struct Part {
    /// The name in errors: an argument, or a file.
    pub name: String,
    pub source: String,
    pub kind: Kind,
}

/// Templates, compiled.
pub struct Templates {
    environments: BTreeMap<Kind, Environment<'static>>,
    parts: Vec<(String, Kind)>,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl Templates {
    /// `add` adds the caller's filters, values and methods to each environment. `compared` is what a
    /// comparison takes for a value.
    pub fn new(
        library: &Arc<Library>,
        parts: Vec<Part>,
        add: impl Fn(&mut Environment<'static>),
        compared: fn(Value) -> Result<Value, Error>,
    ) -> Result<Self, Fault> {
        let mut environments = BTreeMap::new();
        for kind in KINDS {
            if parts.iter().any(|part| part.kind == kind) {
                let mut environment = environment(kind, library);
                add(&mut environment);
                add_comparisons(&mut environment, compared);
                environments.insert(kind, environment);
            }
        }
        let mut names = Vec::with_capacity(parts.len());
        for Part { name, source, kind } in parts {
            if let Some(environment) = environments.get_mut(&kind) {
                environment
                    .add_template_owned(name.clone(), prepared(source))
                    .map_err(|error| Fault::of(&error))?;
            }
            names.push((name, kind));
        }
        let templates = Self { environments, parts: names };
        templates.check_references(library)?;
        Ok(templates)
    }

    /// Errors in the templates that parts refer to are reported before the first row.
    fn check_references(&self, library: &Library) -> Result<(), Fault> {
        for environment in self.environments.values() {
            for name in library.keys() {
                // If it isn't a template at all (a style sheet, say), that is an error of the
                // parts that include it.
                if let Err(error) = environment.get_template(name)
                    && looks_like_a_template(name)
                {
                    return Err(Fault::of(&error));
                }
            }
        }
        Ok(())
    }

    /// A part, by its position among the given ones.
    pub fn render(&self, part: usize, values: &Value) -> Result<String, Fault> {
        let Some((name, kind)) = self.parts.get(part) else { return Err(Fault::other("no such part")) };
        let Some(environment) = self.environments.get(kind) else { return Err(Fault::other("no such kind")) };
        // A value may itself render a template, on this thread, while it is asked for its text.
        let outer = FAILURE.take();
        // Sorting panics where the caller's values have no consistent order.
        let made = catch_unwind(AssertUnwindSafe(|| {
            environment.get_template(name).and_then(|template| template.render(values))
        }));
        let made =
            made.unwrap_or_else(|panic| Err(Error::new(ErrorKind::InvalidOperation, panicked(&*panic))));
        let failure = FAILURE.replace(outer);
        let made = made.map_err(|error| Fault::of(&error));
        let made = match failure {
            Some(words) => {
                Err(Fault { place: made.err().and_then(|fault| fault.place), what: What::Other(words) })
            }
            None => made,
        }?;
        Ok(if *kind == Kind::Line { on_one_line(made) } else { made })
    }

    /// The names that the parts use without setting them.
    pub fn names(&self) -> Vec<String> {
        let mut found: Vec<String> = self
            .environments
            .values()
            .flat_map(|environment| environment.templates().map(|(_, t)| t.undeclared_variables(false)))
            .flatten()
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

fn looks_like_a_template(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".html", ".htm", ".txt", ".md", ".j2", ".jinja", ".jinja2"].iter().any(|end| name.ends_with(end))
}

fn environment(kind: Kind, library: &Arc<Library>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_debug(true); // names what is undefined
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(move |_| match kind {
        Kind::Html => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    environment.set_formatter(move |out, state, value| write(kind, out, state, value));
    let library = Arc::clone(library);
    environment.set_loader(move |name| Ok(library.get(name).cloned().map(prepared)));
    environment
}

thread_local! {
    static FAILURE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Says why a value could not be asked for its text, its items or its order. The engine wants an
/// answer from a value where it takes no error, so the value gives any answer, and the part that is
/// being rendered on this thread has failed. Only the first failure is kept.
pub fn fail(words: String) {
    FAILURE.with_borrow_mut(|kept| {
        kept.get_or_insert(words);
    });
}

/// The texts of our own errors, by which [`Fault::of`] recognises them.
const MISSING: &str = "missing";
const FAILED: &str = "failed";
const LINE_END: &str = "line end";

fn write(kind: Kind, out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None => return Err(Error::new(ErrorKind::InvalidOperation, MISSING)),
        // minijinja's own error includes the name.
        ValueKind::Undefined | ValueKind::Invalid => {
            return minijinja::escape_formatter(out, state, value);
        }
        _ => {}
    }
    let owned;
    let text = match value.as_str() {
        Some(text) => text,
        None => {
            owned = as_text(kind, value);
            owned.as_str()
        }
    };
    if FAILURE.with_borrow(Option::is_some) {
        // The failure itself says why; this error adds the place.
        return Err(Error::new(ErrorKind::InvalidOperation, FAILED));
    }
    let is_escaped = value.is_safe() || value.downcast_object_ref::<Markup>().is_some();
    match kind {
        Kind::Html | Kind::Markdown if is_escaped => out.write_str(text)?,
        Kind::Html => escape_html(out, text)?,
        Kind::Markdown => escape_markdown(out, text)?,
        Kind::Text => out.write_str(text)?,
        Kind::Line => match text.chars().find(|&c| ends_a_line(c)) {
            Some(_) => {
                let shown: String = text.chars().take(60).collect();
                return Err(Error::new(ErrorKind::InvalidOperation, format!("{LINE_END}{shown:?}")));
            }
            None => out.write_str(text)?,
        },
    }
    Ok(())
}

/// How a value that isn't a string is written.
fn as_text(kind: Kind, value: &Value) -> String {
    match value.downcast_object_ref::<Markup>() {
        Some(markup) if matches!(kind, Kind::Html | Kind::Markdown) => markup.html.clone(),
        Some(markup) => markup.text.clone(),
        None => match value.kind() {
            ValueKind::Bool => if value.is_true() { "True" } else { "False" }.to_owned(),
            _ => value.to_string(),
        },
    }
}

/// A value that defines its own HTML form, and also has a text form.
#[derive(Debug)]
pub struct Markup {
    pub html: String,
    pub text: String,
}

impl minijinja::value::Object for Markup {
    fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Control characters, and the two Unicode separators at which some readers break a line.
fn ends_a_line(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')
}

fn escape_html(out: &mut Output, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, behind) = rest.split_at(at);
        out.write_str(before)?;
        out.write_str(match behind.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&#34;",
            _ => "&#39;",
        })?;
        rest = &behind[1..];
    }
    out.write_str(rest)
}

/// CommonMark 2.4: a backslash may precede any ASCII punctuation. Line ends would begin blocks.
fn escape_markdown(out: &mut Output, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '&' => out.write_str("&amp;")?,
            '\n' | '\r' => out.write_str(" ")?,
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' => {
                out.write_fmt(format_args!("\\{c}"))?;
            }
            _ => out.write_fmt(format_args!("{c}"))?,
        }
    }
    Ok(())
}

/// Joins the template's own lines. Values contain no line ends.
fn on_one_line(made: String) -> String {
    if made.contains(['\n', '\r']) {
        made.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    } else {
        made
    }
}

/// Why a part could not be compiled or filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The template and the line in it.
    pub place: Option<(String, usize)>,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The requested name doesn't exist.
    Undefined(String),
    /// The name exists and has no value.
    Missing(String),
    /// The value has a line end or another control character. Holds the name and the value.
    LineEnd(String, String),
    Other(String),
}

impl Fault {
    fn other(words: &str) -> Self {
        Self { place: None, what: What::Other(words.to_owned()) }
    }

    fn of(error: &Error) -> Self {
        // An include and a block wrap the errors that occur in them.
        let innermost = innermost(error);
        let place = innermost.name().or(error.name()).map(|name| {
            let line = innermost.line().or(error.line()).unwrap_or(1);
            (name.to_owned(), line)
        });
        let expression = || {
            let found = innermost.range().and_then(|range| innermost.template_source()?.get(range));
            restored(found.unwrap_or("a value").trim())
        };
        let detail = innermost.detail().unwrap_or("");
        let what = match innermost.kind() {
            _ if detail == MISSING => What::Missing(expression()),
            _ if detail.starts_with(LINE_END) => {
                What::LineEnd(expression(), detail.trim_start_matches(LINE_END).to_owned())
            }
            _ if detail.contains("` is undefined") => {
                let name = detail.split('`').nth(1).unwrap_or("");
                What::Undefined(name.to_owned())
            }
            ErrorKind::UndefinedError => What::Undefined(expression()),
            kind => {
                let mut words = kind.to_string();
                if !detail.is_empty() {
                    let _ = write!(words, ": {detail}");
                }
                What::Other(words)
            }
        };
        Self { place, what }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic").to_owned()
}

fn innermost(error: &Error) -> &Error {
    let mut found = error;
    while let Some(source) =
        std::error::Error::source(found).and_then(|source| source.downcast_ref::<Error>())
    {
        found = source;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates(parts: &[(&str, &str, Kind)], library: &[(&str, &str)]) -> Result<Templates, Fault> {
        let parts = parts.iter().map(|(name, source, kind)| Part {
            name: (*name).to_owned(),
            source: (*source).to_owned(),
            kind: *kind,
        });
        let library = library.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned()));
        Templates::new(&Arc::new(library.collect()), parts.collect(), |_| {}, Ok)
    }

    fn rendered(kind: Kind, source: &str, values: &[(&str, &str)]) -> Result<String, What> {
        let made = templates(&[("part", source, kind)], &[]).expect("compiled");
        made.render(0, &Value::from_pairs(values.iter().copied())).map_err(|fault| fault.what)
    }

    #[test]
    fn values_are_what_their_part_makes_of_them() {
        let hostile = [("name", "<b>&\"'{{ x }}")];
        assert_eq!(rendered(Kind::Text, "Dear {{ name }}", &hostile), Ok("Dear <b>&\"'{{ x }}".into()));
        assert_eq!(
            rendered(Kind::Html, "<p>{{ name }}</p>", &hostile),
            Ok("<p>&lt;b&gt;&amp;&#34;&#39;{{ x }}</p>".into())
        );
        let marked = [("name", "*a* [b](c)\n# d")];
        assert_eq!(
            rendered(Kind::Markdown, "{{ name }}", &marked),
            Ok("\\*a\\* \\[b\\]\\(c\\) \\# d".into())
        );
    }

    #[test]
    fn line_end_in_a_line_is_refused_and_one_of_the_template_is_white_space() {
        assert_eq!(
            rendered(Kind::Line, "Re: {{ name }}", &[("name", "a\r\nBcc: b@c.example")]),
            Err(What::LineEnd("name".into(), "\"a\\r\\nBcc: b@c.example\"".into()))
        );
        assert_eq!(rendered(Kind::Line, "Hello\n  {{ name }}\n", &[("name", "Ann")]), Ok("Hello Ann".into()));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let none = [("name", "Ann")];
        assert_eq!(rendered(Kind::Text, "{{ nmae }}", &none), Err(What::Undefined("nmae".into())));
        assert_eq!(rendered(Kind::Html, "{{ a.b|upper }}", &none), Err(What::Undefined("a".into())));
        assert_eq!(rendered(Kind::Text, "{{ x|default('-') }}", &none), Ok("-".into()));
        let made = templates(&[("text", "1\n{{ x }}", Kind::Text)], &[]).expect("compiled");
        let values = Value::from_pairs([("x", ())]);
        let fault = Fault { place: Some(("text".into(), 2)), what: What::Missing("x".into()) };
        assert_eq!(made.render(0, &values), Err(fault));
    }

    #[derive(Debug)]
    struct Failing;

    impl minijinja::value::Object for Failing {
        fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
            minijinja::value::ObjectRepr::Plain
        }

        fn render(self: &Arc<Self>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            fail("no words".into());
            Ok(())
        }
    }

    #[test]
    fn value_that_fails_is_a_fault_of_its_part_alone() {
        let sources = [("one", "a\n{{ x|upper }}"), ("two", "{% if x|string %}{% endif %}"), ("three", "-")];
        let parts: Vec<_> = sources.iter().map(|(name, source)| (*name, *source, Kind::Text)).collect();
        let made = templates(&parts, &[]).expect("compiled");
        let values = Value::from_pairs([("x", Value::from_object(Failing))]);
        let what = What::Other("no words".into());
        let there = Fault { place: Some(("one".into(), 2)), what: what.clone() };
        assert_eq!(made.render(0, &values), Err(there));
        assert_eq!(made.render(1, &values), Err(Fault { place: None, what }));
        assert_eq!(made.render(2, &values), Ok("-".into()));
    }

    #[test]
    fn included_templates_follow_the_rules_of_the_part_and_nothing_else_is_found() {
        let library = [("a.txt", "{{ name }}"), ("layout.html", "<i>{% block main %}{% endblock %}</i>")];
        let source = "{% extends 'layout.html' %}{% block main %}{% include 'a.txt' %}{% endblock %}";
        let made = templates(&[("html", source, Kind::Html)], &library).expect("compiled");
        let values = Value::from_pairs([("name", "<b>")]);
        assert_eq!(made.render(0, &values), Ok("<i>&lt;b&gt;</i>".into()));
        let fault = made.render(0, &Value::from_pairs([("x", 1)])).expect_err("undefined");
        assert_eq!((fault.place, fault.what), (Some(("a.txt".into(), 1)), What::Undefined("name".into())));
        let outside = templates(&[("text", "{% include '../Cargo.toml' %}", Kind::Text)], &[]);
        assert!(outside.expect("compiled").render(0, &Value::UNDEFINED).is_err());
        assert!(templates(&[("text", "{% if %}", Kind::Text)], &[]).is_err());
    }
}
