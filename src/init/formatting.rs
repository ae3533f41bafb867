//! Python's two older ways to put values into a text, as pieces of a text. What the values are is not known here.

use super::python::{Expression, TextPiece};

/// `"/a/%s/%d" % (b, c)`; `None` where something else is to be formatted.
pub fn formatted(text: &Expression, values: Expression) -> Option<Expression> {
    let Expression::Text(pieces) = text else { return None };
    let mut values = match values {
        Expression::List(values) => values,
        Expression::Dictionary(_) | Expression::Other => return None,
        value => vec![value],
    }
    .into_iter();
    let mut out = Vec::new();
    for piece in pieces {
        let TextPiece::Plain(text) = piece else { return None };
        let mut parts = text.split('%');
        out.push(TextPiece::Plain(parts.next().unwrap_or_default().to_owned()));
        while let Some(part) = parts.next() {
            if part.is_empty() {
                out.push(TextPiece::Plain(format!("%{}", parts.next()?)));
            } else {
                let rest = part.strip_prefix(['s', 'd', 'i'])?;
                out.extend([TextPiece::Value(values.next()?), TextPiece::Plain(rest.to_owned())]);
            }
        }
    }
    values.next().is_none().then_some(Expression::Text(out))
}

/// `"/a/{}/{name}".format(b, name=c)`; `None` where something else is to be formatted.
pub fn filled_in(pieces: &[TextPiece], arguments: &[Expression], keywords: &[(String, Expression)]) -> Option<Expression> {
    let mut next = 0;
    let mut out = Vec::new();
    for piece in pieces {
        let TextPiece::Plain(text) = piece else { return None };
        if text.contains("{{") || text.contains("}}") {
            return None;
        }
        let mut rest = text.as_str();
        while let Some((before, (field, after))) = rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
            let value = if field.is_empty() {
                next += 1;
                arguments.get(next - 1)?
            } else if let Ok(index) = field.parse::<usize>() {
                arguments.get(index)?
            } else {
                &keywords.iter().find(|(name, _)| name == field)?.1
            };
            out.extend([TextPiece::Plain(before.to_owned()), TextPiece::Value(value.clone())]);
            rest = after;
        }
        out.push(TextPiece::Plain(rest.to_owned()));
    }
    Some(Expression::Text(out))
}
