//! Any text as a target: refused, or a host in its normal form that leads where it says; an address that is never loaded is
//! refused in every spelling.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use perfgate::scenario::{Permissions, Target, check_address, check_host};

const METADATA: [Ipv4Addr; 3] = [Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::UNSPECIFIED];

fuzz_target!(|text: &str| {
    let Ok(target) = text.parse::<Target>() else { return };
    assert!(!target.host.is_empty() && !target.host.contains(['@', '/', '\\', '?', '#']) && !target.host.ends_with('.'));
    assert_eq!(target.origin().parse::<Target>().unwrap().host, target.host, "it is not in its normal form");
    let all = Permissions { hosts: vec![target.host.clone()], production: true, load: true };
    let allowed = check_host(&target.host, &target.host, &all).is_ok();
    if let Ok(address) = target.host.trim_matches(['[', ']']).parse::<IpAddr>() {
        let plain = match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(address) => address.to_ipv4_mapped(),
        };
        if plain.is_some_and(|address| METADATA.contains(&address) || address.is_link_local()) {
            assert!(!allowed && check_address(&target.host, true, address).is_err());
        }
    }
    assert!(check_host(&target.host, "staging.example", &Permissions::default()).is_err() || is_near(&target.host));
});

/// The scenario's own host, or this machine.
fn is_near(host: &str) -> bool {
    let loopback = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.to_ipv4().is_some_and(|inner| inner.is_loopback()) || address.segments()[0] != 0
        }
    });
    host == "staging.example" || host == "localhost" || host.ends_with(".localhost") || loopback
}
