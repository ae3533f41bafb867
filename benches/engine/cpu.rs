//! CPU time of a request: 64 kept-alive connections, an answer of 73 bytes, everything recorded. All clients take turns,
//! round by round, so that whatever else the machine does meets them alike.

use std::time::Duration;

use crate::peers::{CONNECTIONS, Peer};
use crate::process::{Finished, run_client};
use crate::program::Perfgate;
use crate::table::{Chapter, Spread, number, spread};
use crate::target::{Kind, Target};
use crate::{Failure, Options, progress};

const ABOUT: &str = "CPU time (user and system, of the whole process from start to end) over the requests that the target counted; 64 \
kept-alive connections, client and target on a core each. Medians, with the lowest and the highest; ratios are taken within each round. \
Goals: at most 1.0 of wrk; 0.65 of oha, 0.1 of k6, 0.04 of Locust.";

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Perfgate,
    Peer(Peer),
}

/// What one client did in each round.
#[derive(Debug, Default)]
struct Costs {
    micros: Vec<f64>,
    rates: Vec<f64>,
}

pub fn measure(options: &Options) -> Result<Chapter, Failure> {
    let target = Target::start(Kind::Plain)?;
    let mut clients: Vec<(Client, Costs)> = vec![(Client::Perfgate, Costs::default())];
    clients.extend(Peer::installed().into_iter().map(|peer| (Client::Peer(peer), Costs::default())));
    for round in 1..=options.rounds {
        // Each round begins with another client, so that none is always the first.
        clients.rotate_left(1);
        for (client, costs) in &mut clients {
            let (cpu, requests) = client.load(&target, options.seconds)?;
            let micros = cpu.as_secs_f64() * 1e6 / number(requests);
            progress(&format!("cpu {round}/{}: {} {micros:.2} us/request, {requests} requests", options.rounds, client.name()));
            costs.micros.push(micros);
            costs.rates.push(number(requests) / f64::from(options.seconds));
        }
    }
    let turned = options.rounds as usize % clients.len();
    clients.rotate_right(turned);
    Ok(chapter(&clients))
}

fn chapter(clients: &[(Client, Costs)]) -> Chapter {
    let mut chapter =
        Chapter::new("CPU time of a request", ABOUT, &["client", "us/request", "ratio to wrk", "perfgate's ratio to it", "requests/s"]);
    let own = &clients[0].1.micros;
    let wrk = clients.iter().find(|(client, _)| *client == Client::Peer(Peer::Wrk)).map(|(_, costs)| &costs.micros);
    for (client, costs) in clients {
        let to_wrk = wrk.and_then(|wrk| ratio(&costs.micros, wrk));
        chapter.row([
            client.name().to_owned(),
            spread(Spread::of(&costs.micros), 2),
            spread(to_wrk, 2),
            spread(ratio(own, &costs.micros), 2),
            spread(Spread::of(&costs.rates), 0),
        ]);
    }
    chapter
}

fn ratio(ours: &[f64], theirs: &[f64]) -> Option<Spread> {
    Spread::of(&ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
}

impl Client {
    const fn name(self) -> &'static str {
        match self {
            Self::Perfgate => "perfgate",
            Self::Peer(peer) => peer.program(),
        }
    }

    /// The CPU time of one load, and how many requests the target has seen of it.
    fn load(self, target: &Target, seconds: u32) -> Result<(Duration, u64), Failure> {
        let scenario = Perfgate::new(&target.url(), &format!("{{users: {CONNECTIONS}, hold: {seconds}s}}"), "")?;
        let mut command = match self {
            Self::Perfgate => scenario.command(),
            Self::Peer(peer) => peer.saturating(&target.url(), seconds, scenario.folder())?,
        };
        let before = target.count()?;
        let Finished { output, cpu } = run_client(&mut command)?;
        let requests = target.count()? - before;
        if requests == 0 {
            return Err(format!("{} sent nothing: {}", self.name(), String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok((cpu, requests))
    }
}
