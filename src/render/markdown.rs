//! Makes HTML from Markdown: CommonMark with tables, strikethrough and task lists, in a page that
//! mail programs display well.
//!
//! The Markdown may contain untrusted text. HTML in it is shown as text, and links and pictures
//! can't lead to anything that runs.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// The surrounding page. Colours are the reader's own, light or dark, and the borders are visible
/// on both. The subject is the page's title. Outlook uses Times for a list of fonts whose first
/// one it lacks.
const BEFORE: &str = "<!DOCTYPE html>\n<html";
const HEAD: &str = ">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n\
    <meta name=\"supported-color-schemes\" content=\"light dark\">\n<style>\n\
    :root { color-scheme: light dark; }\n\
    h1 { font-size: 26px; } h2 { font-size: 21px; } h3 { font-size: 18px; }\n\
    h1, h2, h3, h4, h5, h6 { line-height: 1.25; margin: 24px 0 8px; }\n\
    table { border-collapse: collapse; }\n\
    th, td { padding: 6px 12px; border-bottom: 1px solid #999999; text-align: left; }\n\
    blockquote { margin: 16px 0; padding: 0 0 0 12px; border-left: 3px solid #999999; }\n\
    pre { padding: 12px; border: 1px solid #999999; white-space: pre-wrap; }\n\
    code { font-family: ui-monospace, Consolas, Menlo, monospace; font-size: 14px; }\n\
    img { max-width: 100%; height: auto; }\n\
    hr { border: 0; border-top: 1px solid #999999; }\n\
    </style>\n\
    <!--[if mso]><style>body, div, table { font-family: 'Segoe UI', Arial, sans-serif !important; }\
    </style><![endif]-->\n\
    </head>\n<body style=\"margin: 0; padding: 16px;\">\n\
    <div style=\"max-width: 640px; margin: 0 auto; font-family: system-ui, -apple-system, 'Segoe UI', Roboto, \
    Helvetica, Arial, sans-serif; font-size: 16px; line-height: 1.5; overflow-wrap: break-word;\">\n";
const AFTER: &str = "</div>\n</body>\n</html>\n";

/// A whole HTML page that shows the Markdown, in the language of a tag (RFC 5646), if it is known.
pub fn page(markdown: &str, language: Option<&str>) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut out = String::with_capacity(BEFORE.len() + HEAD.len() + AFTER.len() + markdown.len() * 3 / 2);
    out.push_str(BEFORE);
    if let Some(language) = language.filter(|tag| is_tag(tag)) {
        out.push_str(" lang=\"");
        out.push_str(language);
        out.push('"');
    }
    out.push_str(HEAD);
    html::push_html(&mut out, harmless(Parser::new_ext(markdown, options)));
    out.push_str(AFTER);
    out
}

/// The form of a language tag: words of letters and digits, joined by hyphens (RFC 5646 section 2.1).
fn is_tag(text: &str) -> bool {
    text.split('-')
        .all(|word| (1..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn harmless<'a>(events: impl Iterator<Item = Event<'a>>) -> impl Iterator<Item = Event<'a>> {
    // Whether each open link and picture has a usable target.
    let mut open = Vec::new();
    events.filter_map(move |event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        // Mail programs remove form elements.
        Event::TaskListMarker(is_done) => {
            Some(Event::Text(CowStr::Borrowed(if is_done { "\u{2611} " } else { "\u{2610} " })))
        }
        Event::Start(Tag::Link { ref dest_url, .. } | Tag::Image { ref dest_url, .. }) => {
            let leads = leads_somewhere(dest_url, matches!(event, Event::Start(Tag::Image { .. })));
            open.push(leads);
            leads.then_some(event)
        }
        Event::End(TagEnd::Link | TagEnd::Image) => open.pop().unwrap_or(true).then_some(event),
        other => Some(other),
    })
}

/// Links that mail programs open, and pictures that they show. An address without a scheme is a
/// file beside the message.
fn leads_somewhere(url: &str, is_picture: bool) -> bool {
    // Browsers ignore control characters and spaces before a scheme, and tabs and line ends within
    // it.
    let url: String = url.chars().filter(|c| !c.is_control() && *c != ' ').collect::<String>().to_lowercase();
    let Some((scheme, rest)) = url.split_once(':') else { return true };
    if scheme.contains(['/', '?', '#']) {
        return true;
    }
    match scheme {
        "http" | "https" => true,
        "cid" => is_picture,
        "data" => is_picture && rest.starts_with("image/"),
        "mailto" | "tel" | "sms" => !is_picture,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(markdown: &str) -> String {
        let page = page(markdown, None);
        page.strip_prefix(BEFORE)
            .and_then(|rest| rest.strip_prefix(HEAD))
            .and_then(|rest| rest.strip_suffix(AFTER))
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn markdown_becomes_html() {
        let markdown = "# Sales\n\nThey are **up** & ~~down~~, see [the report](https://example.org/?a=1&b=2).\n\n\
            | month | sum |\n|---|--:|\n| May | 12 |\n\n- [x] done\n- [ ] open\n\n![Our logo](cid:logo)";
        let wanted = "<h1>Sales</h1>\n<p>They are <strong>up</strong> &amp; <del>down</del>, see \
            <a href=\"https://example.org/?a=1&amp;b=2\">the report</a>.</p>\n\
            <table><thead><tr><th>month</th><th style=\"text-align: right\">sum</th></tr></thead><tbody>\n\
            <tr><td>May</td><td style=\"text-align: right\">12</td></tr>\n</tbody></table>\n\
            <ul>\n<li>\u{2611} done</li>\n<li>\u{2610} open</li>\n</ul>\n\
            <p><img src=\"cid:logo\" alt=\"Our logo\" /></p>\n";
        assert_eq!(body(markdown), wanted);
    }

    #[test]
    fn page_names_its_language() {
        assert!(page("x", Some("pt-BR")).starts_with("<!DOCTYPE html>\n<html lang=\"pt-BR\">\n<head>"));
        for none in [None, Some(""), Some("en, de"), Some("en\" onload=\"x"), Some("-")] {
            assert!(page("x", none).starts_with("<!DOCTYPE html>\n<html>\n<head>"), "{none:?}");
        }
    }

    #[test]
    fn html_in_it_is_text() {
        for markdown in
            ["<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "<!-- x", "<div>\n\nx"]
        {
            let made = body(markdown).replace("<p>", "").replace("</p>", "");
            assert!(!made.contains('<'), "{markdown:?} became {made:?}");
        }
    }

    #[test]
    fn what_would_run_is_no_link() {
        for url in
            ["javascript:alert(1)", " JaVaScRiPt:x", "java&#9;script:x", "vbscript:x", "file:///etc/passwd"]
        {
            for mark in ["", "!"] {
                let made = body(&format!("{mark}[*text*](<{url}>)"));
                assert_eq!(made, "<p><em>text</em></p>\n", "{url}");
            }
        }
        assert_eq!(body("[x](data:text/html,y)"), "<p>x</p>\n");
        assert_eq!(
            body("[![x](javascript:y)](https://a.example)"),
            "<p><a href=\"https://a.example\">x</a></p>\n"
        );
        assert!(body("![x](data:image/png;base64,AAAA)").contains("src=\"data:image/png"));
        assert!(body("[x](#there) ![y](a/b:c.png)").contains("href=\"#there\""));
    }

    #[test]
    fn no_input_breaks_it() {
        for markdown in ["", "[", "![", "|", "```", "\0", "[x](", &"> ".repeat(50_000), &"[".repeat(50_000)] {
            assert!(page(markdown, None).ends_with(AFTER));
        }
    }
}
