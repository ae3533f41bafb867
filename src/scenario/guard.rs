//! The guard: what a load may be aimed at, and how large it may be, before any packet is sent. Every refusal can be
//! lifted by a flag of whoever runs the load, except those for addresses that nobody means to load.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use thiserror::Error;

use super::{Model, Scenario, Target};
use crate::units::{format_count, format_duration};

const MOST_USERS: f64 = 20_000.0;
const MOST_STARTS_PER_SECOND: f64 = 100_000.0;
const LONGEST: Duration = Duration::from_secs(2 * 3600);

const PRODUCTION_WORDS: [&str; 3] = ["prod", "production", "live"];
const METADATA_NAMES: [&str; 2] = ["metadata.google.internal", "metadata.goog"];
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// What whoever runs the load has allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// `--allow-host`.
    pub hosts: Vec<String>,
    /// `--allow-production`.
    pub production: bool,
    /// `--allow-load`.
    pub load: bool,
}

/// Why a load is not sent: exit code 7.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("`{host}` looks like production: it has the word `{word}`")]
    Production { host: String, word: String },
    #[error("`{host}` is not an allowed target: the scenario's is `{own}`")]
    ForeignHost { host: String, own: String },
    #[error("`{host}` {} a blocked address: {reason}", if address.is_some() { "resolves to" } else { "is" })]
    BlockedAddress { host: String, address: Option<IpAddr>, reason: &'static str },
    #[error("{asked} {what} are above the limit of {limit}")]
    TooMuch { what: &'static str, asked: String, limit: String },
}

impl Refusal {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Production { .. } => "if its owner agrees, say `--allow-production`".to_owned(),
            Self::ForeignHost { host, .. } => format!("if its owner agrees, say `--allow-host {host}`"),
            Self::BlockedAddress { reason, .. } if *reason == LOOPBACK => "name it as it is: `localhost` or `127.0.0.1`".to_owned(),
            Self::BlockedAddress { .. } => "such addresses are never loaded".to_owned(),
            Self::TooMuch { .. } => "if it is meant, say `--allow-load`".to_owned(),
        }
    }
}

const LOOPBACK: &str = "this machine itself, behind another name";
const LINK_LOCAL: &str = "link-local, where clouds keep their metadata";
const METADATA: &str = "a cloud's metadata";
const UNSPECIFIED: &str = "unspecified";

/// Checks target and size of a load, before any packet, name queries included.
///
/// `file_target` is the target as the file has it: the scenario's own may then differ (by `--target`) only within the same
/// host, on this machine, or as `--allow-host` allows. With `None` the scenario's target is taken as it is.
///
/// # Errors
/// The first [`Refusal`].
pub fn check_scenario(scenario: &Scenario, file_target: Option<&str>, permissions: &Permissions) -> Result<(), Refusal> {
    let host = &scenario.target.host;
    let own = file_target.and_then(|target| target.parse::<Target>().ok()).map_or_else(|| host.clone(), |target| target.host);
    check_host(host, &own, permissions)?;
    if permissions.load { Ok(()) } else { check_size(scenario) }
}

/// Checks a host that is about to be loaded: the scenario's `own`, an allowed one or this machine, and not production.
///
/// # Errors
/// The first [`Refusal`].
pub fn check_host(host: &str, own: &str, permissions: &Permissions) -> Result<(), Refusal> {
    let host = normal_host(host);
    let own = normal_host(own);
    if METADATA_NAMES.contains(&host.as_str()) {
        return Err(Refusal::BlockedAddress { host, address: None, reason: METADATA });
    }
    let literal: Option<IpAddr> = host.parse().ok();
    if let Some(reason) = literal.and_then(always_blocked) {
        return Err(Refusal::BlockedAddress { host, address: None, reason });
    }
    if host != own && !is_this_machine(&host) && !permissions.hosts.iter().any(|allowed| normal_host(allowed) == host) {
        return Err(Refusal::ForeignHost { host, own });
    }
    match production_word(&host).filter(|_| literal.is_none() && !permissions.production) {
        Some(word) => Err(Refusal::Production { word: word.to_owned(), host }),
        None => Ok(()),
    }
}

/// Checks one address that a host was resolved to; all that it was resolved to have to pass.
///
/// # Errors
/// [`Refusal::BlockedAddress`].
pub fn check_address(host: &str, host_is_literal_or_localhost: bool, ip: IpAddr) -> Result<(), Refusal> {
    let reason = always_blocked(ip).or_else(|| {
        let hidden_loopback = !host_is_literal_or_localhost && embedded(ip).into_iter().any(|ip| ip.is_loopback());
        hidden_loopback.then_some(LOOPBACK)
    });
    reason.map_or(Ok(()), |reason| Err(Refusal::BlockedAddress { host: host.to_owned(), address: Some(ip), reason }))
}

fn check_size(scenario: &Scenario) -> Result<(), Refusal> {
    let peak = scenario.load.peak();
    let (what, limit) = match scenario.load.model {
        Model::Closed => ("users", MOST_USERS),
        Model::Open { .. } => ("starts a second", MOST_STARTS_PER_SECOND),
    };
    if peak > limit {
        return Err(Refusal::TooMuch { what, asked: format_whole(peak), limit: format_whole(limit) });
    }
    let duration = scenario.load.duration().saturating_mul(scenario.load_count());
    if duration > LONGEST {
        return Err(Refusal::TooMuch { what: "of load", asked: format_duration(duration), limit: format_duration(LONGEST) });
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a peak is between 0 and 10^7")]
fn format_whole(value: f64) -> String {
    format_count(value.ceil() as u64)
}

/// As a target's host is kept: lower case, no trailing dot, addresses in their usual spelling.
fn normal_host(host: &str) -> String {
    let bracketed = if host.contains(':') && host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() };
    format!("http://{bracketed}").parse::<Target>().map_or_else(|_| host.to_ascii_lowercase(), |target| target.host)
}

fn is_this_machine(host: &str) -> bool {
    let loopback = |ip: IpAddr| embedded(ip).into_iter().any(|ip| ip.is_loopback());
    host == "localhost" || host.ends_with(".localhost") || host.parse().is_ok_and(loopback)
}

fn production_word(host: &str) -> Option<&'static str> {
    host.split(['.', '-', '_']).find_map(|word| {
        let letters: String = word.chars().filter(|c| !c.is_ascii_digit()).collect();
        PRODUCTION_WORDS.into_iter().find(|production| letters.eq_ignore_ascii_case(production))
    })
}

fn always_blocked(ip: IpAddr) -> Option<&'static str> {
    embedded(ip).into_iter().find_map(|ip| match ip {
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some(UNSPECIFIED),
        IpAddr::V4(v4) if v4.is_link_local() => Some(LINK_LOCAL),
        IpAddr::V4(v4) if METADATA_V4.contains(&v4) => Some(METADATA),
        IpAddr::V6(v6) if v6.is_unspecified() => Some(UNSPECIFIED),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(LINK_LOCAL),
        IpAddr::V6(v6) if v6 == METADATA_V6 => Some(METADATA),
        _ => None,
    })
}

/// The address, and the IPv4 address that an IPv6 one stands for: mapped, compatible, NAT64 and 6to4.
fn embedded(ip: IpAddr) -> Vec<IpAddr> {
    let mut all = vec![ip];
    if let IpAddr::V6(v6) = ip {
        let segments = v6.segments();
        let v4 = |high: u16, low: u16| {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        };
        match segments {
            [0, 0, 0, 0, 0, 0, 0, 0 | 1] => {}
            [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
                all.push(v4(high, low));
            }
            [0x64, 0xff9b, 1, _, _, _, high, low] => all.push(v4(high, low)),
            _ => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str, permissions: &Permissions) -> Result<(), Refusal> {
        check_host(host, host, permissions)
    }

    #[test]
    fn production_is_a_word_of_the_host() {
        for (name, word) in [
            ("prod.shop.example", Some("prod")),
            ("api-prod.x", Some("prod")),
            ("prod2.x", Some("prod")),
            ("shop_production_1.x", Some("production")),
            ("LIVE.shop.example.", Some("live")),
            ("products.staging.example", None),
            ("delivery.example", None),
            ("staging.shop.example", None),
            ("olive.example", None),
        ] {
            let refused = host(name, &Permissions::default());
            assert_eq!(refused.is_err(), word.is_some(), "{name}");
            if let (Err(Refusal::Production { word: found, .. }), Some(word)) = (refused, word) {
                assert_eq!(found, word);
            }
            assert_eq!(host(name, &Permissions { production: true, ..Permissions::default() }), Ok(()), "{name}");
        }
    }

    #[test]
    fn another_host_needs_to_be_allowed_except_on_this_machine() {
        let allowed = Permissions { hosts: vec!["Other.example.".into()], ..Permissions::default() };
        for (host, none, with) in [
            ("staging.example", true, true),
            ("STAGING.example.", true, true),
            ("other.example", false, true),
            ("third.example", false, false),
            ("localhost", true, true),
            ("127.0.0.1", true, true),
            ("::1", true, true),
            ("10.0.0.1", false, false),
        ] {
            assert_eq!(check_host(host, "staging.example", &Permissions::default()).is_ok(), none, "{host}");
            assert_eq!(check_host(host, "staging.example", &allowed).is_ok(), with, "{host}");
        }
    }

    #[test]
    fn blocked_addresses_are_refused_in_every_spelling() {
        for ip in [
            "0.0.0.0",
            "::",
            "169.254.169.254",
            "169.254.1.1",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "fe80::1",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            let address: IpAddr = ip.parse().unwrap();
            assert!(check_address("staging.example", false, address).is_err(), "{ip}");
            assert!(check_address(ip, true, address).is_err(), "{ip}");
            assert!(host(ip, &Permissions { hosts: vec![ip.into()], production: true, load: true }).is_err(), "{ip}");
        }
        for name in ["0x7f.1", "2130706433", "127.1", "017700000001"] {
            assert_eq!(host(name, &Permissions::default()), Ok(()), "{name}");
        }
        for name in ["0", "0xa9fea9fe", "169.254.169.254.", "[::ffff:a9fe:a9fe]", "metadata.google.internal", "Metadata.Google.Internal."] {
            assert!(host(name, &Permissions::default()).is_err(), "{name}");
        }
    }

    #[test]
    fn private_addresses_are_fine_and_loopback_is_where_it_is_named() {
        for ip in ["10.1.2.3", "192.168.0.1", "172.16.0.1", "fd12::1", "93.184.216.34", "2001:db8::1"] {
            assert_eq!(check_address("staging.example", false, ip.parse().unwrap()), Ok(()), "{ip}");
        }
        for ip in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(check_address("localhost", true, ip.parse().unwrap()), Ok(()), "{ip}");
            let refusal = check_address("staging.example", false, ip.parse().unwrap()).unwrap_err();
            assert!(refusal.to_string().starts_with("`staging.example` resolves to a blocked address"), "{refusal}");
            assert!(refusal.hint().contains("localhost"), "{}", refusal.hint());
        }
    }
}
