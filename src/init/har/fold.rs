//! Endpoint names from recorded paths: what names one thing among many becomes `:id`.

/// The name of a path; a GraphQL operation is named behind it.
#[must_use]
pub fn folded(path: &str, operation: Option<&str>) -> String {
    let segments: Vec<&str> = path.split('/').map(|segment| if is_id(segment) { ":id" } else { segment }).collect();
    let name: String = segments.join("/").replace("${", "$").chars().take(180).collect();
    operation.map_or(name.clone(), |operation| format!("{name} {operation}"))
}

/// A number, a UUID, a hash, or another word that is more digits than language.
fn is_id(segment: &str) -> bool {
    let is_version = segment.len() <= 4 && segment.starts_with(['v', 'V']) && segment[1..].chars().all(|c| c.is_ascii_digit() || c == '.');
    let digits = segment.chars().filter(char::is_ascii_digit).count();
    if segment.is_empty() || is_version || digits == 0 {
        return false;
    }
    let is_number = digits == segment.len();
    let is_hex = segment.len() >= 8 && segment.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let is_mixed = segment.len() >= 8 && digits >= 2 && !segment.contains(['.', '%']) && digits * 5 >= segment.len();
    let has_number = segment.len() >= 4
        && segment.rsplit(['-', '_']).next().is_some_and(|last| last.len() >= 2 && last.chars().all(|c| c.is_ascii_digit()));
    is_number || is_hex || is_mixed || has_number || super::looks_secret(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_one_thing_among_many_is_folded() {
        for (path, name) in [
            ("/api/v1/products/42", "/api/v1/products/:id"),
            ("/orders/ORD-20261120-77/items", "/orders/:id/items"),
            ("/u/123e4567-e89b-12d3-a456-426614174000", "/u/:id"),
            ("/c/507f1f77bcf86cd799439011/x", "/c/:id/x"),
            ("/p/blue-shoe-1042", "/p/:id"),
            ("/api/v2.1/oauth2/token", "/api/v2.1/oauth2/token"),
            ("/api/products", "/api/products"),
            ("/", "/"),
            ("/s3/mp3", "/s3/mp3"),
        ] {
            assert_eq!(folded(path, None), name, "{path}");
        }
        assert_eq!(folded("/graphql", Some("GetCart")), "/graphql GetCart");
    }
}
