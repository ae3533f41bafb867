//! Before the load: is the target there, may it be loaded, is it ready? Decides the addresses that the load will use.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::task::LocalSet;

use super::Abort;
use super::connection::{ConnectError, Connection, Endpoints, Tls};
use super::system::try_descriptors;
use super::tls::{CertificateCheck, TlsError, client_config};
use crate::run::FailureClass;
use crate::scenario::{HttpVersion, Refusal, Scenario, Scheme, Target, check_address};
use crate::units::format_duration;

/// How long looking up a name may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the load must not or cannot begin.
#[derive(Debug, Error)]
pub enum PreflightError {
    #[error("cannot resolve {host}: {reason}")]
    Resolve { host: String, reason: String },
    #[error("{address} did not accept a connection: {source}")]
    Connect { address: String, source: io::Error },
    #[error("{address} did not answer within {}", format_duration(*patience))]
    Silent { address: String, patience: Duration },
    #[error("TLS with {address} failed: {source}")]
    Tls { address: String, source: io::Error },
    #[error("{address} does not speak HTTP/2: {source}")]
    Protocol { address: String, source: io::Error },
    #[error("{url} answered {status}, expected 2xx")]
    NotReady { url: String, status: u16 },
    #[error("{url} did not answer: {reason}")]
    ReadyFailed { url: String, reason: String },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    TlsFiles(#[from] TlsError),
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error("aborted while asking the target: {reason}")]
    Aborted { reason: String },
}

impl PreflightError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Resolve { .. } => "is the name right, and does this machine's DNS know it?".to_owned(),
            Self::Connect { .. } | Self::Silent { .. } => "is it up, on this port, and reachable from here?".to_owned(),
            Self::Tls { .. } => "is the certificate valid for this host? own authorities go into `tls: {ca: ..}`; --insecure skips the check and says so in every report".to_owned(),
            Self::Protocol { .. } => "`http: {version: auto}` takes what the target speaks".to_owned(),
            Self::NotReady { .. } | Self::ReadyFailed { .. } => "the scenario's `ready` path must answer 2xx before the load begins".to_owned(),
            Self::Refused(refusal) => refusal.hint(),
            Self::Runtime(_) => "the system gives no more of what a load needs: see `ulimit -n` (open files) and `ulimit -u` (threads)".to_owned(),
            Self::TlsFiles(_) | Self::Aborted { .. } => return None,
        })
    }
}

/// Resolves, connects to and asks the target, until `abort` is asked for; returns the addresses that answered.
///
/// # Errors
/// [`PreflightError`].
pub fn preflight(scenario: &Scenario, check: CertificateCheck, abort: &Abort) -> Result<Endpoints, PreflightError> {
    try_descriptors().map_err(PreflightError::Runtime)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PreflightError::Runtime)?;
    let answered = LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            answered = examine_target(scenario, check) => answered,
            reason = abort.requested() => Err(PreflightError::Aborted { reason }),
        }
    });
    // A lookup that hangs in the system's resolver must not hold the program.
    runtime.shutdown_background();
    answered
}

async fn examine_target(scenario: &Scenario, check: CertificateCheck) -> Result<Endpoints, PreflightError> {
    let target = &scenario.target;
    let addresses = resolve(target).await?;
    let tls = match target.scheme {
        Scheme::Http => None,
        Scheme::Https => Some(Tls { config: client_config(&scenario.tls, check, scenario.http.version)?, name: server_name(target)? }),
    };
    let mut reachable = Endpoints { addresses: Vec::new(), tls, version: scenario.http.version };
    let mut failure = None;
    for address in addresses {
        match connect(&reachable, address, scenario.http.connect_timeout).await {
            Ok(()) => reachable.addresses.push(address),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match failure {
        Some(error) if reachable.addresses.is_empty() => return Err(error),
        _ => {}
    }
    if let Some(path) = &scenario.ready {
        ask_ready(scenario, path, &reachable).await?;
    }
    Ok(reachable)
}

fn server_name(target: &Target) -> Result<ServerName<'static>, PreflightError> {
    let resolve =
        |error: rustls::pki_types::InvalidDnsNameError| PreflightError::Resolve { host: target.host.clone(), reason: error.to_string() };
    ServerName::try_from(target.host.clone()).map_err(resolve)
}

/// All addresses of the target, each held against the rules for addresses.
async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, PreflightError> {
    let host = target.host.as_str();
    let literal = host.parse::<IpAddr>().is_ok();
    let failed = |reason: String| PreflightError::Resolve { host: host.to_owned(), reason };
    let looked_up = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, target.port))).await;
    let found = looked_up.map_err(|_| failed("no answer within 10 s".into()))?.map_err(|error| failed(lookup_reason(&error)))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        check_address(host, literal || host == "localhost", address.ip())?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(failed("the name has no address".into())) } else { Ok(addresses) }
}

fn lookup_reason(error: &io::Error) -> String {
    error.to_string().trim_start_matches("failed to lookup address information: ").to_owned()
}

async fn connect(endpoints: &Endpoints, address: SocketAddr, timeout: Duration) -> Result<(), PreflightError> {
    let one = Endpoints { addresses: vec![address], tls: endpoints.tls.clone(), version: endpoints.version };
    let address = address.to_string();
    match tokio::time::timeout(timeout, Connection::open(&one)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(ConnectError::Target { class: FailureClass::Tls, source })) => Err(PreflightError::Tls { address, source }),
        Ok(Err(ConnectError::Target { class: FailureClass::Protocol, source })) => Err(PreflightError::Protocol { address, source }),
        Ok(Err(ConnectError::Target { source, .. } | ConnectError::Local { source, .. })) => {
            Err(PreflightError::Connect { address, source })
        }
        Err(_) => Err(PreflightError::Silent { address, patience: timeout }),
    }
}

/// Asks the `ready` path once. Another client than the load's, so that a fault of ours cannot pass as the target's.
async fn ask_ready(scenario: &Scenario, path: &str, endpoints: &Endpoints) -> Result<(), PreflightError> {
    // The client wants a provider even for plain HTTP. Another one may be there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let target = &scenario.target;
    let url = format!("{}{path}", target.origin());
    let failed = |error: reqwest::Error| PreflightError::ReadyFailed { url: url.clone(), reason: innermost(&error.without_url()) };
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(scenario.http.connect_timeout)
        .timeout(scenario.http.timeout)
        .resolve_to_addrs(&target.host, &endpoints.addresses);
    builder = match scenario.http.version {
        HttpVersion::Auto => builder,
        HttpVersion::Http1 => builder.http1_only(),
        HttpVersion::Http2 => builder.http2_prior_knowledge(),
    };
    if let Some(tls) = &endpoints.tls {
        builder = builder.tls_backend_preconfigured((*tls.config).clone());
    }
    let answer = builder.build().map_err(failed)?.get(&url).send().await.map_err(failed)?;
    if answer.status().is_success() { Ok(()) } else { Err(PreflightError::NotReady { url: url.clone(), status: answer.status().as_u16() }) }
}

/// The text of the error at the end of the chain: the ones before it only repeat that something failed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
