use proptest::prelude::*;

use super::*;
use crate::init::first_files;

fn drafted(text: &str) -> (String, Vec<String>) {
    let mut draft = from_locust("locustfile.py", text, None, None).unwrap_or_else(|error| panic!("{error}"));
    let files = first_files(&mut draft).unwrap_or_else(|error| panic!("{error}\n{}", crate::init::write::scenario_yaml(&draft)));
    (files.scenario, draft.notes)
}

/// The first file of Locust's own documentation.
const QUICKSTART: &str = r#"
import time
from locust import HttpUser, task, between

class QuickstartUser(HttpUser):
    wait_time = between(1, 5)

    @task
    def hello_world(self):
        self.client.get("/hello")
        self.client.get("/world")

    @task(3)
    def view_items(self):
        for item_id in range(10):
            self.client.get(f"/item?id={item_id}", name="/item")
            time.sleep(1)

    def on_start(self):
        self.client.post("/login", json={"username":"foo", "password":"bar"})
"#;

#[test]
fn the_first_file_of_locusts_documentation_is_carried_over() {
    let (scenario, notes) = drafted(QUICKSTART);
    let expected = "\
target: https://staging.locustfile.example
env: [STAGING_PASSWORD]
load: {users: 50, hold: 60s}
http: {redirects: 20}
start:
  - post: /login
    json: {password: \"${env.STAGING_PASSWORD}\", username: foo}
tasks:
  - name: hello_world
    think: 1s..5s
    steps:
      - get: /hello
      - get: /world
  - name: view_items
    weight: 3
    think: 1s..5s
    steps:
      - get: /item?id=${random_int(0, 9)}
        name: /item
        repeat: 10
        think: 1s
";
    assert!(scenario.replace("hold: 4m", "hold: 60s").ends_with(expected), "{scenario}");
    assert_eq!(notes.len(), 1, "{notes:#?}");
}

const SHOP: &str = r#"
import os, random, uuid
from locust import HttpUser, FastHttpUser, SequentialTaskSet, TaskSet, task, tag, constant_pacing, constant_throughput, constant, events, LoadTestShape

API_KEY = "k3y-abc"
COLORS = ["red", "blue"]

class Base(HttpUser):
    abstract = True
    host = "https://staging.shop.example"
    wait_time = constant_pacing(3)

    def on_start(self):
        """Log in."""
        self.login()

    def login(self):
        response = self.client.post("/auth", {"user": "jo", "pin": os.environ["SHOP_PIN"]}, headers={"X-Api-Key": API_KEY})
        self.token = response.json()["data"]["token"]
        self.client.headers.update({"Authorization": f"Bearer {self.token}"})

class Shopper(Base):
    weight = 3

    @tag("read", "fast")
    @task(4)
    def browse(self):
        with self.client.get("/products", params={"color": random.choice(COLORS), "n": random.randint(1, 9)}, catch_response=True) as response:
            if response.elapsed.total_seconds() > 1:
                response.failure("slow")
            data = response.json()
            product = data["items"][0]["id"]
        self.client.get("https://staging.shop.example/products/" + product, name="/products/[id]", timeout=5)
        self.client.get("http://127.0.0.1:1/foreign")

    @task
    def buy(l):
        r = l.client.put("/cart/" + str(uuid.uuid4()), json={"id": 5, "gift": False, "note": None, "tags": ["${a}"]}, auth=("jo", "s3cret"))
        assert r.status_code == 201
        order = r.headers.get("X-Order")
        l.client.delete("/orders/%s" % order)
        l.client.request("GET", f"/orders/{order}?api_key=q-k3y", allow_redirects=False)
        print(order)

class Steps(SequentialTaskSet):
    @task
    def one(self):
        self.client.get("/one")
    @task
    def two(self):
        self.client.get("/two")

class Admin(FastHttpUser):
    tasks = {Steps: 2}
    wait_time = constant_throughput(0.5)
    host = "https://admin.shop.example"

class Spike(LoadTestShape):
    def tick(self):
        return None

@events.test_start.add_listener
def started(environment, **kwargs):
    pass

while True:
    break
"#;

#[test]
fn classes_inherit_and_every_line_that_was_lost_is_named() {
    let (scenario, notes) = drafted(SHOP);
    for part in [
        "target: https://staging.shop.example\n",
        "users:\n  Shopper:\n    weight: 3\n    start:\n      - post: /auth\n        headers: {x-api-key: \"${env.STAGING_X_API_KEY}\"}\n        form: {user: jo, pin: \"${env.SHOP_PIN}\"}\n        save: {token: $.data.token}\n",
        "      - name: browse\n        weight: 4\n        tags: [read, fast]\n        pacing: 3s\n",
        "query: {color: \"${random_choice(\\\"red\\\", \\\"blue\\\")}\", \"n\": \"${random_int(1, 9)}\"}",
        "headers: {authorization: \"Bearer ${token}\"}",
        "save: {product: \"$.data",
        "- get: /products/${product}\n            name: \"/products/[id]\"",
        "timeout: 5s",
        "auth: {basic: {username: jo, password: \"${env.STAGING_PASSWORD}\"}}",
        "json: {gift: false, id: 5, note: null, tags: [\"$${a}\"]}",
        "expect: 201",
        "save: {order: {header: x-order}}",
        "- delete: /orders/${order}\n",
        "- get: /orders/${order}?api_key=${env.STAGING_API_KEY}",
        "  Admin:\n",
        "- name: Steps\n        weight: 2\n        pacing: 2s\n        steps:\n          - get: /one\n          - get: /two",
    ] {
        let part = part.replace("\"$.data", "\"$.items[0].id");
        assert!(scenario.contains(&part), "{part}\n{scenario}");
    }
    for part in [
        "not carried over: `if response.elapsed",
        "`self.client.get(\"http://127.0.0.1:1/foreign\")`",
        "not carried over: `allow_redirects=..`",
        "`Spike`, write its shape as phases",
        "`@events.test_start.add_listener`",
        "`while True:`",
        "several hosts",
    ] {
        assert!(notes.iter().any(|note| note.contains(part)), "{part}\n{notes:#?}");
    }
    assert!(
        !scenario.contains("k3y-abc")
            && !scenario.contains("q-k3y")
            && !scenario.contains("s3cret")
            && !notes.join("\n").contains("s3cret"),
        "{scenario}\n{notes:#?}"
    );
}

#[test]
fn the_lines_of_notes_are_those_of_the_file() {
    let (_, notes) = drafted(
        "from locust import HttpUser, task\nclass U(HttpUser):\n    host = 'http://a.example'\n    @task\n    def t(self):\n        self.client.get('/')\n        if x:\n            pass\n        open('f')\n",
    );
    assert_eq!(notes, ["lines 7 to 8: not carried over: `if x:`", "line 9: not carried over: `open('f')`"]);
}

fn body_of_a_task(body: &str) -> (String, Vec<String>) {
    let body = body.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
    let head =
        "USERS = list(csv.DictReader(open('data/users.csv')))\nclass U(HttpUser):\n  host = 'http://a.example'\n  @task\n  def t(self):\n";
    let (scenario, notes) = drafted(&format!("{head}{body}"));
    (scenario.split_once("tasks:\n").unwrap().1.to_owned(), notes)
}

#[test]
fn what_is_looked_up_in_an_answer_is_saved_there_once() {
    let (scenario, notes) = body_of_a_task(
        "r = self.client.get('/list')\nitems = r.json()['items']\nitem = random.choice(items)\nself.client.get('/one/%s' % item['id'], name='/one')\nself.client.get('/two/{}/{}'.format(item['id'], items[0]['name']), name='/two')\nself.client.post('/three', json={'id': item['id'], 'any': random.choice(r.json()['ids'])})\n",
    );
    assert_eq!(notes, [""; 0]);
    for part in [
        "- get: /list\n        save: {item_id: \"$.items[*].id random\", items_0_name: \"$.items[0].name\", ids: \"$.ids[*] random\"}\n",
        "- get: /one/${item_id}\n",
        "- get: /two/${item_id}/${items_0_name}\n",
        "json: {any: \"${ids}\", id: \"${item_id}\"}\n",
    ] {
        assert!(scenario.contains(part), "{part}\n{scenario}");
    }
    // Two members of one pick would be of two items.
    let (scenario, notes) = body_of_a_task(
        "r = self.client.get('/list')\nitem = random.choice(r.json())\na = item['id']\nself.client.get(f'/one/{a}')\nself.client.get(f'/two/{item[\"name\"]}')\n",
    );
    assert!(scenario.contains("save: {a: \"$[*].id random\"}\n") && scenario.contains("/one/${a}"), "{scenario}");
    assert!(!scenario.contains("/two") && notes.len() == 1 && notes[0].starts_with("line 10: "), "{scenario}\n{notes:#?}");
}

#[test]
fn a_branch_that_only_calls_an_answer_a_failure_is_what_is_expected() {
    for branch in [
        "if r.status_code == 201:\n  self.client.get('/good')\n",
        "if r.status_code != 201:\n  r.failure('no')\n  return\nself.client.get('/good')\n",
        "if r.status_code == 201:\n  r.success()\n  self.client.get('/good')\nelse:\n  r.failure('no')\n",
        "if r.status_code != 201:\n  raise RescheduleTask()\nelse:\n  self.client.get('/good')\n",
    ] {
        let (scenario, notes) = body_of_a_task(&format!("r = self.client.get('/first')\n{branch}"));
        assert!(scenario.ends_with("- get: /first\n        expect: 201\n      - get: /good\n"), "{scenario}");
        assert_eq!(notes, [""; 0], "{branch}");
    }
    for branch in ["if r.ok:\n  self.client.get('/good')\n", "if not r.ok:\n  r.failure('no')\nself.client.get('/good')\n"] {
        let (scenario, notes) = body_of_a_task(&format!("r = self.client.get('/first')\n{branch}"));
        assert!(scenario.ends_with("- get: /first\n      - get: /good\n") && notes.is_empty(), "{scenario}\n{notes:#?}");
    }
    for branch in ["if r.status_code == 201:\n  pass\nelse:\n  self.client.get('/bad')\n", "if x:\n  self.client.get('/bad')\n"] {
        let (scenario, notes) = body_of_a_task(&format!("r = self.client.get('/first')\n{branch}"));
        assert!(!scenario.contains("/bad") && notes.len() == 1, "{scenario}\n{notes:#?}");
    }
}

#[test]
fn rows_of_a_csv_file_are_data() {
    let (scenario, notes) = drafted(
        "import csv, random\nwith open('search.csv') as f:\n  WORDS = list(csv.DictReader(f))\nUSERS = list(csv.DictReader(open('./data/users.csv')))\nclass U(HttpUser):\n  host = 'http://a.example'\n  def on_start(self):\n    self.account = USERS.pop()\n    self.client.post('/login', json={'name': self.account['name'], 'n': 1})\n  @task\n  def t(self):\n    word = random.choice(WORDS)\n    self.client.get('/search', params={'q': word.get('text')})\n    self.client.get(f\"/of/{self.account['name']}\", name='/of/:name')\n",
    );
    for part in [
        "data:\n  users: {file: data/users.csv, order: unique, on_exhausted: recycle}\n  words: {file: search.csv, order: random}\n",
        "json: {\"n\": 1, name: \"${users.name}\"}\n",
        "query: {q: \"${words.text}\"}\n",
        "- get: /of/${users.name}\n",
    ] {
        assert!(scenario.contains(part), "{part}\n{scenario}");
    }
    assert_eq!(
        notes,
        ["`data/users.csv` is read beside the scenario: copy it there", "`search.csv` is read beside the scenario: copy it there"]
    );
}

#[test]
fn nothing_is_lost_in_silence() {
    let (scenario, notes) = body_of_a_task(
        "self.client.get('/a')\nself.client.get(f'/b/{random.randint(1, 9):03d}')\nself.client.post('/c', json={'x': open('f')})\n",
    );
    assert!(scenario.contains("/a\n") && !scenario.contains("/b"), "{scenario}");
    assert_eq!(
        notes,
        ["line 7: not carried over: `self.client.get(f'/b/{random.randint(1, 9):03d}')`", "line 8: POST /c: not carried over: `json=..`"]
    );
    let (scenario, _) = drafted(
        "class A(TaskSet):\n  @task\n  def index(self):\n    self.client.get('/a')\nclass U(HttpUser):\n  tasks = [A]\n  @task\n  def index(self):\n    self.client.get('/b')\n",
    );
    assert!(scenario.contains("name: index\n") && scenario.contains("name: index 2\n"), "{scenario}");
}

#[test]
fn users_wait_between_the_tasks_of_a_sequence() {
    let (scenario, _) = drafted(
        "class U(HttpUser):\n  wait_time = between(1, 2)\n  @task\n  class Buy(SequentialTaskSet):\n    @task\n    def add(self):\n      self.client.post('/cart')\n    @task\n    def pay(self):\n      self.client.post('/pay')\n      self.interrupt()\n",
    );
    assert!(
        scenario.contains("  - name: Buy\n    think: 1s..2s\n    steps:\n      - post: /cart\n        think: 1s..2s\n      - post: /pay\n"),
        "{scenario}"
    );
}

#[test]
fn a_task_set_stands_beside_the_other_tasks() {
    let (scenario, notes) = drafted(
        "class B(TaskSet):\n  def on_start(self):\n    self.client.get('/in')\n  @task(3)\n  def a(self):\n    self.client.get('/a')\n  @task\n  def b(self):\n    self.client.get('/b')\nclass U(HttpUser):\n  tasks = [B]\n  wait_time = constant(0)\n",
    );
    assert!(
        scenario.contains("start:\n  - get: /in\n") && scenario.contains("weight: 0.75") && scenario.contains("weight: 0.25"),
        "{scenario}"
    );
    assert!(notes.iter().any(|note| note.contains("task set `B`")), "{notes:#?}");
}

#[test]
fn what_is_no_locust_file_is_told_apart() {
    let fails = |text: &str| from_locust("x.py", text, None, None).unwrap_err().to_string();
    assert!(fails("print('hi')\n").starts_with("x.py has nothing to ask: it has no class"));
    assert_eq!(fails("{\"a\": [}\n"), "x.py is not a Python file");
    assert!(fails("class U(HttpUser):\n  def f(self):\n    pass\n").contains("no task has a request"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_a_file_asks_the_draft_reads(path in "[ -!#-\\[\\]-~é]{0,12}", name in "[a-z$ {}]{0,6}", key in "[a-zA-Z-]{1,8}", value in "[ -!#-\\[\\]-~é]{0,12}", count in 0_u32..12) {
        let text = format!(
            "class U(HttpUser):\n  def on_start(self):\n    self.a = self.client.post(\"/{path}\", data={{\"{key}\": \"{value}\"}}).json()\n    r = self.client.get(\"/x\")\n    self.v = r.json()[\"{key}\"]\n  @task({count})\n  def t(self):\n    for i in range({count}):\n      self.client.get(f\"/y/{{i}}/{{self.v}}\", name=\"{name}\", headers={{\"{key}\": \"{value}\"}})\n    self.client.put(\"{path}\", json={{\"{key}\": \"{value}\", \"n\": [{count}]}})\n"
        );
        if let Ok(mut draft) = from_locust("x.py", &text, None, None) {
            let files = first_files(&mut draft);
            prop_assert!(files.is_ok(), "{}\n{}\n{text}", files.unwrap_err(), crate::init::write::scenario_yaml(&draft));
        }
    }
}
