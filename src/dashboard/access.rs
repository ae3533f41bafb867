//! Who may ask for what: only under a name of this machine, only from its own pages, only with the token, and nothing that
//! changes anything unless that was allowed. What is asked for is not known here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, LOCATION, ORIGIN, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::connections::CameInOn;
use super::page;

/// The largest body that is taken (bytes).
pub(super) const BODY_BYTES: usize = 8 * 1024;
const SECRET_BYTES: usize = 32;
/// The port that browsers leave out.
const HTTP_PORT: u16 = 80;
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// Own files and nothing else; in nobody's frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// The rules of one dashboard.
#[derive(Debug)]
pub(super) struct Access {
    bound: SocketAddr,
    allows_runs: bool,
    /// Opens once; gone once it has.
    token: Mutex<Option<String>>,
    /// What a browser holds from then on.
    session: String,
}

impl Access {
    /// New rules, and the token that opens once.
    pub(super) fn new(bound: SocketAddr, allows_runs: bool) -> Result<(Self, String), getrandom::Error> {
        let token = secret()?;
        Ok((Self { bound, allows_runs, token: Mutex::new(Some(token.clone())), session: secret()? }, token))
    }

    /// Cookies know no ports: two dashboards must not take each other's.
    fn cookie_name(&self) -> String {
        format!("perfgate_{}", self.bound.port())
    }

    fn refusal(&self, method: &Method, uri: &Uri, headers: &HeaderMap, came_in_on: IpAddr) -> Option<Response> {
        let authorities = headers.get_all(HOST).iter().map(|host| host.to_str().ok()).chain(uri.authority().map(|own| Some(own.as_str())));
        let hosts: Vec<Option<&str>> = authorities.collect();
        if hosts.is_empty() || !hosts.iter().all(|host| host.is_some_and(|host| self.is_own(host, came_in_on))) {
            let own = SocketAddr::new(came_in_on, self.bound.port());
            let why = format!("This is perfgate's dashboard, and it answers under its own address alone: http://{own}/");
            return Some(page::refused_outside(StatusCode::MISDIRECTED_REQUEST, &why));
        }
        let changes = !matches!(*method, Method::GET | Method::HEAD);
        if changes && !(self.allows_runs && matches!(*method, Method::POST | Method::DELETE)) {
            let allowed = if self.allows_runs { "GET, HEAD, POST, DELETE" } else { "GET, HEAD" };
            return Some((StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, allowed)]).into_response());
        }
        if !self.comes_from_own_page(headers, changes, came_in_on) {
            return Some(page::refused_outside(StatusCode::FORBIDDEN, "This request comes from another site's page."));
        }
        let too_large = |length: &HeaderValue| {
            length.to_str().ok().and_then(|text| text.parse::<usize>().ok()).is_none_or(|length| length > BODY_BYTES)
        };
        if headers.get(CONTENT_LENGTH).is_some_and(too_large) {
            return Some(page::refused_outside(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 8 KiB."));
        }
        None
    }

    /// A name of this machine with this port. A name that somebody else may point here is none.
    fn is_own(&self, host: &str, came_in_on: IpAddr) -> bool {
        let port = self.bound.port();
        let is =
            |name: &str| host.eq_ignore_ascii_case(&format!("{name}:{port}")) || (port == HTTP_PORT && host.eq_ignore_ascii_case(name));
        let addresses = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), came_in_on];
        is("localhost") || addresses.iter().any(|ip| is(&if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() }))
    }

    fn comes_from_own_page(&self, headers: &HeaderMap, changes: bool, came_in_on: IpAddr) -> bool {
        let told = |name| headers.get(name).map(HeaderValue::as_bytes);
        let is_own = |origin: &str| origin.strip_prefix("http://").is_some_and(|host| self.is_own(host, came_in_on));
        match headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default()) {
            // A browser that tells nobody where it was, as some are set, has this origin; it says the rest.
            Some("null") => told(SEC_FETCH_SITE) == Some(b"same-origin"),
            Some(origin) => is_own(origin),
            None if changes => matches!(told(SEC_FETCH_SITE), None | Some(b"same-origin")),
            // Following a link from elsewhere is looking at a page; asking for it from within another page is not.
            None => matches!(told(SEC_FETCH_SITE), None | Some(b"same-origin" | b"none")) || told(SEC_FETCH_MODE) == Some(b"navigate"),
        }
    }

    fn holds_session(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie_name();
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        let mut values = cookies.filter_map(|cookie| cookie.trim().split_once('=')).filter(|(key, _)| *key == name);
        values.any(|(_, value)| same(value, &self.session))
    }

    /// The way in, if the token is right and was not used: a cookie, and the same page without the token.
    fn open(&self, uri: &Uri) -> Option<Response> {
        let given = token_of(uri)?;
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if !token.as_deref().is_some_and(|token| same(given, token)) {
            return None;
        }
        *token = None;
        let cookie = format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie_name(), self.session);
        let mut response = without_token(uri);
        response.headers_mut().insert(SET_COOKIE, cookie.parse().ok()?);
        Some(response)
    }
}

fn token_of(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// The same page without the token: the only answer whose own address must be told to nobody.
fn without_token(uri: &Uri) -> Response {
    let silent = (REFERRER_POLICY, "no-referrer".to_owned());
    (StatusCode::SEE_OTHER, [(LOCATION, uri.path().to_owned()), silent]).into_response()
}

/// Lets through what is allowed, and marks every answer.
pub(super) async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let came_in_on = request.extensions().get::<CameInOn>().map_or(access.bound.ip(), |own| own.0);
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    let response = match access.refusal(method, uri, headers, came_in_on) {
        Some(refusal) => refusal,
        // A token that is in the address although it is not needed any more leaves it all the same.
        None if access.holds_session(headers) && *method == Method::GET && token_of(uri).is_some() => without_token(uri),
        None if access.holds_session(headers) => next.run(request).await,
        // Who only asks whether something is there, as previews of links do, must not use it up.
        None => Some(uri).filter(|_| *method == Method::GET).and_then(|uri| access.open(uri)).unwrap_or_else(|| {
            page::refused_outside(
                StatusCode::UNAUTHORIZED,
                "The address that perfgate printed opens this page, once. Start it again for another one.",
            )
        }),
    };
    marked(response)
}

fn marked(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Without one a browser would not say that a form is of our own page.
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn same(given: &str, secret: &str) -> bool {
    given.as_bytes().ct_eq(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(allows_runs: bool) -> Access {
        Access::new("127.0.0.1:4711".parse().unwrap(), allows_runs).unwrap().0
    }

    fn status(access: &Access, method: &Method, headers: &[(&str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let refusal = access.refusal(method, &"/".parse().unwrap(), &map, "127.0.0.1".parse().unwrap());
        refusal.map_or(200, |response| response.status().as_u16())
    }

    #[test]
    fn only_names_of_this_machine_with_this_port_are_answered() {
        for own in ["127.0.0.1:4711", "localhost:4711", "LOCALHOST:4711", "[::1]:4711"] {
            assert_eq!(status(&access(false), &Method::GET, &[("host", own)]), 200, "{own}");
        }
        let foreign = [
            "evil.com",
            "evil.com:4711",
            "localhost.evil.com:4711",
            "localhost",
            "127.0.0.1",
            "192.168.0.7:4711",
            "localhost:4712",
            "",
            "127.1:4711",
        ];
        for foreign in foreign {
            assert_eq!(status(&access(false), &Method::GET, &[("host", foreign)]), 421, "{foreign}");
        }
        assert_eq!(status(&access(false), &Method::GET, &[]), 421);
        assert_eq!(status(&access(false), &Method::GET, &[("host", "localhost:4711"), ("host", "evil.com")]), 421);
    }

    #[test]
    fn a_change_needs_the_permission_and_a_page_of_ours() {
        let host = ("host", "localhost:4711");
        let foreign = [
            vec![("origin", "https://evil.com")],
            vec![("origin", "http://localhost:4712")],
            vec![("origin", "null")],
            vec![("origin", "null"), ("sec-fetch-site", "same-site")],
            vec![("sec-fetch-site", "cross-site")],
        ];
        for mut headers in foreign {
            headers.push(host);
            assert_eq!(status(&access(true), &Method::POST, &headers), 403, "{headers:?}");
            assert_eq!(status(&access(false), &Method::POST, &headers), 405, "{headers:?}");
        }
        let own = [vec![("origin", "http://127.0.0.1:4711")], vec![("origin", "null"), ("sec-fetch-site", "same-origin")], vec![]];
        for mut headers in own {
            headers.push(host);
            assert_eq!(status(&access(true), &Method::POST, &headers), 200, "{headers:?}");
            assert_eq!(status(&access(true), &Method::PUT, &headers), 405, "{headers:?}");
        }
    }

    #[test]
    fn a_browser_leaves_out_the_port_of_the_web() {
        let access = Access::new("127.0.0.1:80".parse().unwrap(), true).unwrap().0;
        for host in ["127.0.0.1", "localhost", "[::1]", "127.0.0.1:80"] {
            assert_eq!(status(&access, &Method::GET, &[("host", host)]), 200, "{host}");
            assert_eq!(status(&access, &Method::POST, &[("host", host), ("origin", &format!("http://{host}"))]), 200, "{host}");
        }
        for host in ["127.0.0.1:8080", "example.com", "[::1", "::1"] {
            assert_eq!(status(&access, &Method::GET, &[("host", host)]), 421, "{host}");
        }
    }

    #[test]
    fn a_page_of_another_site_may_lead_here_and_load_nothing_from_here() {
        let host = ("host", "127.0.0.1:4711");
        for site in ["cross-site", "same-site", "made-up"] {
            let asked = |mode| status(&access(false), &Method::GET, &[host, ("sec-fetch-site", site), ("sec-fetch-mode", mode)]);
            assert_eq!((asked("navigate"), asked("no-cors"), asked("cors")), (200, 403, 403), "{site}");
        }
        for site in ["same-origin", "none"] {
            assert_eq!(status(&access(false), &Method::GET, &[host, ("sec-fetch-site", site), ("sec-fetch-mode", "cors")]), 200, "{site}");
        }
    }

    #[test]
    fn a_token_opens_once() {
        let (access, token) = Access::new("127.0.0.1:4711".parse().unwrap(), false).unwrap();
        let open = |query: String| access.open(&format!("/runs/7?{query}").parse().unwrap());
        assert!(open("token=".into()).is_none() && open(format!("token={token}x")).is_none());
        let response = open(format!("token={token}")).unwrap();
        assert_eq!(response.headers()[LOCATION], "/runs/7");
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        assert!(cookie.starts_with("perfgate_4711=") && cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
        assert!(open(format!("token={token}")).is_none());
    }
}
