//! A mistake in a text that somebody wrote (a story, a campaign, a settings file), shown with the word that is wrong.
//!
//! Takes       the text, the byte range of the word, what is wrong and what would be right.
//! Gives       the rendered message. Rendering is all: who found the mistake decides what it is.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::ops::Range;

/// One mistake in one text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The bytes of the text that are wrong.
    pub span: Range<usize>,
    /// What stands there or should, next to the word; may be empty.
    pub label: String,
    /// What to do, below the text; may be empty.
    pub help: String,
}

impl Diagnostic {
    #[must_use]
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { message: message.into(), span, label: String::new(), help: String::new() }
    }

    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Diagnostic {
        Diagnostic { label: label.into(), ..self }
    }

    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Diagnostic {
        Diagnostic { help: help.into(), ..self }
    }

    /// The message as a person reads it: the line, the word underlined, the help. No colours, so that it can be compared.
    #[must_use]
    pub fn render(&self, path: &str, text: &str) -> String {
        let (start, end) = (self.span.start.min(text.len()), self.span.end.min(text.len()));
        let annotation = AnnotationKind::Primary.span(start..end.max(start)).label(self.label.as_str());
        let snippet = Snippet::source(text).path(path).line_start(1).annotation(annotation);
        let mut report: Vec<Group<'_>> = vec![Level::ERROR.primary_title(self.message.as_str()).element(snippet)];
        if !self.help.is_empty() {
            report.push(Group::with_title(Level::HELP.secondary_title(self.help.as_str())));
        }
        Renderer::plain().render(&report)
    }
}

/// The candidate that `word` was most likely meant to be, if one is near enough to be worth naming.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let worth = 1 + word.len() / 4;
    candidates.into_iter().map(|c| (distance(word, c), c)).filter(|(d, _)| *d <= worth).min().map(|(_, c)| c)
}

/// Levenshtein's distance: insertions, deletions and replacements.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_underlines_the_word() {
        let text = "node config=tiny\nprodcue orders/0 a\n";
        let shown =
            Diagnostic::new(17..24, "there is no command `prodcue`").help("did you mean `produce`?").render("x.story", text);
        assert!(shown.contains("prodcue orders/0 a") && shown.contains("^^^^^^^") && shown.contains("x.story:2:1"), "{shown}");
        assert!(shown.contains("did you mean `produce`?"), "{shown}");
    }

    #[test]
    fn a_span_past_the_end_does_no_harm() {
        assert!(Diagnostic::new(90..99, "cut off").render("x", "ab").contains("cut off"));
    }

    #[test]
    fn the_nearest_word_is_found_only_if_it_is_near() {
        assert_eq!(nearest("prodcue", ["fetch", "produce"]), Some("produce"));
        assert_eq!(nearest("zzz", ["fetch", "produce"]), None);
    }
}
