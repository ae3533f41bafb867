//! L19, L20: TLS as a target can get it wrong. The certificates in `tls/` are for nothing but these tests: an authority of
//! their own has signed one that is good, one that has expired and one for another host.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::{Act, Server, Welcome, ok};
use crate::support::at_once;
use crate::trial::Trial;

const AUTHORITY: &str = include_str!("tls/authority.pem");
const GOOD: &str = include_str!("tls/good.pem");
const EXPIRED: &str = include_str!("tls/expired.pem");
const ANOTHER_HOST: &str = include_str!("tls/another-host.pem");
const KEY: &str = include_str!("tls/server.key");

/// Serves with this certificate until the tests end.
fn serve(certificate: &str) -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || answer(config, stream));
        }
    });
    address
}

/// Answers every request without a body. A client that leaves ends it.
fn answer(config: Arc<ServerConfig>, stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut stream = StreamOwned::new(ServerConnection::new(config).ok()?, stream);
    let mut head = Vec::new();
    loop {
        let mut part = [0; 1024];
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        head.extend_from_slice(&part[..count]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").ok()?;
            stream.flush().ok()?;
        }
    }
}

fn rude(acts: Vec<Act>) -> Server {
    Server::welcoming(move |_| Welcome::Rude(acts.clone()), |_| ok())
}

fn trial(address: SocketAddr, authority: &str) -> Trial {
    let trial = Trial::on(&format!("https://{address}"));
    trial.edit("shop.yaml", "http: {", "http: {connect_timeout: 400ms, ");
    if !authority.is_empty() {
        trial.write("authority.pem", authority);
        trial.append("shop.yaml", "tls: {ca: authority.pem}");
    }
    trial
}

/// L19: what is wrong with TLS is said before the load, and no request is sent.
#[test]
fn a_target_whose_tls_is_wrong_is_not_loaded_and_told_why() {
    // A fatal alert: protocol version.
    let too_old = rude(vec![Act::Send(vec![21, 3, 1, 0, 2, 2, 70]), Act::Wait(Duration::from_millis(50)), Act::Close]);
    let silent = rude(vec![Act::Hang]);
    let closing = rude(vec![Act::Close]);
    let plain = rude(vec![Act::Send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec()), Act::Hang]);
    let rows = [
        ("expired", serve(EXPIRED), AUTHORITY, "certificate expired"),
        ("another host", serve(ANOTHER_HOST), AUTHORITY, "certificate not valid for name"),
        ("an unknown authority", serve(GOOD), "", "UnknownIssuer"),
        ("only TLS 1.0", too_old.address, "", "ProtocolVersion"),
        ("a handshake that stalls", silent.address, "", "did not answer within 400ms"),
        ("a handshake that is cut off", closing.address, "", "TLS with "),
        ("plain HTTP", plain.address, "", "TLS with "),
    ];
    at_once(&rows, |(fault, address, authority, said)| {
        let trial = trial(*address, authority);
        let ended = trial.perfgate("check shop.yaml").with(4);
        assert!(ended.stderr.contains("error: ") && ended.stderr.contains(said), "{fault}: {}", ended.stderr);
        assert_eq!(trial.json("perfgate-out/run.json")["generator"]["scheduled"], 0, "{fault}");
        assert_eq!(trial.json("perfgate-out/verdict.json")["reasons"][0]["code"], "target_unavailable", "{fault}");
    });
}

/// L19: what makes the others fail is the fault alone; a check that is skipped is shown.
#[test]
fn a_certificate_of_the_companys_own_authority_is_good_and_a_check_that_is_skipped_is_shown() {
    trial(serve(GOOD), AUTHORITY).perfgate("check shop.yaml").with(0);
    let trial = trial(serve(EXPIRED), "");
    trial.perfgate("check shop.yaml --insecure").with(0).prints("--insecure");
    for file in ["summary.md", "report.html", "verdict.json"] {
        assert!(trial.read(&format!("perfgate-out/{file}")).contains("--insecure"), "{file}");
    }
}

/// L20: the first connections shake hands, later ones do not.
#[test]
fn handshakes_that_fail_in_mid_run_are_failures_of_the_target() {
    let garbage = || Welcome::Rude(vec![Act::Send(b"this is no handshake".to_vec()), Act::Close]);
    let server = Server::welcoming(move |number| if number % 5 == 4 { garbage() } else { Welcome::Tls }, |_| ok());
    let trial = Trial::on(&format!("https://{}", server.address));
    trial.edit("shop.yaml", "think: 20ms", "think: 20ms\nconnections: per_request");
    trial.perfgate("check shop.yaml --insecure").with(1).prints("fails too often: failures ");
    let failures = trial.json("perfgate-out/run.json")["endpoints"][0]["failures"].clone();
    assert!(failures["tls"].as_u64().unwrap() > 5 && failures["tls"] == failures["total"], "{failures}");
}
