//! The messages as `messages.txt` describes them. Written for the tests alone, so that the broker's codec is read by a second opinion.

use std::collections::BTreeMap;

/// A range of versions, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions(pub(crate) i16, pub(crate) i16);

impl Versions {
    const NONE: Versions = Versions(1, 0);

    pub(crate) fn contain(self, version: i16) -> bool {
        self.0 <= version && version <= self.1
    }

    /// `3+`, `3-7` or `3`; an open end ends at `last`.
    pub(crate) fn parse(text: &str, last: i16) -> Result<Versions, String> {
        let number = |t: &str| t.parse::<i16>().map_err(|_| format!("no versions: `{text}`"));
        if text == "none" {
            return Ok(Versions::NONE);
        }
        if let Some(low) = text.strip_suffix('+') {
            return Ok(Versions(number(low)?, last));
        }
        match text.split_once('-') {
            Some((low, high)) => Ok(Versions(number(low)?, number(high)?)),
            None => Ok(Versions(number(text)?, number(text)?)),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Type {
    Bool,
    /// A signed number of so many bytes.
    Int(u8),
    UInt16,
    Float64,
    String,
    Uuid,
    Bytes,
    Records,
    Struct(Vec<Field>),
    Array(Box<Type>),
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Type,
    pub(crate) versions: Versions,
    pub(crate) nullable: Versions,
    /// The tag, and the versions in which the field is a tagged one.
    pub(crate) tag: Option<(u32, Versions)>,
    pub(crate) default: Option<String>,
}

impl Field {
    /// The fields of the structure that it is, or that it is an array of.
    pub(crate) fn fields(&self) -> &[Field] {
        match &self.kind {
            Type::Struct(fields) => fields,
            Type::Array(of) => match &**of {
                Type::Struct(fields) => fields,
                _ => &[],
            },
            _ => &[],
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) name: String,
    pub(crate) key: i16,
    pub(crate) versions: Versions,
    pub(crate) flexible: Versions,
    pub(crate) request: Vec<Field>,
    pub(crate) response: Vec<Field>,
}

#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) apis: Vec<Api>,
    pub(crate) errors: BTreeMap<i16, String>,
}

impl Schema {
    pub(crate) fn parse(text: &str) -> Result<Schema, String> {
        let lines: Vec<(usize, Vec<&str>)> = text
            .lines()
            .filter(|l| !l.trim_start().starts_with('#') && !l.trim().is_empty())
            .map(|l| ((l.len() - l.trim_start().len()) / 2, l.split_whitespace().collect()))
            .collect();
        let mut schema = Schema { apis: Vec::new(), errors: BTreeMap::new() };
        let mut at = 0;
        while let Some((_, words)) = lines.get(at) {
            at += 1;
            match words[..] {
                ["error", code, name] => {
                    schema.errors.insert(code.parse().map_err(|_| format!("no error code: {code}"))?, name.to_owned());
                }
                ["api", name, key, versions, flexible] => {
                    let versions = Versions::parse(versions.trim_start_matches("versions="), i16::MAX)?;
                    let flexible = Versions::parse(flexible.trim_start_matches("flexible="), i16::MAX)?;
                    let mut api = Api {
                        name: name.to_owned(),
                        key: key.parse().map_err(|_| format!("no key: {key}"))?,
                        versions,
                        flexible,
                        request: Vec::new(),
                        response: Vec::new(),
                    };
                    for side in ["request", "response"] {
                        if lines.get(at).is_none_or(|(_, w)| w[..] != [side]) {
                            return Err(format!("{name}: `{side}` expected"));
                        }
                        at += 1;
                        let fields = parse_fields(&lines, &mut at, 2)?;
                        if side == "request" { api.request = fields } else { api.response = fields }
                    }
                    schema.apis.push(api);
                }
                _ => return Err(format!("neither api nor error: {words:?}")),
            }
        }
        Ok(schema)
    }

    pub(crate) fn api(&self, name: &str) -> Result<&Api, String> {
        self.apis.iter().find(|a| a.name == name).ok_or_else(|| format!("no such API: {name}"))
    }

    pub(crate) fn error_name(&self, code: i64) -> Option<&str> {
        self.errors.get(&i16::try_from(code).ok()?).map(String::as_str)
    }
}

fn parse_fields(lines: &[(usize, Vec<&str>)], at: &mut usize, depth: usize) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    while let Some((d, words)) = lines.get(*at) {
        if *d != depth {
            break;
        }
        *at += 1;
        let [name, kind, options @ ..] = &words[..] else { return Err(format!("a field has no type: {words:?}")) };
        let (array, base) = kind.strip_prefix("[]").map_or((false, *kind), |b| (true, b));
        let base = match base {
            "bool" => Type::Bool,
            "int8" => Type::Int(1),
            "int16" => Type::Int(2),
            "int32" => Type::Int(4),
            "int64" => Type::Int(8),
            "uint16" => Type::UInt16,
            "float64" => Type::Float64,
            "string" => Type::String,
            "uuid" => Type::Uuid,
            "bytes" => Type::Bytes,
            "records" => Type::Records,
            "{}" => Type::Struct(parse_fields(lines, at, depth + 1)?),
            other => return Err(format!("no such type: {other}")),
        };
        let mut field = Field {
            name: (*name).to_owned(),
            kind: if array { Type::Array(Box::new(base)) } else { base },
            versions: Versions(0, i16::MAX),
            nullable: Versions::NONE,
            tag: None,
            default: None,
        };
        for option in options {
            match option.split_once('=') {
                Some(("null", versions)) => field.nullable = Versions::parse(versions, i16::MAX)?,
                Some(("default", value)) => field.default = Some(value.to_owned()),
                Some(("tag", tag)) => {
                    let (tag, versions) = tag.split_once('@').ok_or("a tag has no versions")?;
                    field.tag = Some((tag.parse().map_err(|_| "no tag")?, Versions::parse(versions, i16::MAX)?));
                }
                None => field.versions = Versions::parse(option, i16::MAX)?,
                Some(_) => return Err(format!("no such option: {option}")),
            }
        }
        fields.push(field);
    }
    Ok(fields)
}
