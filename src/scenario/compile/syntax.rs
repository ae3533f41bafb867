//! The syntax of `${..}`: where values stand in a text, and how a value is written. What names mean is not known here.

use std::borrow::Cow;

/// A stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    Text(Cow<'a, str>),
    /// `written` is the whole `${..}`, `inner` what is between its braces.
    Value {
        written: &'a str,
        inner: &'a str,
    },
}

/// A value as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Syntax<'a> {
    Name(&'a str),
    Member(&'a str, &'a str),
    Call(&'a str, Vec<&'a str>),
}

/// Takes a text apart; `$${` is a literal `${`.
///
/// # Errors
/// What is left of the text from a `${` on that never ends.
pub fn split(text: &str) -> Result<Vec<Piece<'_>>, &str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, value) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            pieces.push(Piece::Text(Cow::Owned(format!("{before}${{"))));
            rest = &value[2..];
            continue;
        }
        let end = closing_brace(value).ok_or(value)?;
        if !before.is_empty() {
            pieces.push(Piece::Text(Cow::Borrowed(before)));
        }
        pieces.push(Piece::Value { written: &value[..=end], inner: &value[2..end] });
        rest = &value[end + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(Cow::Borrowed(rest)));
    }
    Ok(pieces)
}

/// The place of the brace that ends a value; braces within quotes do not.
fn closing_brace(value: &str) -> Option<usize> {
    let mut quote = None;
    for (at, character) in value.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '}') => return Some(at),
            _ => {}
        }
    }
    None
}

/// Reads what is between the braces; `None` where it has none of the forms.
pub fn parse(inner: &str) -> Option<Syntax<'_>> {
    let inner = inner.trim();
    if let Some((name, rest)) = inner.split_once('(') {
        let arguments = rest.strip_suffix(')')?;
        return is_name(name.trim_end()).then(|| Syntax::Call(name.trim_end(), split_arguments(arguments)));
    }
    if let Some((owner, member)) = inner.split_once('.') {
        let (owner, member) = (owner.trim(), member.trim());
        return (is_name(owner) && !member.is_empty()).then_some(Syntax::Member(owner, member));
    }
    is_name(inner).then_some(Syntax::Name(inner))
}

/// A name of a variable, a data set or a function.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// At commas that are in no quotes and no parentheses.
fn split_arguments(text: &str) -> Vec<&str> {
    let (mut arguments, mut quote, mut depth, mut start) = (Vec::new(), None, 0_usize, 0);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                arguments.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if !(arguments.is_empty() && text.trim().is_empty()) {
        arguments.push(text[start..].trim());
    }
    arguments
}

/// The text within quotes, or the bare word.
pub fn unquote(argument: &str) -> &str {
    ['\'', '"'].into_iter().find_map(|quote| argument.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(argument)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_taken_apart() {
        let text = |text: &'static str| Piece::Text(Cow::Borrowed(text));
        let value = |written: &'static str, inner: &'static str| Piece::Value { written, inner };
        for (written, pieces) in [
            ("", vec![]),
            ("plain $ {x}", vec![text("plain $ {x}")]),
            ("a${b}c", vec![text("a"), value("${b}", "b"), text("c")]),
            ("$${b}", vec![text("${"), text("b}")]),
            ("${f('}')}", vec![value("${f('}')}", "f('}')")]),
        ] {
            assert_eq!(split(written), Ok(pieces), "{written}");
        }
        assert_eq!(split("a ${b"), Err("${b"));
    }

    #[test]
    fn values_are_read() {
        for (written, syntax) in [
            (" token ", Some(Syntax::Name("token"))),
            ("products.unit price", Some(Syntax::Member("products", "unit price"))),
            ("uuid()", Some(Syntax::Call("uuid", vec![]))),
            ("random_choice(a, 'b, c', \"d\")", Some(Syntax::Call("random_choice", vec!["a", "'b, c'", "\"d\""]))),
            ("number(random_choice(1, 2))", Some(Syntax::Call("number", vec!["random_choice(1, 2)"]))),
            ("a + b", None),
            ("", None),
            ("f(", None),
            (".x", None),
        ] {
            assert_eq!(parse(written), syntax, "{written}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart_or_refused(text in "[\\PC${}'\"(),.]{0,40}") {
            for piece in split(&text).unwrap_or_default() {
                if let Piece::Value { inner, .. } = piece
                    && let Some(Syntax::Call(_, arguments)) = parse(inner) {
                    for argument in arguments {
                        unquote(argument);
                    }
                }
            }
        }
    }
}
