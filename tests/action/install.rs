//! How the program comes to the runner: downloaded and verified where it was released, built otherwise, refused in doubt.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::support::{Machine, Program, Runner};

const ADDRESS: &str = "https://github.com/acme/perfgate/releases/download/v0.1.0";
const GNU: &str = "x86_64-unknown-linux-gnu";
const MUSL: &str = "x86_64-unknown-linux-musl";

fn machine() -> Machine {
    Machine::with(Program::Recorder)
}

/// The line that a release has for this archive.
fn listed(archive: &Path) -> String {
    let sum: Vec<String> = Sha256::digest(fs::read(archive).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}  {ADDRESS}/{}\n", sum.concat(), archive.file_name().unwrap().to_string_lossy())
}

fn list(machine: &Machine, archives: &[&Path]) {
    let lines: Vec<String> = archives.iter().map(|archive| listed(archive)).collect();
    machine.write("action/.github/checksums.txt", &format!("# what was released\n{}", lines.concat()));
}

/// With the program released for this target.
fn released(target: &str) -> Machine {
    let machine = machine();
    let archive = machine.release(target, &machine.read("home/perfgate"));
    list(&machine, &[&archive]);
    machine
}

#[test]
fn a_commit_between_releases_is_built_from_its_own_source() {
    let mut runner = Runner::new(machine());
    runner.action(&[("command", "install")]).with(0).says("Building perfgate");
    let action = runner.machine.path("action").to_string_lossy().into_owned();
    let folder = runner.machine.path("temp/perfgate").to_string_lossy().into_owned();
    let asked = format!("{action}\ninstall --locked --force --path {action} --root {folder} --target-dir {folder}/target\n");
    assert_eq!(runner.machine.read("home/cargo"), asked);
    assert!(!runner.machine.has("home/curl"), "something was downloaded");
    assert!(runner.machine.asked().is_empty(), "`install` runs nothing");
    runner.action(&[("command", "publish")]).with(0);
    assert_eq!(runner.machine.asked(), [["publish", "--", "perfgate-out"]]);
}

#[test]
fn a_release_is_downloaded_from_where_it_is_listed_and_run() {
    for version in ["", "v0.1.0", "0.1.0"] {
        let mut runner = Runner::new(released(GNU));
        runner.action(&[("command", "publish"), ("version", version)]).with(0);
        assert_eq!(runner.machine.asked().len(), 1);
        assert!(!runner.machine.has("home/cargo"), "it was built");
        let asked = runner.machine.read("home/curl");
        assert!(asked.contains("--proto =https") && asked.ends_with(&format!(" {ADDRESS}/perfgate-{GNU}.tar.gz\n")), "{asked}");
    }
}

#[test]
fn a_file_with_another_checksum_is_refused_and_never_run() {
    let machine = released(GNU);
    machine.release(GNU, "#!/bin/sh\ntouch \"$HOME/ran\"\n");
    let mut runner = Runner::new(machine);
    let ended = runner.action(&[("scenario", "shop.yaml")]).with(7).says("::error title=perfgate::refused: ").says("not what was released");
    assert_eq!((ended.output("outcome"), ended.output("exit-code")), ("error", "7"));
    for trace in ["home/ran", "home/cargo", "temp/perfgate/bin/perfgate", "temp/perfgate/x86_64-unknown-linux-gnu.tar.gz"] {
        assert!(!runner.machine.has(trace), "{trace}");
    }
    assert!(runner.machine.asked().is_empty());
}

#[test]
fn a_machine_with_another_c_library_gets_the_program_that_starts_there() {
    let machine = machine();
    let gnu = machine.release(GNU, "#!/bin/sh\nexit 127\n");
    let musl = machine.release(MUSL, &machine.read("home/perfgate"));
    list(&machine, &[&gnu, &musl]);
    let mut runner = Runner::new(machine);
    runner.action(&[("command", "publish")]).with(0);
    assert_eq!(runner.machine.asked().len(), 1);
    assert!(!runner.machine.has("home/cargo"));
}

#[test]
fn what_cannot_be_downloaded_or_was_not_released_is_built() {
    let gone = released(GNU);
    fs::remove_file(gone.path("releases/perfgate-x86_64-unknown-linux-gnu.tar.gz")).unwrap();
    let mut runner = Runner::new(gone);
    runner.action(&[("command", "install")]).with(0).says("::warning title=perfgate::https://").says("Building perfgate");

    let mut other = Runner::new(released(GNU));
    other.system = ("Linux", "RISCV64");
    other.action(&[("command", "install")]).with(0).says("Building perfgate");
    assert!(!other.machine.has("home/curl"));

    let mut source = Runner::new(released(GNU));
    source.action(&[("command", "install"), ("version", "source")]).with(0).says("Building perfgate");
    assert!(!source.machine.has("home/curl"));
}

#[test]
fn each_system_gets_its_own_file() {
    let rows = [
        (("Linux", "X64"), GNU),
        (("Linux", "ARM64"), "aarch64-unknown-linux-gnu"),
        (("macOS", "X64"), "x86_64-apple-darwin"),
        (("macOS", "ARM64"), "aarch64-apple-darwin"),
    ];
    for (system, target) in rows {
        let mut runner = Runner::new(released(target));
        runner.system = system;
        runner.action(&[("command", "install")]).with(0);
        assert!(!runner.machine.has("home/cargo"), "{target}");
    }
}

#[test]
fn where_it_cannot_be_had_the_message_says_so() {
    let without_cargo = machine();
    fs::remove_file(without_cargo.path("bin/cargo")).unwrap();
    let ended = Runner::new(without_cargo).action(&[("scenario", "shop.yaml")]).with(6).says("no cargo to build it; hint: install Rust");
    assert_eq!((ended.output("outcome"), ended.output("exit-code")), ("error", "6"));

    let failing = machine();
    failing.write_program("bin/cargo", "#!/bin/sh\nexit 101\n");
    Runner::new(failing).action(&[("scenario", "shop.yaml")]).with(6).says("could not be built");

    let mut windows = Runner::new(machine());
    windows.system = ("Windows", "X64");
    windows.action(&[("scenario", "shop.yaml")]).with(6).says("does not run on Windows yet");
}

#[test]
fn another_version_than_the_actions_own_is_refused_with_the_remedy() {
    let rows =
        [(released(GNU), "v9.9.9", "this action is v0.1.0, not v9.9.9"), (machine(), "v0.1.0", "a commit between releases, not v0.1.0")];
    for (machine, version, said) in rows {
        let mut runner = Runner::new(machine);
        runner.action(&[("scenario", "shop.yaml"), ("version", version)]).with(2).says(said).says("hint: name the release behind the @");
        assert!(!runner.machine.has("home/cargo") && !runner.machine.has("home/curl"));
    }
}
