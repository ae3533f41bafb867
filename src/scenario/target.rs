//! The target: reading `https://host:port/prefix`, and refusing what would hide where the load goes.

use std::str::FromStr;

use thiserror::Error;
use url::{Host, Url};

use super::{Scheme, Target};

/// Why a text is no target. The messages never show it whole: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    #[error("a target is a URL such as `https://staging.shop.example`: {0}")]
    NotAUrl(url::ParseError),
    #[error("scheme `{0}` is not supported: a target begins with `http://` or `https://`")]
    Scheme(String),
    #[error("a target holds no user name or password: use `auth` or `headers` with `${{env.NAME}}`")]
    UserInfo,
    #[error("a target holds no white space, control characters or backslashes")]
    Characters,
    #[error("a target holds no {0}: write it at the steps")]
    Part(&'static str),
    #[error("a target holds no `${{..}}`: use `--target` or PERFGATE_TARGET")]
    Template,
    #[error("a target's port is not 0")]
    PortZero,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.contains("${") {
            return Err(TargetError::Template);
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(TargetError::Characters);
        }
        let url = Url::parse(text).map_err(TargetError::NotAUrl)?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(TargetError::Scheme(other.to_owned())),
        };
        refuse_extras(text, &url)?;
        let port = url.port_or_known_default().unwrap_or_default();
        if port == 0 {
            return Err(TargetError::PortZero);
        }
        Ok(Self { scheme, host: host_of(&url)?, port, base_path: url.path().trim_end_matches('/').to_owned() })
    }
}

fn refuse_extras(text: &str, url: &Url) -> Result<(), TargetError> {
    let authority = text.split_once("//").map_or(text, |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::UserInfo);
    }
    if url.query().is_some() {
        return Err(TargetError::Part("query"));
    }
    if url.fragment().is_some() {
        return Err(TargetError::Part("fragment"));
    }
    Ok(())
}

fn host_of(url: &Url) -> Result<String, TargetError> {
    let host = match url.host() {
        Some(Host::Domain(name)) => name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => String::new(),
    };
    // Of a name with two dots at its end no part stands between them.
    let has_empty_end = host.is_empty() || host.ends_with('.');
    if has_empty_end { Err(TargetError::NotAUrl(url::ParseError::EmptyHost)) } else { Ok(host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String), TargetError> {
        text.parse::<Target>().map(|target| (target.origin(), target.base_path))
    }

    #[test]
    fn a_target_is_read_in_its_normal_form() {
        for (text, origin, base_path) in [
            ("https://staging.shop.example", "https://staging.shop.example", ""),
            ("https://STAGING.Shop.example./", "https://staging.shop.example", ""),
            ("http://localhost:8080/api/v1/", "http://localhost:8080", "/api/v1"),
            ("http://0x7f.1:80", "http://127.0.0.1", ""),
            ("http://2130706433", "http://127.0.0.1", ""),
            ("http://169.254.169.254.", "http://169.254.169.254", ""),
            ("http://[::1]:9000", "http://[::1]:9000", ""),
            ("https://münchen.example", "https://xn--mnchen-3ya.example", ""),
        ] {
            assert_eq!(read(text), Ok((origin.to_owned(), base_path.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_would_hide_where_the_load_goes_is_refused() {
        for (text, message) in [
            ("staging.example", "is a URL such as"),
            ("localhost:8080", "scheme `localhost` is not supported"),
            ("ftp://a.example", "scheme `ftp` is not supported"),
            ("https://me:secret@a.example", "no user name or password"),
            ("https://@a.example", "no user name or password"),
            ("https://staging\\@prod", "no white space"),
            ("https://a.example/?x=1", "holds no query"),
            ("https://a.example/#x", "holds no fragment"),
            ("https://a b.example", "no white space"),
            ("https://", "is a URL such as"),
            ("http://16..", "is a URL such as"),
            ("https://prod.shop.example..", "is a URL such as"),
            ("https://staging%2f.evil", "is a URL such as"),
            ("https://a.example:0", "port is not 0"),
            ("https://${env.HOST}", "holds no `${..}`"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
