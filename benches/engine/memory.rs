//! Resident memory of users who have made a request and think: what a crowd takes beyond what ten users take.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::peers::Peer;
use crate::process::{Place, resident_memory, spawn};
use crate::program::Perfgate;
use crate::table::{Chapter, Spread, number, spread};
use crate::target::{Kind, Target};
use crate::{Failure, Options, progress};

const ABOUT: &str = "Resident memory with 10,000 users, each with an open connection and thinking, less that with 10 users, for each of \
them. Median with the lowest and the highest of the rounds; other generators once. Goal: at most 5 KB.";

const MANY: u64 = 10_000;
const FEW: u64 = 10;
/// How long a crowd may take to gather.
const PATIENCE: Duration = Duration::from_secs(180);
/// Until what the last requests have left behind is worked off.
const SETTLING: Duration = Duration::from_secs(3);

pub fn measure(options: &Options) -> Result<Chapter, Failure> {
    let many = MANY.min(perfgate::load::descriptor_limit());
    let mut chapter = Chapter::new("Memory of a thinking user", ABOUT, &["client", "KB/user", "MB with 10 users", "users"]);
    chapter.row(row("perfgate", many, options.rounds, |target, users| {
        let scenario = Perfgate::new(&target.url(), &format!("{{users: {users}, ramp: 5s, hold: 10m}}"), "think: 10m\n")?;
        resident(&mut scenario.command(), target, users)
    })?);
    for peer in Peer::installed().into_iter().filter(|peer| peer.has_users()) {
        chapter.row(row(peer.program(), many, 1, |target, users| {
            let folder = tempfile::tempdir()?;
            resident(&mut peer.crowd(&target.url(), users, folder.path())?, target, users)
        })?);
    }
    Ok(chapter)
}

/// `resident_with` tells what a client with so many users takes.
fn row(name: &str, many: u64, rounds: u32, resident_with: impl Fn(&Target, u64) -> Result<u64, Failure>) -> Result<[String; 4], Failure> {
    let (mut each, mut base) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let small = resident_with(&Target::start(Kind::Plain)?, FEW)?;
        let large = resident_with(&Target::start(Kind::Plain)?, many)?;
        progress(&format!("memory {round}/{rounds}: {name} {small} bytes with {FEW} users, {large} with {many}"));
        each.push((number(large) - number(small)) / number(many - FEW) / 1024.0);
        base.push(number(small) / 1024.0 / 1024.0);
    }
    Ok([name.to_owned(), spread(Spread::of(&each), 2), spread(Spread::of(&base), 1), many.to_string()])
}

/// Memory of a client once each of its users has made a request. The client is then ended.
fn resident(command: &mut Command, target: &Target, users: u64) -> Result<u64, Failure> {
    let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()), Place::Client)?;
    let gathered = wait_for(target, users).and_then(|()| resident_memory(child.id()));
    child.kill()?;
    child.wait()?;
    gathered
}

fn wait_for(target: &Target, users: u64) -> Result<(), Failure> {
    let begun = Instant::now();
    while target.count()? < users {
        if begun.elapsed() > PATIENCE {
            return Err(format!("only {} of {users} users came within {PATIENCE:?}", target.count()?).into());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(SETTLING);
    Ok(())
}
