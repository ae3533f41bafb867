//! The shop behind its API: who is signed in, what is in which cart, which orders were placed, and what each step costs.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::time::sleep;

use super::DemoOptions;
use super::books::{Books, Ledger};
use super::catalogue::{Catalogue, PASSWORD, Product, User};
use super::costs::{Costs, MemberQueries};
use super::database::Database;
use super::dice::Dice;

/// Everything that handlers share.
#[derive(Debug)]
pub struct Shop {
    pub ledger: Ledger,
    catalogue: Catalogue,
    costs: Costs,
    dice: Dice,
    database: Database,
    state: Mutex<State>,
}

/// What changes.
#[derive(Debug, Default)]
struct State {
    /// User name by access token.
    tokens: HashMap<String, String>,
    carts: HashMap<String, Cart>,
    /// The order `o-1` is the first.
    orders: Vec<Order>,
    carts_opened: u64,
}

/// What a user has put aside. Nobody else can see or buy it.
#[derive(Debug)]
struct Cart {
    owner: String,
    items: Vec<Product>,
}

/// A paid cart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Order {
    /// `o-1`, counted up.
    pub id: String,
    pub username: String,
    pub items: usize,
    pub total: f64,
}

/// Why a cart was not sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSold {
    /// No cart of this user, or nothing in it.
    EmptyCart,
    /// The regression `errors`.
    Broken,
}

impl Shop {
    #[must_use]
    pub fn new(options: DemoOptions) -> Self {
        let DemoOptions { regression, seed } = options;
        let costs = Costs::of(regression);
        Self {
            ledger: Ledger::default(),
            catalogue: Catalogue::new(),
            dice: Dice::new(seed),
            database: Database::new(costs.pool_size),
            state: Mutex::default(),
            costs,
        }
    }

    /// The counts so far.
    #[must_use]
    pub fn books(&self) -> Books {
        let answers = self.ledger.answers();
        let state = self.state();
        Books {
            answers,
            tokens_issued: state.tokens.len() as u64,
            tokens_by_user: counted(state.tokens.values()),
            carts_opened: state.carts_opened,
            carts_by_user: counted(state.carts.values().map(|cart| &cart.owner)),
            orders_placed: state.orders.len() as u64,
        }
    }

    /// A new access token and its user; `None` for a wrong name or password, which costs the same.
    pub async fn sign_in(&self, username: &str, password: &str) -> Option<(String, &User)> {
        self.database.run([self.costs.user], &self.dice).await;
        sleep(self.costs.password_hash.draw(&self.dice)).await;
        let user = self.catalogue.user(username).filter(|_| password == PASSWORD)?;
        let token = self.new_id("token");
        self.state().tokens.insert(token.clone(), user.username.clone());
        Some((token, user))
    }

    /// Whose token it is.
    #[must_use]
    pub fn user_of(&self, token: &str) -> Option<String> {
        self.state().tokens.get(token).cloned()
    }

    /// The products of a page, and how many there are on all pages.
    pub async fn page(&self, page: usize) -> (&[Product], usize) {
        self.database.run_cached(self.costs.product_page, &self.dice).await;
        (self.catalogue.page(page), self.catalogue.product_count())
    }

    /// One product.
    pub async fn product(&self, id: &str) -> Option<&Product> {
        self.database.run_cached(self.costs.product, &self.dice).await;
        self.catalogue.product(id)
    }

    /// The first products that match, and how many do.
    pub async fn search(&self, text: &str) -> (Vec<&Product>, usize) {
        self.database.run([self.costs.search], &self.dice).await;
        self.catalogue.search(text)
    }

    /// The members of a team.
    pub async fn members(&self, team_id: &str) -> Option<&[User]> {
        let members = self.catalogue.members(team_id);
        match self.costs.members {
            MemberQueries::Joined(query) => self.database.run([query], &self.dice).await,
            MemberQueries::OneByOne { team, member } => {
                let count = members.map_or(0, <[User]>::len);
                self.database.run(std::iter::once(team).chain(std::iter::repeat_n(member, count)), &self.dice).await;
            }
        }
        members
    }

    /// Puts a product into the user's cart, a new one where the given is not theirs. Its id and what it holds;
    /// `None` where there is no such product.
    pub async fn add_to_cart(&self, username: &str, cart_id: Option<&str>, product_id: &str) -> Option<(String, Vec<Product>)> {
        self.database.run([self.costs.cart_write], &self.dice).await;
        let product = self.catalogue.product(product_id)?.clone();
        let mut state = self.state();
        if let Some(cart_id) = cart_id
            && let Some(cart) = state.cart_of(username, cart_id)
        {
            cart.items.push(product);
            return Some((cart_id.to_owned(), cart.items.clone()));
        }
        let cart_id = self.new_id("c");
        state.carts_opened += 1;
        let items = vec![product];
        state.carts.insert(cart_id.clone(), Cart { owner: username.to_owned(), items: items.clone() });
        Some((cart_id, items))
    }

    /// What is in the user's cart.
    pub async fn cart(&self, username: &str, cart_id: Option<&str>) -> Vec<Product> {
        self.database.run([self.costs.cart_read], &self.dice).await;
        let mut state = self.state();
        cart_id.and_then(|cart_id| state.cart_of(username, cart_id)).map(|cart| cart.items.clone()).unwrap_or_default()
    }

    /// Sells what is in the cart and empties it. The payment service is asked without holding a connection.
    ///
    /// # Errors
    /// [`NotSold`]; the cart is then as it was.
    pub async fn check_out(&self, username: &str, cart_id: Option<&str>) -> Result<Order, NotSold> {
        if self.dice.chance(self.costs.checkout_errors) {
            return Err(NotSold::Broken);
        }
        let items = self.take_items(username, cart_id).ok_or(NotSold::EmptyCart)?;
        self.database.run([self.costs.order_write], &self.dice).await;
        sleep(self.costs.payment.draw(&self.dice)).await;
        let mut state = self.state();
        let id = format!("o-{}", state.orders.len() + 1);
        let order = Order { id, username: username.to_owned(), items: items.len(), total: total_of(&items) };
        state.orders.push(order.clone());
        Ok(order)
    }

    /// A placed order.
    pub async fn order(&self, id: &str) -> Option<Order> {
        self.database.run([self.costs.order_read], &self.dice).await;
        let index = id.strip_prefix("o-")?.parse::<usize>().ok()?.checked_sub(1)?;
        self.state().orders.get(index).cloned()
    }

    /// Empties a cart that has something in it.
    fn take_items(&self, username: &str, cart_id: Option<&str>) -> Option<Vec<Product>> {
        let mut state = self.state();
        let cart = state.cart_of(username, cart_id?)?;
        (!cart.items.is_empty()).then(|| std::mem::take(&mut cart.items))
    }

    fn new_id(&self, prefix: &str) -> String {
        format!("{prefix}-{:016x}", self.dice.bits())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn cart_of(&mut self, username: &str, cart_id: &str) -> Option<&mut Cart> {
        self.carts.get_mut(cart_id).filter(|cart| cart.owner == username)
    }
}

/// How often each name comes.
fn counted<'a>(names: impl Iterator<Item = &'a String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name.clone()).or_default() += 1;
    }
    counts
}

/// The price of all items, in whole cents.
#[must_use]
pub fn total_of(items: &[Product]) -> f64 {
    (items.iter().map(|product| product.price).sum::<f64>() * 100.0).round() / 100.0
}
