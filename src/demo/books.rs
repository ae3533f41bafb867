//! What the server itself counted: the judge of whoever measures it from outside.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{Method, StatusCode};
use serde::Serialize;

/// A snapshot of the counts. An answer is counted when its handler is done, before its first byte is sent; a request
/// whose client left before that is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Answers by endpoint (`GET /api/products/:id`) and status. Reading the books is not counted.
    pub answers: BTreeMap<String, BTreeMap<u16, u64>>,
    pub tokens_issued: u64,
    /// The same, by user name.
    pub tokens_by_user: BTreeMap<String, u64>,
    pub carts_opened: u64,
    /// The same, by the name of the user whose it is.
    pub carts_by_user: BTreeMap<String, u64>,
    pub orders_placed: u64,
}

impl Books {
    /// Answers of one endpoint, whatever their status.
    #[must_use]
    pub fn answered(&self, endpoint: &str) -> u64 {
        self.answers.get(endpoint).map_or(0, |statuses| statuses.values().sum())
    }

    /// Answers of one endpoint with one status.
    #[must_use]
    pub fn answered_with(&self, endpoint: &str, status: u16) -> u64 {
        self.answers.get(endpoint).and_then(|statuses| statuses.get(&status)).copied().unwrap_or(0)
    }

    /// All answers.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.answers.values().flat_map(BTreeMap::values).sum()
    }
}

/// The answers as they are counted.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<BTreeMap<&'static str, Vec<Row>>>);

/// Answers of one path template to one method with one status.
#[derive(Debug)]
struct Row {
    method: Method,
    status: StatusCode,
    count: u64,
}

impl Ledger {
    /// Counts one answer.
    pub fn count(&self, template: &'static str, method: &Method, status: StatusCode) {
        let mut templates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = templates.entry(template).or_default();
        match rows.iter_mut().find(|row| row.method == *method && row.status == status) {
            Some(row) => row.count += 1,
            None => rows.push(Row { method: method.clone(), status, count: 1 }),
        }
    }

    /// All answers so far, by `METHOD template` and status.
    #[must_use]
    pub fn answers(&self) -> BTreeMap<String, BTreeMap<u16, u64>> {
        let templates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answers: BTreeMap<String, BTreeMap<u16, u64>> = BTreeMap::new();
        for (template, rows) in templates.iter() {
            for Row { method, status, count } in rows {
                answers.entry(format!("{method} {template}")).or_default().insert(status.as_u16(), *count);
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_by_endpoint_and_status() {
        let ledger = Ledger::default();
        ledger.count("/api/cart", &Method::POST, StatusCode::CREATED);
        ledger.count("/api/cart", &Method::POST, StatusCode::CREATED);
        ledger.count("/api/cart", &Method::POST, StatusCode::UNAUTHORIZED);
        ledger.count("/api/cart", &Method::GET, StatusCode::OK);
        let books = Books { answers: ledger.answers(), ..Books::default() };
        assert_eq!(books.answered_with("POST /api/cart", 201), 2);
        assert_eq!(books.answered("POST /api/cart"), 3);
        assert_eq!(books.answered("GET /api/cart"), 1);
        assert_eq!(books.answered("GET /api/orders/:id"), 0);
        assert_eq!(books.total(), 4);
    }
}
