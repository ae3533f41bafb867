//! Pages of a long history, asked for as a browser asks.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::*;
use crate::history::samples::history;

/// A history of so many runs, and the way into it.
struct Served {
    dashboard: Dashboard,
    host: String,
    cookie: String,
}

impl Served {
    fn of(runs: u32) -> Self {
        let content = Content { history: Some(Arc::new(history(runs))), ..Content::default() };
        let dashboard = Dashboard::open("127.0.0.1:0".parse().unwrap(), Reach::ThisMachine, content).unwrap();
        let (host, token) = dashboard.url().trim_start_matches("http://").split_once('/').unwrap();
        let (host, token) = (host.to_owned(), token.to_owned());
        let opened = exchange(&host, &format!("GET /{token}"), "");
        let cookie = opened.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next()).unwrap();
        let cookie = format!("Cookie: {cookie}\r\n");
        Self { dashboard, host, cookie }
    }

    fn ask(&self, path: &str) -> Duration {
        let begun = Instant::now();
        let answer = exchange(&self.host, &format!("GET {path}"), &self.cookie);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.len() > 1000, "{path}: {answer}");
        begun.elapsed()
    }
}

fn exchange(host: &str, line: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What a page shows is as much in both; the best of some tries counts, in turns, because a machine may be busy. Of a release
/// build each page of ten thousand runs takes a small part of the 100 ms that it may take: the figures are printed.
#[test]
fn a_page_of_ten_thousand_runs_takes_about_as_long_as_one_of_six_hundred() {
    let (many, few) = (Served::of(10_000), Served::of(600));
    let pages = [
        ("/", "/"),
        ("/?page=100", "/?page=6"),
        ("/?scenario=shop+3", "/?scenario=shop+3"),
        ("/?outcome=fail&page=20", "/?outcome=fail&page=2"),
        ("/compare?run=1&run=2", "/compare?run=1&run=2"),
        ("/api/runs?page=100", "/api/runs?page=6"),
    ];
    for (of_many, of_few) in pages {
        let (mut slow, mut quick) = (Duration::MAX, Duration::MAX);
        for _ in 0..7 {
            (slow, quick) = (slow.min(many.ask(of_many)), quick.min(few.ask(of_few)));
        }
        println!("{of_many}: {slow:?} of 10,000 runs, {quick:?} of 600");
        assert!(slow < 3 * quick + Duration::from_millis(40), "{of_many}: {slow:?}, and {quick:?} of 600");
    }
    many.dashboard.close();
    few.dashboard.close();
}
