//! Exit codes 4, 5 and 6: the target, the baseline or the place for the results is not fit. Only a target that is not
//! there leaves a verdict, which says so.

use std::net::TcpListener;

#[cfg(unix)]
use crate::support::Stranger;
use crate::support::{Reply, Server, Workspace, at_once};

/// A port of this machine that nobody listens on.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_target_that_is_not_there_is_no_verdict_on_the_release() {
    let server = Server::start(|request| if request.line == "GET /health" { Reply::status(503) } else { Reply::ok() });
    let rows = [
        (closed_port(), "", "did not accept a connection", "is it up, on this port"),
        ("http://no-such-host.invalid".to_owned(), "", "cannot resolve no-such-host.invalid", "is the name right"),
        (server.url().replace("http:", "https:"), "", "TLS with 127.0.0.1:", "is the certificate valid"),
        (server.url(), "ready: /health", "/health answered 503, expected 2xx", "must answer 2xx before the load begins"),
    ];
    at_once(&rows, |(target, more, said, hint)| {
        let workspace = Workspace::with_shop(target);
        workspace.append("shop.yaml", more);
        workspace.perfgate("check shop.yaml").with(4).says(said).says(hint).prints("exit 4 (target unavailable)");
        let verdict = workspace.json("perfgate-out/verdict.json");
        assert_eq!((&verdict["outcome"], &verdict["exit_code"]), (&"error".into(), &4.into()), "{said}");
        assert_eq!(verdict["reasons"][0]["code"], "target_unavailable", "{said}");
        assert!(verdict["reasons"][0]["text"].as_str().unwrap().contains(said), "{verdict}");
        assert_eq!(workspace.json("perfgate-out/run.json")["complete"], false, "{said}");
        workspace.perfgate("check shop.yaml --soft").with(4);
        workspace.perfgate("run shop.yaml --out other").with(4);
        workspace.perfgate("baseline refresh shop.yaml").with(4);
        assert!(!workspace.has(".perfgate/baselines/shop/baseline.json"), "{said}");
    });
    assert!(server.remembered().iter().all(|request| request.line == "GET /health"), "the load began");
}

#[test]
fn a_baseline_that_was_named_and_is_not_usable_ends_before_the_load() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.write("corrupt.json", "{\"format\": \"perfgate-run\", \"ver");
    workspace.write("other.json", "{\"format\": \"other\", \"version\": 1}");
    workspace.write("newer.json", "{\"format\": \"perfgate-run\", \"version\": 99}");
    workspace.write("store/baseline.json", "[]");
    for (flags, said) in [
        ("--baseline gone.json", "error: baseline gone.json does not exist\nhint: name a `run.json`, a folder of runs, or `none`; "),
        ("--baseline nope", "error: baseline nope does not exist"),
        ("--baseline corrupt.json", "error: baseline corrupt.json is corrupt: not a run file: "),
        ("--baseline other.json", "error: baseline other.json is corrupt: format is \"other\""),
        ("--baseline newer.json", "hint: it was written by a newer perfgate"),
        ("--baseline store", "error: baseline store/baseline.json is corrupt: "),
        ("--soft --baseline gone.json", "error: baseline gone.json does not exist"),
    ] {
        workspace.perfgate(&format!("check shop.yaml {flags}")).with(5).says(said);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_corrupt_run_in_the_store_ends_before_the_load() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.perfgate("baseline refresh shop.yaml --duration 200ms").with(0);
    let runs = ".perfgate/baselines/shop/runs";
    let run = format!("{runs}/{}", workspace.names(runs).pop_first().unwrap());
    let whole = workspace.read(&run);
    let connections = server.connections();
    workspace.write(&run, &whole[..whole.len() / 2]);
    workspace
        .perfgate("check shop.yaml")
        .with(5)
        .says(&format!("error: baseline {run} is corrupt: "))
        .says("hint: remove the file, or restore it");
    std::fs::remove_file(workspace.path(&run)).unwrap();
    workspace.perfgate("check shop.yaml").with(5).says("is listed in `baseline.json`, but missing");
    assert_eq!(server.connections(), connections);
}

#[test]
fn a_required_baseline_that_is_missing_is_its_own_exit_code() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("thresholds/shop.yaml", "400ms", "{max: 400ms, rise: 10%}");
    workspace.append("thresholds/shop.yaml", "gate: {baseline: {missing: fail}}");
    workspace.perfgate("check shop.yaml").with(5).prints("exit 5 (baseline unusable)").prints("hint: keep baseline runs first");
}

#[test]
fn a_place_that_takes_no_results_is_found_before_the_load() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.write("file", "x");
    for (arguments, place) in [
        ("check shop.yaml --out file", "file"),
        ("check shop.yaml --out file/below", "file/below"),
        ("run shop.yaml --out file", "file"),
        ("baseline refresh shop.yaml --out file", "file"),
    ] {
        workspace.perfgate(arguments).with(6).says(&format!("error: cannot write {place}: ")).says("hint: is the folder writable");
    }
    assert_eq!(server.connections(), 0);
    assert_eq!(workspace.read("file"), "x");
}

/// Whoever may write everywhere, as the superuser, cannot be refused: then somebody else is.
#[cfg(unix)]
#[test]
fn a_folder_without_write_permission_is_found_before_the_load() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    let folder = workspace.path("perfgate-out");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    let command = || workspace.command("check shop.yaml");
    let ended = if std::fs::write(folder.join("probe"), "").is_err() {
        workspace.run(command)
    } else {
        let Some(stranger) = Stranger::new() else { return };
        std::fs::remove_file(folder.join("probe")).unwrap();
        workspace.run(|| stranger.gives(&workspace, &command()))
    };
    ended.with(6).says("error: cannot write perfgate-out: Permission denied");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_result_that_cannot_be_written_hides_no_breach() {
    let server = Server::start(|_| Reply::slow(30));
    for (limit, code) in [("400ms", 6), ("5ms", 1)] {
        let workspace = Workspace::with_shop(&server.url());
        workspace.edit("thresholds/shop.yaml", "400ms", limit);
        std::fs::create_dir_all(workspace.path("perfgate-out/summary.md")).unwrap();
        workspace.perfgate("check shop.yaml").with(code).says("cannot write perfgate-out/summary.md: ");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_a_delivery_problem_and_hides_no_breach() {
    let server = Server::start(|_| Reply::slow(30));
    for (limit, code) in [("400ms", 6), ("5ms", 1)] {
        let workspace = Workspace::with_shop(&server.url());
        workspace.edit("thresholds/shop.yaml", "400ms", limit);
        let to_full_device = || {
            let mut command = workspace.command("check shop.yaml");
            command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
            command
        };
        workspace.run(to_full_device).with(code);
    }
}
