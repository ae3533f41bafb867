//! The shop as HTTP: one handler for each endpoint, and the count of what was answered. What things cost is decided in `costs.rs`.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::shop::{NotSold, Shop, total_of};

/// What requests are counted under that no endpoint takes.
const NO_SUCH_PATH: &str = "(no such path)";

type Shared = State<Arc<Shop>>;

/// Every endpoint of the shop, counted.
pub fn router(shop: &Arc<Shop>) -> Router {
    let endpoints = [
        ("/health", get(health)),
        ("/auth/token", post(sign_in)),
        ("/api/products", get(list_products)),
        ("/api/products/:id", get(show_product)),
        ("/api/search", get(search)),
        ("/api/teams/:id/members", get(list_members)),
        ("/api/cart", get(show_cart).post(add_to_cart)),
        ("/api/checkout", post(check_out)),
        ("/api/orders/:id", get(show_order)),
    ];
    let counted = |template| middleware::from_fn_with_state((Arc::clone(shop), template), count);
    let mut router = Router::new().fallback(get(no_such_path).fallback(no_such_path).layer(counted(NO_SUCH_PATH)));
    for (template, handlers) in endpoints {
        router = router.route(&template.replace(":id", "{id}"), handlers.layer(counted(template)));
    }
    router.route("/admin/books", get(books)).with_state(Arc::clone(shop))
}

async fn count(State((shop, template)): State<(Arc<Shop>, &'static str)>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let response = next.run(request).await;
    shop.ledger.count(template, &method, response.status());
    response
}

async fn books(State(shop): Shared) -> Response {
    Json(shop.books()).into_response()
}

async fn no_such_path() -> Response {
    refusal(StatusCode::NOT_FOUND, "no such path")
}

async fn health() -> Response {
    Json(json!({"status": "ok", "version": "2.3.0"})).into_response()
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

async fn sign_in(State(shop): Shared, Json(credentials): Json<Credentials>) -> Response {
    let Credentials { username, password } = credentials;
    match shop.sign_in(&username, &password).await {
        Some((token, user)) => Json(json!({"access_token": token, "user": user})).into_response(),
        None => refusal(StatusCode::UNAUTHORIZED, "wrong username or password"),
    }
}

#[derive(Deserialize)]
struct PageQuery {
    page: Option<usize>,
}

async fn list_products(State(shop): Shared, Query(query): Query<PageQuery>) -> Response {
    let (items, total) = shop.page(query.page.unwrap_or(1)).await;
    Json(json!({"items": items, "total": total})).into_response()
}

async fn show_product(State(shop): Shared, Path(id): Path<String>) -> Response {
    match shop.product(&id).await {
        Some(product) => Json(product).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "no such product"),
    }
}

#[derive(Deserialize)]
struct SearchQuery {
    q: String,
}

async fn search(State(shop): Shared, Query(query): Query<SearchQuery>) -> Response {
    let (items, total) = shop.search(&query.q).await;
    Json(json!({"items": items, "total": total})).into_response()
}

async fn list_members(State(shop): Shared, Path(id): Path<String>) -> Response {
    match shop.members(&id).await {
        Some(members) => Json(json!({"items": members, "total": members.len()})).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "no such team"),
    }
}

#[derive(Deserialize)]
struct CartItem {
    id: String,
}

async fn add_to_cart(State(shop): Shared, headers: HeaderMap, Json(item): Json<CartItem>) -> Response {
    let Some(username) = signed_in(&shop, &headers) else { return not_signed_in() };
    match shop.add_to_cart(&username, cart_cookie(&headers), &item.id).await {
        Some((cart, items)) => {
            let cookie = [(SET_COOKIE, format!("cart={cart}; Path=/; HttpOnly; SameSite=Lax"))];
            (StatusCode::CREATED, cookie, Json(json!({"total": total_of(&items), "items": items}))).into_response()
        }
        None => refusal(StatusCode::NOT_FOUND, "no such product"),
    }
}

async fn show_cart(State(shop): Shared, headers: HeaderMap) -> Response {
    let Some(username) = signed_in(&shop, &headers) else { return not_signed_in() };
    let items = shop.cart(&username, cart_cookie(&headers)).await;
    Json(json!({"total": total_of(&items), "items": items})).into_response()
}

async fn check_out(State(shop): Shared, headers: HeaderMap) -> Response {
    let Some(username) = signed_in(&shop, &headers) else { return not_signed_in() };
    match shop.check_out(&username, cart_cookie(&headers)).await {
        Ok(order) => (StatusCode::CREATED, Json(order)).into_response(),
        Err(NotSold::EmptyCart) => refusal(StatusCode::CONFLICT, "the cart is empty"),
        Err(NotSold::Broken) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "order could not be stored"),
    }
}

async fn show_order(State(shop): Shared, Path(id): Path<String>) -> Response {
    match shop.order(&id).await {
        Some(order) => Json(order).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "no such order"),
    }
}

/// Whose bearer token the request carries.
fn signed_in(shop: &Shop, headers: &HeaderMap) -> Option<String> {
    let token = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    shop.user_of(token)
}

fn cart_cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix("cart="))
}

fn not_signed_in() -> Response {
    refusal(StatusCode::UNAUTHORIZED, "sign in first: POST /auth/token")
}

fn refusal(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({"error": reason}))).into_response()
}
