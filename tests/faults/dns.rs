//! L16, L17, L18, T04, T09: names. A resolver of our own answers in a network of its own, in which two addresses are ours:
//! one that may be loaded, and the one under which clouds keep their metadata. That needs the right to make such a network;
//! that a load looks no name up needs none.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use perfgate::load::{Abort, CertificateCheck, Order, drive, preflight};
use perfgate::plan::Plan;

use crate::server::{Server, ok};
use crate::shell::{TO_HAVE_A_NETWORK, has_tool};
use crate::support::{Lacking, at_once, skip};
use crate::trial::Trial;

const STAGING: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const PORT: u16 = 8077;

/// What is answered to a question.
#[derive(Clone, Copy)]
enum Says {
    Addresses(&'static [Ipv4Addr]),
    NoSuchName,
    Broken,
    Nothing,
}

/// By the name that is asked for, the first time and later.
fn says(name: &str, before: u64) -> Says {
    match (name, before) {
        ("shop.test" | "moves.test" | "breaks.test", 0) => Says::Addresses(&[STAGING]),
        ("moves.test" | "metadata.test", _) => Says::Addresses(&[METADATA]),
        ("both.test", _) => Says::Addresses(&[STAGING, METADATA]),
        ("loopback.test", _) => Says::Addresses(&[Ipv4Addr::LOCALHOST]),
        ("empty.test", _) => Says::Addresses(&[]),
        ("gone.test", _) => Says::NoSuchName,
        ("silent.test", _) => Says::Nothing,
        _ => Says::Broken,
    }
}

/// Answers questions for A and AAAA until the process ends; how often each name's A was asked for.
fn resolve() -> Arc<Mutex<BTreeMap<String, u64>>> {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    let asked: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            if let Some(answer) = answer(&question[..length], &kept) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    asked
}

/// RFC 1035, 4.1: the header, the question again, and addresses without a time to live.
fn answer(question: &[u8], asked: &Mutex<BTreeMap<String, u64>>) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels = Vec::new();
    while question[at] != 0 {
        let length = usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..=at + length]).into_owned());
        at += length + 1;
    }
    let (name, kind) = (labels.join("."), question[at + 2]);
    let is_v4 = kind == 1;
    let before = {
        let mut asked = asked.lock().unwrap();
        let count = asked.entry(name.clone()).or_default();
        *count += u64::from(is_v4);
        *count - u64::from(is_v4)
    };
    let (addresses, code) = match says(&name, before) {
        Says::Addresses(addresses) => (if is_v4 { addresses } else { &[] }, 0),
        Says::NoSuchName => (&[][..], 3),
        Says::Broken => (&[][..], 2),
        Says::Nothing => return None,
    };
    let count = u8::try_from(addresses.len()).unwrap();
    let mut answer = [&question[..2], &[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0], &question[12..at + 5]].concat();
    for address in addresses {
        answer.extend([&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4], address.octets().as_slice()].concat());
    }
    Some(answer)
}

/// Serves on an address until the process ends; how many connections there were.
fn serve(address: Ipv4Addr) -> Arc<AtomicU64> {
    let listener = TcpListener::bind((address, PORT)).unwrap();
    let connections = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|count| count > 0) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").ok()?;
                }
                Some(())
            });
        }
    });
    connections
}

/// What makes a network of its own, in which our resolver is the only one.
const PREPARE: &str = "ip link set lo up && ip addr add 10.77.0.1/32 dev lo && ip addr add 169.254.169.254/32 dev lo \
    && mount --bind \"$RESOLVERS\" /etc/resolv.conf";

#[test]
fn names_are_looked_up_once_and_every_address_is_looked_at() {
    if !["unshare", "mount", "ip"].into_iter().all(has_tool) {
        return;
    }
    let resolvers = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(resolvers.path(), "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n").unwrap();
    let apart = |flags: &str, then: &str| {
        let mut command = Command::new("unshare");
        command.args([flags, "sh", "-c", &format!("{PREPARE} && {then}")]).arg(std::env::current_exe().unwrap());
        command.env("RESOLVERS", resolvers.path()).output().unwrap()
    };
    let Some(flags) = ["-mn", "-rmn"].into_iter().find(|flags| apart(flags, "true").status.success()) else {
        return skip(Lacking::Right(TO_HAVE_A_NETWORK));
    };
    let ended = apart(flags, "exec \"$0\" --exact dns::inside --ignored --nocapture");
    let told = [ended.stdout, ended.stderr].concat();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&told));
}

#[test]
#[ignore = "is run by the test above, in a network of its own"]
fn inside() {
    let (asked, staging, metadata) = (resolve(), serve(STAGING), serve(METADATA));
    let rows = [
        ("gone.test", 4, "error: cannot resolve gone.test: "),
        ("broken.test", 4, "error: cannot resolve broken.test: "),
        ("silent.test", 4, "error: cannot resolve silent.test: "),
        ("empty.test", 4, "error: cannot resolve empty.test: "),
        ("metadata.test", 7, "error: `metadata.test` resolves to a blocked address: link-local"),
        ("both.test", 7, "error: `both.test` resolves to a blocked address: link-local"),
        ("loopback.test", 7, "error: `loopback.test` resolves to a blocked address: this machine itself, behind another name"),
    ];
    at_once(&rows, |(name, code, said)| {
        let trial = Trial::on(&format!("http://{name}:{PORT}"));
        trial.perfgate("check shop.yaml").with(*code).says(said).says("hint: ");
        assert_eq!(trial.json("perfgate-out/run.json")["generator"]["scheduled"], 0, "{name}");
    });
    assert_eq!((staging.load(Ordering::SeqCst), metadata.load(Ordering::SeqCst)), (0, 0));
    for name in ["shop.test", "moves.test", "breaks.test"] {
        let trial = Trial::on(&format!("http://{name}:{PORT}"));
        trial.edit("shop.yaml", "think: 20ms", "think: 20ms\nconnections: per_request\nready: /health");
        let ended = trial.ended(trial.start("check shop.yaml --max-duration 1s"));
        assert!([0, 3].contains(&ended.code), "{name}: {}", ended.stdout);
        let run = trial.json("perfgate-out/run.json");
        assert_eq!(run["endpoints"][0]["failures"]["total"], 0, "{name}: {run:#}");
        assert!(run["endpoints"][0]["ok"].as_u64().unwrap() > 50, "{name}");
        assert_eq!(asked.lock().unwrap()[name], 1, "{name} was looked up again");
    }
    assert_eq!(metadata.load(Ordering::SeqCst), 0, "V8");
}

/// L17, L18, T09: the load has the addresses that were checked before it, and a target whose name nobody knows any more.
#[test]
fn a_load_goes_to_the_addresses_that_were_checked_whatever_becomes_of_the_name() {
    let server = Server::start(|_| ok());
    let of = |host: &str| crate::resources::scenario(&format!("http://{host}:{}", server.address.port()), "{users: 4, hold: 300ms}");
    let endpoints = preflight(&of("127.0.0.1"), CertificateCheck::Required, &Abort::default()).unwrap();
    let scenario = of("gone.invalid");
    assert!(preflight(&scenario, CertificateCheck::Required, &Abort::default()).is_err(), "nobody knows the name");
    let order = Order { plan: Arc::new(Plan::new(&scenario, 100)), scenario, endpoints, heading: crate::resources::heading(2) };
    let run = drive(order, &Abort::default(), &mut |_| ()).unwrap();
    let received = server.received();
    assert!(run.generator.ok > 10 && run.generator.failed == 0, "{:?}", run.generator);
    assert_eq!(run.generator.ok, received.len() as u64);
    assert!(received.iter().all(|request| request.header("host").starts_with("gone.invalid:")), "it is asked by its name");
}
