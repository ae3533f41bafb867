//! The pages to learn from: every scenario of the one that teaches by example runs against the demo shop, as does the one
//! that all pages for those who come from another tool show; the Locust file on its page is drafted to the same requests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{Shop, Workspace, at_once};

const PAGES: [&str; 3] = ["coming-from-locust.md", "coming-from-k6.md", "coming-from-jmeter.md"];

/// The blocks of a page in a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(page)).unwrap();
    let fenced = text.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    fenced.filter(|(info, _)| *info == language).map(|(_, text)| text.to_owned()).collect()
}

fn scenario_of(page: &str) -> String {
    let scenarios: Vec<String> = blocks(page, "yaml").into_iter().filter(|block| block.starts_with("version: 1\nname:")).collect();
    assert_eq!(scenarios.len(), 1, "{page}");
    scenarios.into_iter().next().unwrap_or_default()
}

/// Runs `shopper.yaml` and gives the endpoints that were asked; nothing may fail.
fn asked(workspace: &Workspace) -> BTreeSet<String> {
    let shop = Shop::deploy(None);
    workspace.perfgate("validate shopper.yaml").with(0);
    let arguments = format!("run shopper.yaml --target {} --users 12 --duration 4s", shop.url());
    // On a busy machine the measurement may be doubtful; what was asked is not.
    let ended = workspace.start(&arguments).end();
    assert!([0, 3].contains(&ended.code), "{}", ended.stderr);
    let run = workspace.json("perfgate-out/run.json");
    assert_eq!(run["generator"]["failed"], 0, "{run:#}");
    run["endpoints"].as_array().unwrap().iter().map(|endpoint| endpoint["name"].as_str().unwrap().to_owned()).collect()
}

fn workspace() -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.set_variable("STAGING_PASSWORD", "demo");
    workspace
}

#[test]
fn every_page_shows_the_same_scenario_and_it_runs() {
    let scenarios: BTreeSet<String> = PAGES.iter().map(|page| scenario_of(page)).collect();
    assert_eq!(scenarios.len(), 1, "{scenarios:#?}");
    let workspace = workspace();
    workspace.write("shopper.yaml", &scenario_of(PAGES[0]).replace("ramp: 20s", "ramp: 1s"));
    let expected = ["GET /api/products", "GET /api/products/:id", "POST /api/cart", "POST /api/checkout", "POST /auth/token"];
    assert_eq!(asked(&workspace), expected.map(str::to_owned).into());
}

#[test]
fn the_locust_file_of_its_page_is_drafted_to_the_same_requests() {
    let written = workspace();
    written.write("shopper.yaml", &scenario_of(PAGES[0]).replace("ramp: 20s, ", ""));
    let drafted = workspace();
    drafted.write("locustfile.py", &blocks(PAGES[0], "python").concat());
    let ended = drafted.perfgate("init --from-locust locustfile.py --name shopper").with(0);
    assert!(!ended.stderr.contains("not carried over"), "{}", ended.stderr);
    assert_eq!(asked(&drafted), asked(&written));
}

/// As people write them: two kinds of user, a table of accounts, a sequence within a class, and what an answer gave.
const LOCUSTFILE: &str = r#"
import csv
import logging
import random
from locust import HttpUser, SequentialTaskSet, between, constant, tag, task

USERS = list(csv.DictReader(open("users.csv")))
WORDS = ["oak", "walnut", "steel"]


class ShopUser(HttpUser):
    wait_time = between(0.1, 0.3)
    weight = 4
    host = "http://127.0.0.1:8080"

    def on_start(self):
        user = USERS.pop()
        with self.client.post("/auth/token", json={"username": user["username"], "password": "demo"}, catch_response=True) as response:
            if response.status_code != 200:
                response.failure("could not log in")
                return
            self.token = response.json()["access_token"]
            self.team = response.json()["user"]["team_id"]
        self.client.headers.update({"Authorization": "Bearer " + self.token})

    @tag("read")
    @task(5)
    def browse(self):
        r = self.client.get(f"/api/products?page={random.randint(1, 15)}", name="/api/products")
        item = random.choice(r.json()["items"])
        self.client.get("/api/products/%s" % item["id"], name="/api/products/:id")

    @task(2)
    def search(self):
        self.client.get("/api/search", params={"q": random.choice(WORDS)})

    @task
    def team(self):
        self.client.get("/api/teams/{}/members".format(self.team), name="/api/teams/:id/members")

    @task
    class Checkout(SequentialTaskSet):
        @task
        def add(self):
            self.client.post("/api/cart", json={"id": f"p-{random.randint(100, 300)}"})

        @task
        def pay(self):
            r = self.client.post("/api/checkout")
            if r.status_code == 201:
                order = r.json()["id"]
                self.client.get(f"/api/orders/{order}", name="/api/orders/:id")
            self.interrupt()


class Robot(HttpUser):
    wait_time = constant(0.2)
    host = "http://127.0.0.1:8080"

    @task
    def health(self):
        self.client.get("/health")
        logging.info("ok")
"#;

#[test]
fn a_locust_file_as_people_write_them_runs_after_init() {
    let drafted = workspace();
    drafted.write("locustfile.py", LOCUSTFILE);
    let users = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/users.csv")).unwrap();
    drafted.write("users.csv", &users);
    let ended = drafted.perfgate("init --from-locust locustfile.py --name shopper").with(0);
    assert!(!ended.stderr.contains("not carried over"), "{}", ended.stderr);
    let expected = [
        "GET /api/orders/:id",
        "GET /api/products",
        "GET /api/products/:id",
        "GET /api/search",
        "GET /api/teams/:id/members",
        "GET /health",
        "POST /api/cart",
        "POST /api/checkout",
        "POST /auth/token",
    ];
    assert_eq!(asked(&drafted), expected.map(str::to_owned).into(), "{}", drafted.read("shopper.yaml"));
}

#[test]
fn every_scenario_of_the_page_of_examples_runs_against_the_shop() {
    let scenarios: Vec<String> = blocks("README.md", "yaml").into_iter().filter(|block| block.starts_with("version: 1\nname:")).collect();
    assert!(scenarios.len() >= 5, "{scenarios:#?}");
    at_once(&scenarios, |scenario| {
        let (shop, workspace) = (Shop::deploy(None), workspace());
        workspace.write("page.yaml", scenario);
        workspace.perfgate("validate page.yaml").with(0);
        // On a busy machine the measurement may be doubtful; what was asked is not.
        let ended = workspace.start(&format!("run page.yaml --target {} --duration 2s", shop.url())).end();
        assert!([0, 3].contains(&ended.code), "{}", ended.stderr);
        let run = workspace.json("perfgate-out/run.json");
        assert_eq!(run["generator"]["failed"], 0, "{scenario}\n{run:#}");
        for endpoint in run["endpoints"].as_array().unwrap() {
            assert!(endpoint["requests"].as_u64() > Some(0), "{endpoint:#}");
        }
    });
}

#[test]
fn every_file_that_the_page_of_examples_names_is_there_and_none_is_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let page = fs::read_to_string(folder.join("README.md")).unwrap();
    let named: BTreeSet<&str> = page.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()).collect();
    for name in &named {
        assert!(folder.join(name).is_file(), "{name}");
    }
    for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let is_scenario = entry.path().extension().is_some_and(|extension| extension == "yaml");
        assert!(!is_scenario || named.contains(name.as_str()), "{name}");
    }
}
