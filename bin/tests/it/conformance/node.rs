//! The readable form of requests and answers: words, lists and structures, parsed and printed.

use std::fmt::Write as _;

/// A value as it stands in an exchange file. What a word means is for the schema to say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Null,
    Atom(String),
    List(Vec<Node>),
    Struct(Vec<(String, Node)>),
}

const WIDTH: usize = 150;

impl Node {
    pub(crate) fn atom(text: impl Into<String>) -> Node {
        Node::Atom(text.into())
    }

    /// The field `name` of a structure.
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        match self {
            Node::Struct(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Node::Atom(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> &[Node] {
        match self {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// On one line.
    pub(crate) fn line(&self) -> String {
        let mut out = String::new();
        self.write_line(&mut out);
        out
    }

    fn write_line(&self, out: &mut String) {
        match self {
            Node::Null => out.push_str("null"),
            Node::Atom(text) => write_atom(text, out),
            Node::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(' ');
                    }
                    item.write_line(out);
                }
                out.push(']');
            }
            Node::Struct(fields) => {
                out.push('{');
                for (i, (name, value)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push(' ');
                    }
                    let _ = write!(out, "{name}=");
                    value.write_line(out);
                }
                out.push('}');
            }
        }
    }

    /// Broken over lines where one would be too long; lines after the first are indented by `indent` columns at least.
    pub(crate) fn pretty(&self, indent: usize) -> String {
        let line = self.line();
        if line.len() + indent <= WIDTH {
            return line;
        }
        let pad = " ".repeat(indent + 2);
        match self {
            Node::List(items) if items.len() == 1 => format!("[{}]", items[0].pretty(indent)),
            Node::List(items) => {
                let inner: String = items.iter().map(|i| format!("\n{pad}{}", i.pretty(indent + 2))).collect();
                format!("[{inner}]")
            }
            Node::Struct(fields) => {
                let (mut out, mut column) = ("{".to_owned(), indent + 1);
                for (i, (name, value)) in fields.iter().enumerate() {
                    let line = format!("{name}={}", value.line());
                    let fits = column + line.chars().count() < WIDTH;
                    if i > 0 {
                        out.push_str(&if fits { " ".to_owned() } else { format!("\n{pad}") });
                    }
                    let text = if fits || pad.len() + line.chars().count() < WIDTH {
                        line
                    } else {
                        format!("{name}={}", value.pretty(indent + 2))
                    };
                    column = if fits {
                        column + 1 + text.chars().count()
                    } else {
                        pad.len() + text.lines().last().map_or(0, |l| l.chars().count())
                    };
                    if text.contains('\n') {
                        column = text.lines().last().map_or(0, |l| l.chars().count());
                    }
                    out.push_str(&text);
                }
                out.push('}');
                out
            }
            _ => line,
        }
    }
}

fn write_atom(text: &str, out: &mut String) {
    let plain = !text.is_empty()
        && text != "null"
        && text.chars().all(|c| !c.is_whitespace() && !"[]{}=\"\\".contains(c) && !c.is_control());
    if plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A value, or `name=value` pairs up to the end as one structure.
pub(crate) struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str) -> Parser<'a> {
        Parser { rest: text }
    }

    pub(crate) fn value_at_end(mut self) -> Result<Node, String> {
        let value = self.value()?;
        self.skip();
        if self.rest.is_empty() { Ok(value) } else { Err(format!("what is this after a value: `{}`", self.near())) }
    }

    pub(crate) fn fields_at_end(mut self) -> Result<Vec<(String, Node)>, String> {
        let mut fields = Vec::new();
        loop {
            self.skip();
            if self.rest.is_empty() {
                return Ok(fields);
            }
            fields.push(self.field()?);
        }
    }

    fn near(&self) -> String {
        self.rest.chars().take(30).collect()
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, c: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> Result<String, String> {
        let end = self.rest.find(|c: char| c.is_whitespace() || "[]{}=\"".contains(c)).unwrap_or(self.rest.len());
        if end == 0 {
            return Err(format!("a word is missing before `{}`", self.near()));
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word.to_owned())
    }

    fn field(&mut self) -> Result<(String, Node), String> {
        let name = self.word()?;
        if !self.eat('=') {
            return Err(format!("`=` is missing after `{name}`, before `{}`", self.near()));
        }
        Ok((name, self.value()?))
    }

    fn value(&mut self) -> Result<Node, String> {
        if self.eat('[') {
            let mut items = Vec::new();
            while !self.eat(']') {
                items.push(self.value()?);
            }
            return Ok(Node::List(items));
        }
        if self.eat('{') {
            let mut fields = Vec::new();
            while !self.eat('}') {
                fields.push(self.field()?);
            }
            return Ok(Node::Struct(fields));
        }
        if self.eat('"') {
            return self.quoted();
        }
        let word = self.word()?;
        Ok(if word == "null" { Node::Null } else { Node::Atom(word) })
    }

    fn quoted(&mut self) -> Result<Node, String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(Node::Atom(text));
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('u') => {
                        let hex: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                        let code = u32::from_str_radix(&hex, 16).map_err(|e| e.to_string())?;
                        text.push(char::from_u32(code).ok_or("no such character")?);
                    }
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err("a quote is not closed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_parses_back() {
        let node = Node::Struct(vec![
            ("a".into(), Node::Null),
            ("b".into(), Node::atom("null")),
            ("c".into(), Node::List(vec![Node::atom(""), Node::atom("x y\n\"z\\"), Node::atom("-1"), Node::Struct(vec![])])),
            ("d".into(), Node::List(vec![Node::atom("w".repeat(100)), Node::atom("w".repeat(100))])),
        ]);
        for text in [node.line(), node.pretty(0), node.pretty(8)] {
            assert_eq!(Parser::new(&text).value_at_end().as_ref(), Ok(&node), "{text}");
        }
    }
}
