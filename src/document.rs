//! A YAML file that a person wrote: typed by serde, with errors that name the file, the line and the column, show the
//! line and suggest the cure. The one door to the YAML library; what the keys mean is not known here.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::granit_parser::{Event, Parser};
use serde_saphyr::{Error as YamlError, Location};
use thiserror::Error;

use crate::files::{FileError, read_text_capped};

/// The largest file that is read: 1 MiB.
const DOCUMENT_CAP: u64 = 1024 * 1024;

/// A file's text under the name by which messages call it.
#[derive(Debug, Clone)]
pub struct Document {
    name: String,
    text: String,
}

/// A place in a document; line and column count from 1, 0 where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// A value with the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    pub value: T,
    pub place: Place,
}

/// What is wrong in a document, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub file: String,
    pub place: Place,
    pub message: String,
    /// The line, with values of secret-looking keys blanked.
    pub source_line: String,
    pub hint: Option<String>,
}

/// A document that could not be read or understood.
#[derive(Debug, Error)]
pub enum DocumentError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Mistake(#[from] Box<Mistake>),
}

impl std::error::Error for Mistake {}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place: Place { line, column }, message, source_line, hint } = self;
        if *line == 0 {
            write!(f, "{file}: {message}")?;
        } else {
            let margin = " ".repeat(line.to_string().len());
            let caret = " ".repeat(column.saturating_sub(1));
            write!(f, "{file}:{line}:{column}: {message}\n {margin} |\n {line} | {source_line}\n {margin} | {caret}^")?;
        }
        match hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl Document {
    /// Reads a file of at most 1 MiB.
    ///
    /// # Errors
    /// [`DocumentError::File`] where it cannot be read.
    pub fn open(path: &Path) -> Result<Self, DocumentError> {
        let text = read_text_capped(path, DOCUMENT_CAP)?;
        // UTF-16 without a mark at its beginning is UTF-8 with a NUL in every other place.
        if text.contains('\0') {
            return Err(FileError::NotText { path: path.to_owned() }.into());
        }
        Ok(Self::from_text(path.display().to_string(), text))
    }

    /// A text that is in memory already.
    #[must_use]
    pub fn from_text(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text: String = text.into();
        let text = text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned);
        Self { name: name.into(), text }
    }

    /// The name that messages call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Reads the one YAML document of the file as `T`.
    ///
    /// # Errors
    /// A [`Mistake`]: YAML syntax, an unknown, missing or duplicate key, a value of the wrong type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Box<Mistake>> {
        if self.text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Err(self.mistake(Place::default(), "the file is empty").into());
        }
        self.refuse_tags()?;
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: 64, max_nodes: 50_000, max_aliases: 100, max_documents: 1 },
            strict_booleans: true,
        };
        serde_saphyr::from_str_with_options(&self.text, options).map_err(|error| Box::new(self.mistake_of(&error)))
    }

    /// As [`Self::parse`], for files that another program wrote: larger ones are usual.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_foreign<T: DeserializeOwned>(&self) -> Result<T, Box<Mistake>> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_depth: 128, max_nodes: 5_000_000, max_events: 20_000_000, max_aliases: 10_000, max_documents: 1,
                max_total_scalar_bytes: 64 * 1024 * 1024,
            },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
            strict_booleans: true,
        };
        serde_saphyr::from_str_with_options(&self.text, options).map_err(|error| Box::new(self.mistake_of(&error)))
    }

    /// A tag asks a reader to make something else of a value: to include a file, to run what it names. Nothing does that here,
    /// and who believes that it happens would be wrong about what is checked.
    fn refuse_tags(&self) -> Result<(), Box<Mistake>> {
        if !self.text.contains('!') {
            return Ok(());
        }
        // What cannot be parsed is told by who reads it next.
        for (event, span) in Parser::new_from_str(&self.text).map_while(Result::ok) {
            if let Event::Scalar(.., Some(_)) | Event::SequenceStart(.., Some(_)) | Event::MappingStart(.., Some(_)) = event {
                let start = span.tag_start.unwrap_or(span.start);
                let place = Place { line: start.line(), column: start.col() + 1 };
                return Err(Box::new(
                    self.mistake(place, "tags are not allowed").with_hint("a text that begins with `!` stands in quotes"),
                ));
            }
        }
        Ok(())
    }

    /// A mistake at a place of this document.
    #[must_use]
    pub fn mistake(&self, place: Place, message: impl Into<String>) -> Mistake {
        let line = place.line.checked_sub(1).and_then(|index| self.text.lines().nth(index)).unwrap_or_default();
        Mistake {
            file: self.name.clone(),
            place,
            message: message.into(),
            source_line: blank_user_info(&blank_query_values(&blank_secrets(line))),
            hint: None,
        }
    }

    /// The place where `needle` first stands at or after `from`; `from` itself where it does not.
    #[must_use]
    pub fn find(&self, from: Place, needle: &str) -> Place {
        for (index, line) in self.text.lines().enumerate().skip(from.line.saturating_sub(1)) {
            let start = if index + 1 == from.line { column_to_byte(line, from.column) } else { 0 };
            if let Some(at) = line.get(start..).and_then(|rest| rest.find(needle)) {
                return Place { line: index + 1, column: line[..start + at].chars().count() + 1 };
            }
        }
        from
    }

    fn mistake_of(&self, error: &YamlError) -> Mistake {
        let error = error.without_snippet();
        let place = error.location().map_or_else(Place::default, Place::from);
        let (message, hint) = match error {
            YamlError::SerdeUnknownField { field, expected, .. } => (format!("unknown key `{field}`"), Some(suggestion(field, expected))),
            YamlError::SerdeUnknownVariant { variant, expected, .. } => {
                (format!("unknown value `{variant}`"), Some(suggestion(variant, expected)))
            }
            YamlError::SerdeMissingField { field, .. } => (format!("key `{field}` is missing"), None),
            YamlError::DuplicateMappingKey { key: Some(key), .. } => {
                (format!("key `{key}` stands here twice"), Some("keep one of the two".to_owned()))
            }
            YamlError::SerdeInvalidType { unexpected, expected, .. } | YamlError::SerdeInvalidValue { unexpected, expected, .. } => {
                (format!("found {unexpected}, expected {expected}"), None)
            }
            YamlError::InvalidScalar { ty, .. } => (format!("the value is not a {ty}"), None),
            YamlError::NonFiniteFloat { value, .. } => (format!("the number `{value}` is not finite"), None),
            YamlError::Message { msg, .. } => (msg.clone(), None),
            YamlError::Budget { breach: BudgetBreach::Documents { .. }, .. } | YamlError::MultipleDocuments { .. } => {
                ("a second document starts here: one file holds one".to_owned(), None)
            }
            other => (explained(&first_line(&other.to_string())), None),
        };
        let mut mistake = self.mistake(place, message);
        mistake.hint = self.unquoted_value_hint(place).or(hint);
        mistake
    }

    /// YAML takes the brace of an unquoted `${..}` inside `{}` or `[]` for its own, and its error does not say so.
    fn unquoted_value_hint(&self, place: Place) -> Option<String> {
        let line = self.text.lines().nth(place.line.checked_sub(1)?)?;
        let at = line.find("${")?;
        let in_flow = line[..at].contains(['{', '[']);
        let quoted = line[..at].matches(['"', '\'']).count() % 2 == 1;
        (in_flow && !quoted).then(|| "inside `{}` and `[]` a value with `${..}` must be quoted: \"${name}\"".to_owned())
    }
}

impl Mistake {
    /// The same, with the cure.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        let number = |value: u64| usize::try_from(value).unwrap_or(0);
        Self { line: number(location.line()), column: number(location.column()) }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { value: spanned.value, place: spanned.referenced.into() })
    }
}

impl<T: JsonSchema> JsonSchema for Placed<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A value without structure, as YAML resolves it.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Null,
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => write!(f, "null"),
            Self::Flag(value) => write!(f, "{value}"),
            Self::Whole(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value}"),
        }
    }
}

/// A value that may be written short, as one scalar or a list, or long, as a mapping `M`.
#[derive(Debug, Clone, PartialEq)]
pub enum Written<M> {
    Scalar(Scalar),
    List(Vec<Placed<Scalar>>),
    Map(M),
}

impl<'de, M: Deserialize<'de>> Deserialize<'de> for Written<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor(PhantomData))
    }
}

struct WrittenVisitor<M>(PhantomData<M>);

impl<'de, M: Deserialize<'de>> Visitor<'de> for WrittenVisitor<M> {
    type Value = Written<M>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a mapping")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Written::Scalar(Scalar::Flag(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Written::Scalar(Scalar::Whole(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "beyond i64 a number is only compared with limits far below")]
        Ok(Written::Scalar(i64::try_from(value).map_or(Scalar::Number(value as f64), Scalar::Whole)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Written::Scalar(Scalar::Number(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Written::Scalar(Scalar::Text(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Written::Scalar(Scalar::Null))
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Written::Scalar(Scalar::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Written::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        M::deserialize(MapAccessDeserializer::new(map)).map(Written::Map)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::<NoMapping>::deserialize(deserializer)? {
            Written::Scalar(scalar) => Ok(scalar),
            Written::List(_) => Err(serde::de::Error::custom("found a list, expected one value")),
            Written::Map(never) => match never {},
        }
    }
}

/// In the place of a mapping where none may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoMapping {}

impl<'de> Deserialize<'de> for NoMapping {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("found a mapping, expected a value or a list"))
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean", "null"]})
    }
}

impl JsonSchema for NoMapping {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NoMapping".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"not": {}})
    }
}

impl<M: JsonSchema> JsonSchema for Written<M> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Written_{}", M::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let scalar = generator.subschema_for::<Scalar>();
        let map = generator.subschema_for::<M>();
        json_schema!({"anyOf": [scalar, {"type": "array", "items": scalar}, map]})
    }
}

/// The allowed word that is nearest to what was written, if it is near enough to be meant.
#[must_use]
pub fn nearest<'a, S: AsRef<str>>(written: &str, allowed: &'a [S]) -> Option<&'a str> {
    let near = |word: &&S| strsim::damerau_levenshtein(&written.to_lowercase(), &word.as_ref().to_lowercase());
    let best = allowed.iter().min_by_key(near)?;
    let allowance = (written.chars().count().max(best.as_ref().chars().count()) / 3).max(1);
    (near(&best) <= allowance).then(|| best.as_ref())
}

/// `did you mean ..?` where a word is near, else the list of what is allowed.
#[must_use]
pub fn suggestion<S: AsRef<str>>(written: &str, allowed: &[S]) -> String {
    match nearest(written, allowed) {
        Some(word) => format!("did you mean `{word}`?"),
        None if allowed.is_empty() => "nothing may stand here".to_owned(),
        None => format!("allowed here: {}", allowed.iter().map(|word| format!("`{}`", word.as_ref())).collect::<Vec<_>>().join(", ")),
    }
}

/// Names the limit of [`Document::parse`] that was exceeded; an error within an alias has it in its text only.
fn explained(text: &str) -> String {
    let breach = text.strip_prefix("budget breached: ").map(|breach| breach.split(' ').next().unwrap_or_default());
    let which = match breach {
        None if text.starts_with("recursion limit exceeded") => "it nests too deep",
        None => return text.to_owned(),
        Some("Depth") => "it nests too deep",
        Some("Nodes" | "Events") => "it has too many values, aliases followed",
        Some("Aliases" | "Anchors" | "AliasAnchorRatio") => "it has too many aliases",
        Some("MergeKeys") => "it has too many merge keys",
        Some(_) => "it is too large",
    };
    format!("limit exceeded: {which}")
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn column_to_byte(line: &str, column: usize) -> usize {
    line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at)
}

/// A literal secret in a file is the author's mistake, but an error message must not spread it.
fn blank_secrets(line: &str) -> String {
    const SECRET_WORDS: [&str; 7] = ["password", "passwd", "secret", "token", "authorization", "api-key", "api_key"];
    let lower = line.to_ascii_lowercase();
    let Some(end) = SECRET_WORDS.iter().filter_map(|word| lower.find(word).map(|at| at + word.len())).min() else {
        return line.to_owned();
    };
    let Some(colon) = line.get(end..).and_then(|rest| rest.find(':')) else { return line.to_owned() };
    let value = end + colon + 1;
    if line[value..].trim().is_empty() || line[value..].contains("${") { line.to_owned() } else { format!("{} ***", &line[..value]) }
}

/// A user and a password before the host of an address.
fn blank_user_info(line: &str) -> String {
    let Some(start) = line.find("://").map(|at| at + 3) else { return line.to_owned() };
    let end = line[start..].find(['/', '?', '#', ' ', '"', '\'', ',', '}']).map_or(line.len(), |length| start + length);
    match line[start..end].rfind('@') {
        Some(at) => format!("{}***{}", &line[..start], &line[start + at..]),
        None => line.to_owned(),
    }
}

/// What stands behind the `=` of a query: a key may be written out in an address.
fn blank_query_values(line: &str) -> String {
    let Some(start) = line.find('?') else { return line.to_owned() };
    let (before, query) = line.split_at(start);
    let blank = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if !value.starts_with("${") && !name.contains(char::is_whitespace) => {
            let end = value.find([' ', '"', '\'', ',', '}', ']']).unwrap_or(value.len());
            format!("{name}=***{}", &value[end..])
        }
        _ => pair.to_owned(),
    };
    format!("{before}{}", query.split('&').map(blank).collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        max: Option<Placed<Scalar>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        version: u32,
        p95: Option<Placed<Written<Inner>>>,
        json: Option<serde_json::Value>,
    }

    fn fails(text: &str) -> String {
        Document::from_text("a.yaml", text).parse::<Outer>().unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_shown_where_it_stands_with_a_suggestion() {
        assert_eq!(
            fails("version: 1\np59: 300ms\n"),
            "a.yaml:2:1: unknown key `p59`\n   |\n 2 | p59: 300ms\n   | ^\nhint: did you mean `p95`?"
        );
    }

    #[test]
    fn an_unknown_key_in_a_value_of_two_forms_is_shown_where_it_stands() {
        assert!(fails("version: 1\np95:\n  max: 3\n  mxa: 2\n").starts_with("a.yaml:4:3: unknown key `mxa`"));
    }

    #[test]
    fn a_duplicate_key_is_shown_at_the_second() {
        let text = fails("version: 1\np95: 3\nversion: 2\n");
        assert!(text.starts_with("a.yaml:3:1: key `version` stands here twice"), "{text}");
    }

    #[test]
    fn a_wrong_type_and_a_missing_key_are_named() {
        let text = fails("version: one\n");
        assert!(text.starts_with("a.yaml:1:10: "), "{text}");
        let text = fails("p95: 3\n");
        assert!(text.contains("key `version` is missing"), "{text}");
    }

    #[test]
    fn an_unquoted_value_in_braces_is_explained() {
        let text = fails("version: 1\njson: {id: ${x}, b: 2}\n");
        assert!(text.contains("must be quoted"), "{text}");
    }

    #[test]
    fn an_empty_file_is_called_empty() {
        assert_eq!(fails("\n# nothing\n"), "a.yaml: the file is empty");
    }

    #[test]
    fn places_of_values_are_kept() {
        let outer: Outer = Document::from_text("a", "version: 1\np95:\n  max: 300ms\n").parse().unwrap();
        let Some(Placed { value: Written::Map(inner), place }) = outer.p95 else { panic!("a mapping") };
        assert_eq!(place, Place { line: 3, column: 3 });
        assert_eq!(inner.max, Some(Placed { value: Scalar::Text("300ms".into()), place: Place { line: 3, column: 8 } }));
        assert!(outer.json.is_none());
        assert_eq!(outer.version, 1);
    }

    #[test]
    fn bombs_are_refused() {
        let deep = format!("version: 1\njson: {}", "[".repeat(10_000));
        assert!(Document::from_text("a", deep).parse::<Outer>().is_err());
    }

    #[test]
    fn secrets_in_a_shown_line_are_blanked() {
        assert_eq!(blank_secrets("  password: hunter2"), "  password: ***");
        assert_eq!(blank_secrets("  password: \"${env.PW}\""), "  password: \"${env.PW}\"");
        assert_eq!(blank_secrets("  users: 5"), "  users: 5");
        assert_eq!(blank_user_info("get: 'https://me:hunter2@h/@x'"), "get: 'https://***@h/@x'");
        assert_eq!(blank_query_values("target: https://h/x?key=hunter2&b=1 # c"), "target: https://h/x?key=***&b=*** # c");
        assert_eq!(blank_query_values("  - get: \"https://h/x?key=${env.KEY}\""), "  - get: \"https://h/x?key=${env.KEY}\"");
        assert_eq!(blank_query_values("  - get: '/x?page=1', a: {b: c=d}"), "  - get: '/x?page=***', a: {b: c=d}");
    }
}
