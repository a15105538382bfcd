//! Templates in Jinja2's syntax: the parts of messages, compiled once and filled in for each row.
//!
//! A row's values never become anything but text. They are escaped in HTML and in Markdown, and a
//! line end in a header field or an address is refused. An unknown name or a missing value is an
//! error, because a message that begins "Dear None" must not be sent.
//!
//! Each kind of part has its own environment, so that included templates follow the rules of that
//! part, whatever their file names are. There is no loader: templates come from the given ones,
//! never from a disk.

use super::comparing::{add_comparisons, prepared};
use super::fault::{Fault, What, panicked};
use super::value::{FAILURE, Kind, write};
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

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

/// Joins the template's own lines. Values contain no line ends.
fn on_one_line(made: String) -> String {
    if made.contains(['\n', '\r']) {
        made.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    } else {
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::value::fail;

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
