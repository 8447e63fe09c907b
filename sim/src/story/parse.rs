//! The text form of a story: blocks of commands, each followed by the trace that it must produce.
//!
//! Takes       the text of a `.story` file.
//! Gives       its blocks, every word with its place in the text; the text again with other traces in it.
//! Holds       `render(parse(text))` with the same traces is `text`, but for trailing blanks.
//! Not here    what a command does (`run.rs`).
//!
//! ```text
//! # A comment; the first lines of the file say what the story shows.
//! command word key=value "a word with blanks"
//! ----
//! the trace that these commands must produce
//! ```
//! A blank line ends a block's trace.

use crate::diagnostic::Diagnostic;
use std::fmt::Write as _;
use std::ops::Range;

/// A parsed story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Story {
    pub blocks: Vec<Block>,
}

/// Commands and the trace that they must produce together. A block without commands is a comment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Block {
    /// The comment lines before the commands, as written.
    pub comments: Vec<String>,
    pub commands: Vec<Command>,
    /// The expected trace, without the last line's end.
    pub expected: String,
}

/// One command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// The whole line, as written.
    pub line: String,
    pub verb: Word,
    /// Words without `=`.
    pub args: Vec<Word>,
    /// Words with `=`: key and value.
    pub options: Vec<(Word, Word)>,
}

/// A word and where it stands in the text, in bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    pub text: String,
    pub span: Range<usize>,
}

impl Command {
    /// The value of an option, if it is given.
    #[must_use]
    pub fn option(&self, key: &str) -> Option<&Word> {
        self.options.iter().find(|(k, _)| k.text == key).map(|(_, v)| v)
    }
}

/// Parse a story.
pub fn parse(text: &str) -> Result<Story, Diagnostic> {
    let (mut blocks, mut block, mut in_trace, mut trace) = (Vec::new(), Block::default(), false, Vec::new());
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let line = raw.trim_end();
        let start = at;
        at += raw.len();
        if in_trace {
            if line.is_empty() {
                block.expected = trace.join("\n");
                trace.clear();
                blocks.push(std::mem::take(&mut block));
                in_trace = false;
            } else {
                trace.push(line.to_string());
            }
        } else if line.is_empty() {
            if block.commands.is_empty() && !block.comments.is_empty() {
                blocks.push(std::mem::take(&mut block));
            }
        } else if line.starts_with('#') {
            if !block.commands.is_empty() {
                return Err(Diagnostic::new(
                    start..start + line.len(),
                    "a comment stands before a block's commands, not between them",
                ));
            }
            block.comments.push(line.to_string());
        } else if line == "----" {
            if block.commands.is_empty() {
                return Err(Diagnostic::new(start..start + 4, "`----` comes after commands").help("write a command above it"));
            }
            in_trace = true;
        } else {
            block.commands.push(command(line, start)?);
        }
    }
    block.expected = trace.join("\n");
    if !block.commands.is_empty() || !block.comments.is_empty() {
        blocks.push(block);
    }
    Ok(Story { blocks })
}

/// The story as text, with these traces in place of its own (one for each block that has commands).
#[must_use]
pub fn render(story: &Story, traces: &[String]) -> String {
    let mut text = String::new();
    let mut traces = traces.iter();
    for block in &story.blocks {
        for comment in &block.comments {
            let _ = writeln!(text, "{comment}");
        }
        if !block.commands.is_empty() {
            for command in &block.commands {
                let _ = writeln!(text, "{}", command.line);
            }
            let _ = writeln!(text, "----");
            let trace = traces.next().map_or("", String::as_str);
            if !trace.is_empty() {
                let _ = writeln!(text, "{}", trace.trim_end());
            }
        }
        text.push('\n');
    }
    let kept = text.trim_end().len();
    text.truncate(kept);
    text.push('\n');
    text
}

fn command(line: &str, start: usize) -> Result<Command, Diagnostic> {
    let mut words = words(line, start)?.into_iter();
    let Some((verb, _)) = words.next() else {
        return Err(Diagnostic::new(start..start + line.len(), "an empty command"));
    };
    let (mut args, mut options) = (Vec::new(), Vec::new());
    for (word, equals) in words {
        let Some(at) = equals else {
            args.push(word);
            continue;
        };
        let middle = word.span.start + at;
        let key = Word { text: word.text[..at].to_string(), span: word.span.start..middle };
        let value = Word { text: word.text[at + 1..].to_string(), span: middle + 1..word.span.end };
        // One of the two would be heeded, and nobody could say which.
        if options.iter().any(|(other, _): &(Word, Word)| other.text == key.text) {
            return Err(Diagnostic::new(key.span.start..value.span.end, format!("`{}` is given twice", key.text)));
        }
        options.push((key, value));
    }
    Ok(Command { line: line.to_string(), verb, args, options })
}

/// The words of a line; with each, where its first unquoted `=` stands, counted in bytes of its text.
fn words(line: &str, start: usize) -> Result<Vec<(Word, Option<usize>)>, Diagnostic> {
    let mut found = Vec::new();
    let mut chars = line.char_indices().peekable();
    while let Some(&(begin, first)) = chars.peek() {
        if first.is_whitespace() {
            chars.next();
            continue;
        }
        let (mut text, mut equals, mut quote, mut end) = (String::new(), None, None, begin);
        while let Some(&(i, c)) = chars.peek() {
            if quote.is_none() && c.is_whitespace() {
                break;
            }
            chars.next();
            end = i + c.len_utf8();
            match (c, quote) {
                ('"', None) => quote = Some(i),
                ('"', Some(_)) => quote = None,
                ('=', None) if equals.is_none() && !text.is_empty() => {
                    equals = Some(text.len());
                    text.push('=');
                }
                _ => text.push(c),
            }
        }
        if let Some(opened) = quote {
            return Err(Diagnostic::new(start + opened..start + line.len(), "this quote is not closed"));
        }
        found.push((Word { text, span: start + begin..start + end }, equals));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# What it shows.\n\n# A first block.\nnode config=tiny\ntopic orders partitions=1\n----\norders-0 end=0\n\nproduce orders/0 \"a b\" key=\"x=1\"\n----\nok\n";

    #[test]
    fn a_story_is_its_text() {
        let story = parse(TEXT).expect("parses");
        let traces: Vec<String> = story.blocks.iter().filter(|b| !b.commands.is_empty()).map(|b| b.expected.clone()).collect();
        assert_eq!(render(&story, &traces), TEXT);
        assert_eq!(story.blocks.len(), 3);
    }

    #[test]
    fn words_know_their_place() {
        let story = parse(TEXT).expect("parses");
        let produce = &story.blocks[2].commands[0];
        assert_eq!(produce.args.iter().map(|w| w.text.as_str()).collect::<Vec<_>>(), ["orders/0", "a b"]);
        assert_eq!(produce.option("key").map(|w| w.text.as_str()), Some("x=1"));
        assert_eq!(&TEXT[produce.verb.span.clone()], "produce");
        assert_eq!(&TEXT[produce.args[0].span.clone()], "orders/0");
    }

    #[test]
    fn mistakes_point_at_the_word() {
        let open = parse("node \"x\n").expect_err("a quote is open");
        assert_eq!(open.span, 5..7);
        assert!(parse("----\n").is_err());
        assert!(parse("node\n# between\nfetch\n").is_err());
        let twice = parse("node seed=1 seed=2\n").expect_err("an option twice");
        assert_eq!(twice.span, 12..18);
    }
}
