//! What the shop has on its shelves and who shops there: products, teams and users, the same in every start.

use serde::Serialize;

/// The password of every user.
pub const PASSWORD: &str = "demo";
/// Products on one page.
const PAGE_SIZE: usize = 20;
/// Hits that a search shows.
const SEARCH_LIMIT: usize = 10;
const TEAM_COUNT: usize = 42;
const TEAM_SIZE: usize = 12;

const MATERIALS: [&str; 15] = [
    "oak", "walnut", "steel", "linen", "wool", "cotton", "leather", "copper", "glass", "marble", "bamboo", "velvet", "ceramic", "rattan",
    "brass",
];
const THINGS: [&str; 20] = [
    "table", "chair", "lamp", "shelf", "sofa", "rug", "curtain", "vase", "mirror", "desk", "stool", "bench", "bowl", "tray", "clock",
    "basket", "cushion", "blanket", "frame", "candle",
];

/// Something to buy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Product {
    /// `p-001` to `p-300`.
    pub id: String,
    /// `oak table`.
    pub name: String,
    pub price: f64,
}

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// `u-001` to `u-504`.
    pub id: String,
    /// `user001` to `user504`.
    pub username: String,
    /// `t-01` to `t-42`.
    pub team_id: String,
}

/// Products, users and teams.
#[derive(Debug)]
pub struct Catalogue {
    products: Vec<Product>,
    users: Vec<User>,
}

impl Catalogue {
    #[must_use]
    pub fn new() -> Self {
        let names = THINGS.iter().flat_map(|thing| MATERIALS.iter().map(move |material| format!("{material} {thing}")));
        let products = (1_u32..).zip(names).map(|(number, name)| product(number, name)).collect();
        let users = (0..TEAM_COUNT * TEAM_SIZE).map(user).collect();
        Self { products, users }
    }

    #[must_use]
    pub fn product_count(&self) -> usize {
        self.products.len()
    }

    /// The products of a page, counted from 1; none beyond the last.
    #[must_use]
    pub fn page(&self, page: usize) -> &[Product] {
        page.checked_sub(1).and_then(|index| self.products.chunks(PAGE_SIZE).nth(index)).unwrap_or_default()
    }

    #[must_use]
    pub fn product(&self, id: &str) -> Option<&Product> {
        self.products.get(index_of("p-", id)?).filter(|product| product.id == id)
    }

    /// The first products whose name contains the text, and how many there are.
    #[must_use]
    pub fn search(&self, text: &str) -> (Vec<&Product>, usize) {
        let text = text.to_lowercase();
        let found = || self.products.iter().filter(|product| product.name.contains(&text));
        (found().take(SEARCH_LIMIT).collect(), found().count())
    }

    /// The members of a team, `None` where there is no such team.
    #[must_use]
    pub fn members(&self, team_id: &str) -> Option<&[User]> {
        let members = self.users.chunks(TEAM_SIZE).nth(index_of("t-", team_id)?)?;
        members.first().is_some_and(|user| user.team_id == team_id).then_some(members)
    }

    #[must_use]
    pub fn user(&self, username: &str) -> Option<&User> {
        self.users.get(index_of("user", username)?).filter(|user| user.username == username)
    }
}

fn product(number: u32, name: String) -> Product {
    Product { id: format!("p-{number:03}"), name, price: f64::from(490 + number * 3_700 % 20_000) / 100.0 }
}

fn user(index: usize) -> User {
    let number = index + 1;
    User { id: format!("u-{number:03}"), username: format!("user{number:03}"), team_id: format!("t-{:02}", index / TEAM_SIZE + 1) }
}

/// The place of `p-017` in its list: 16.
fn index_of(prefix: &str, id: &str) -> Option<usize> {
    id.strip_prefix(prefix)?.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_every_product_once() {
        let catalogue = Catalogue::new();
        let listed: Vec<&Product> = (1..=15).flat_map(|page| catalogue.page(page)).collect();
        assert_eq!(listed.len(), catalogue.product_count());
        assert!(listed.iter().all(|product| catalogue.product(&product.id) == Some(product)));
        assert!(catalogue.page(0).is_empty() && catalogue.page(16).is_empty());
    }

    #[test]
    fn only_an_id_as_it_is_written_is_found() {
        let catalogue = Catalogue::new();
        for id in ["", "p-", "p-0", "p-1", "p-301", "p--1", "17", "p-+17", "p-99999999999999999999"] {
            assert_eq!(catalogue.product(id), None, "{id}");
        }
        assert!(catalogue.members("t-42").is_some_and(|members| members.len() == TEAM_SIZE));
        assert!(catalogue.members("t-43").is_none() && catalogue.members("t-1").is_none());
        assert_eq!(catalogue.user("user504").map(|user| user.team_id.as_str()), Some("t-42"));
        assert!(catalogue.user("user505").is_none() && catalogue.user("user1").is_none());
    }

    #[test]
    fn a_search_shows_ten_and_counts_all() {
        let catalogue = Catalogue::new();
        let (shown, total) = catalogue.search("OAK");
        assert_eq!((shown.len(), total), (10, 20));
        assert_eq!(catalogue.search("submarine").1, 0);
    }

    #[test]
    fn the_example_data_names_what_the_shop_has() {
        let catalogue = Catalogue::new();
        let column = |text: &str, index: usize| -> Vec<String> {
            csv::Reader::from_reader(text.as_bytes()).records().map(|row| row.unwrap()[index].to_owned()).collect()
        };
        let (users, products, searches) = (
            column(include_str!("../../examples/data/users.csv"), 0),
            column(include_str!("../../examples/data/products.csv"), 0),
            column(include_str!("../../examples/data/searches.csv"), 0),
        );
        assert!(users.len() == 504 && users.iter().all(|name| catalogue.user(name).is_some()));
        assert!(products.len() == 300 && products.iter().all(|id| catalogue.product(id).is_some()));
        assert!(searches.len() >= 20 && searches.iter().all(|text| catalogue.search(text).1 > 0));
    }
}
