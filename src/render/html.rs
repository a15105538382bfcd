//! Makes text from HTML: headings, lists and tables are readable, and the addresses of links are
//! listed below.

use html2text::render::TextDecorator;
use html2text::{Error, config};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

/// The line width in octets, for text that can be wrapped.
const WIDTH: usize = 76;
/// The layout time of deeper HTML grows with the square of the depth. Newsletters have nested
/// tables, some 40 elements deep.
const DEEPEST: usize = 2_000;

/// HTML that can't be converted to text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooDeep;

/// The text content of the HTML. Hidden parts (scripts, styles, `display: none`) are left out, and
/// images become their alternative text. Lines end with LF.
pub fn text(html: &str) -> Result<String, TooDeep> {
    if depth(html) > DEEPEST {
        return Err(TooDeep);
    }
    let clean: String = html.chars().filter(|c| !MARKS.contains(c)).collect();
    let links = Links::default();
    let laid_out =
        layout(&clean, &links, true).or_else(|_| layout(&clean, &links, false)).unwrap_or_default();
    Ok(tidy(&footnotes(&laid_out, &links.urls.borrow())))
}

/// Unreadable styles are no reason to have no text.
fn layout(html: &str, links: &Links, with_styles: bool) -> Result<String, Error> {
    links.urls.borrow_mut().clear();
    let plain = config::with_decorator(links.clone()).no_table_borders().allow_width_overflow();
    let plain = if with_styles { plain.use_doc_css() } else { plain };
    plain.link_footnotes(false).string_from_read(html.as_bytes(), WIDTH)
}

/// How deeply elements are nested, as far as can be seen without parsing. Elements that may be
/// left open, or have no content, don't count.
fn depth(html: &str) -> usize {
    const OPEN: [&str; 24] = [
        "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta",
        "option", "p", "source", "tbody", "td", "th", "thead", "tr", "track", "wbr", "param",
    ];
    let (mut now, mut deepest) = (0_usize, 0);
    for piece in html.split('<').skip(1) {
        let (closes, rest) = piece.strip_prefix('/').map_or((false, piece), |rest| (true, rest));
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).take(12).collect();
        if name.is_empty() || OPEN.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        now = if closes { now.saturating_sub(1) } else { now + 1 };
        deepest = deepest.max(now);
    }
    deepest
}

/// Marks around the text of a link and after its number: private-use characters that no text has.
const MARKS: [char; 3] = ['\u{E000}', '\u{E001}', '\u{E002}'];

/// Records the positions and targets of links.
#[derive(Debug, Clone, Default)]
struct Links {
    urls: Rc<RefCell<Vec<String>>>,
}

impl TextDecorator for Links {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
        self.urls.borrow_mut().push(url.to_owned());
        (MARKS[0].to_string(), ())
    }

    fn decorate_link_end(&mut self) -> String {
        format!("{}{}{}", MARKS[1], self.urls.borrow().len().saturating_sub(1), MARKS[2])
    }

    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _url: &str, alternative: &str) -> (String, ()) {
        (format!("[{alternative}]"), ())
    }

    fn header_prefix(&self, level: usize) -> String {
        format!("{} ", "#".repeat(level))
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "* ".to_owned()
    }

    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        self.clone()
    }
}

/// The text with a number after each link and the addresses listed below. A link that shows its
/// address needs no number, and equal addresses share one.
fn footnotes(text: &str, urls: &[String]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut notes: Vec<&str> = Vec::new();
    let mut rest = text;
    let mut begin = 0;
    while let Some(at) = rest.find(MARKS) {
        let (before, mark) = rest.split_at(at);
        out.push_str(before);
        let (mark, behind) = mark.split_at(MARKS[0].len_utf8());
        rest = behind;
        if mark.starts_with(MARKS[0]) {
            begin = out.len();
        } else if mark.starts_with(MARKS[1]) {
            let (number, behind) = rest.split_once(MARKS[2]).unwrap_or((rest, ""));
            rest = behind;
            let Some(url) = number.trim().parse().ok().and_then(|n: usize| urls.get(n)) else { continue };
            if leads_somewhere(url) && !is_shown(out.get(begin..).unwrap_or(""), url) {
                let known = notes.iter().position(|note| note == url);
                let note = known.unwrap_or_else(|| {
                    notes.push(url);
                    notes.len() - 1
                });
                let _ = write!(out, " [{}]", note + 1);
            }
        }
    }
    out.push_str(rest);
    if !notes.is_empty() {
        out.push('\n');
    }
    for (number, url) in notes.iter().enumerate() {
        let _ = write!(out, "\n[{}] {url}", number + 1);
    }
    out
}

/// A link within the mail, or one that runs a script, is useless to a reader of text.
fn leads_somewhere(url: &str) -> bool {
    let scheme = url.split(':').next().unwrap_or("").trim();
    !url.starts_with('#')
        && !scheme.eq_ignore_ascii_case("javascript")
        && !scheme.eq_ignore_ascii_case("data")
}

fn is_shown(text: &str, url: &str) -> bool {
    let text: String = text.split_whitespace().collect();
    let bare = |url: &'_ str| -> String {
        let url = url.trim().trim_end_matches('/');
        let url = ["https://", "http://", "mailto:", "tel:"]
            .iter()
            .find_map(|s| url.strip_prefix(s))
            .unwrap_or(url);
        url.to_owned()
    };
    bare(&text) == bare(url)
}

/// No white space at line ends, no lines of invisible characters, and no two empty lines in a row.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut empty = 0;
    for line in text.lines() {
        let line = line.trim_end();
        // Newsletters pad their preview line with these.
        if line
            .chars()
            .all(|c| c.is_whitespace() || "\u{200B}\u{200C}\u{200D}\u{2060}\u{FEFF}\u{34F}\u{AD}".contains(c))
        {
            empty += 1;
            continue;
        }
        if !out.is_empty() && empty > 0 {
            out.push('\n');
        }
        empty = 0;
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_says_what_the_html_says() {
        let html = "<html><head><title>No</title><style>p{color:red}</style><script>no()</script></head><body>\
            <div style='display:none'>Preview</div><h1>Welcome</h1><p>Sales are <b>up</b> by 12&nbsp;%. See \
            <a href='https://example.org/r?a=1&amp;b=2'>the report</a> or <a href='https://example.org/'>\
            example.org</a>, and <a href='https://example.org/r?a=1&amp;b=2'>again</a>.</p>\
            <ul><li>One<li>Two</ul><table><tr><th>Month<th>Sales<tr><td>May<td>1,200</table>\
            <img src='cid:a' alt='Our logo'></body></html>";
        let wanted = "# Welcome\n\nSales are up by 12\u{a0}%. See the report [1] or example.org, and again [1].\n\
            * One\n* Two\n\nMonth Sales\nMay   1,200\n[Our logo]\n\n[1] https://example.org/r?a=1&b=2\n";
        assert_eq!(text(html), Ok(wanted.to_owned()));
    }

    #[test]
    fn link_without_an_address_that_a_reader_could_open_has_no_number() {
        let html = "<a href='#top'>Up</a> <a href='JavaScript:x()'>Run</a> <a href='mailto:a@b.example'>a@b.example</a>";
        assert_eq!(text(html), Ok("Up Run a@b.example\n".to_owned()));
    }

    #[test]
    fn no_input_breaks_it() {
        for html in [
            "",
            "<",
            "</",
            "<a",
            "<a href=x",
            "\u{E000}\u{E001}7\u{E002}",
            "<style>@media{",
            "&#0;&#x110000;",
        ] {
            assert!(text(html).is_ok(), "{html:?}");
        }
        assert_eq!(text(&"<div>".repeat(100_000)), Err(TooDeep));
        assert!(text(&"<p>x".repeat(10_000)).is_ok());
    }
}
