//! What a step says is what its server receives: bodies, headers, credentials, and values that an earlier answer gave.

use perfgate::run::FailureClass::Check;

use super::bench::{Bench, failures};
use super::server::{Received, Server, ok, reply, reply_with};

/// The requests of one pass through steps that are written as YAML lists them; nothing may fail.
fn received(more: &str, steps: &str) -> Vec<Received> {
    let server = Server::start(|request| match request.target.as_str() {
        "/first" => {
            let headers = [("x-trace", "t-7"), ("set-cookie", "sid=abc; Path=/nowhere"), ("content-type", "application/json")];
            reply_with(200, &headers, br#"{"items": [{"id": 3}, {"id": 5}], "text": "your order-42 is here"}"#)
        }
        _ if request.method == "HEAD" => reply(200, ""),
        _ => ok(),
    });
    let steps = steps.lines().map(|line| format!("      {line}\n")).collect::<Vec<_>>().concat();
    let scenario = format!("load: {{rate: 4/s, hold: 250ms}}\n{more}tasks:\n  - steps:\n{steps}");
    let run = Bench::new().rows("rows.csv", 2).run(&server, &scenario);
    assert_eq!((run.generator.failed, run.generator.not_sent), (0, 0), "{scenario}");
    server.received()
}

#[test]
fn bodies_are_sent_as_they_are_written() {
    for (step, content_type, body) in [
        (
            "json: {n: 1, text: 'a \"b\"', list: [true, null], user: '${user.id}'}",
            "application/json",
            r#"{"n":1,"text":"a \"b\"","list":[true,null],"user":1}"#,
        ),
        ("form: {a: 'x & y', b: '${user.id}'}", "application/x-www-form-urlencoded", "a=x%20%26%20y&b=1"),
        ("body: 'user ${user.id}'", "text/plain; charset=utf-8", "user 1"),
        ("body: <a/>\n  headers: {content-type: text/xml}", "text/xml", "<a/>"),
        ("body_file: rows.csv", "text/csv; charset=utf-8", "id\n1\n2\n"),
        (
            "graphql: {query: 'query Get($id: ID!) { a(id: $id) }', operation: Get, variables: {id: '${user.id}'}}",
            "application/json",
            r#"{"query":"query Get($id: ID!) { a(id: $id) }","operationName":"Get","variables":{"id":1}}"#,
        ),
    ] {
        let all = received("", &format!("- post: /x\n  {step}"));
        let [request] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((request.header("content-type"), request.body.as_str()), (content_type, body), "{step}");
        assert_eq!(request.header("content-length"), body.len().to_string(), "{step}");
    }
}

#[test]
fn a_multipart_form_is_one_to_its_reader() {
    let all = received("", "- post: /x\n  multipart: {note: 'for ${user.id}', table: {file: rows.csv, type: text/csv}}\n- get: /after");
    let [request, after] = all.as_slice() else { panic!("{all:?}") };
    let boundary = request.header("content-type").strip_prefix("multipart/form-data; boundary=").unwrap();
    let parts: Vec<&str> = request.body.split(&format!("--{boundary}")).collect();
    assert_eq!(
        parts,
        [
            "",
            "\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nfor 1\r\n",
            "\r\ncontent-disposition: form-data; name=\"table\"; filename=\"rows.csv\"\r\ncontent-type: text/csv\r\n\r\nid\n1\n2\n\r\n",
            "--\r\n",
        ]
    );
    assert_eq!((after.label().as_str(), after.connection), ("GET /after", request.connection), "the length was right");
}

#[test]
fn queries_headers_and_credentials_are_sent_as_they_are_written() {
    let more = "http: {headers: {x-all: 'yes', x-user: 'u${user.id}'}}\n";
    let steps = "- get: /a?x=1
  query: {q: 'red & ${user.id}', page: 2}
  headers: {x-all: 'not here', x-own: '${iteration}'}
  auth: {bearer: 'token-${user.id}'}
- get: /b
  auth: {basic: {username: me, password: 'p:${user.id}'}}
- {head: /c}
- {options: /d}
- {put: /e, json: []}
- {patch: /f, json: {}}
- {delete: /g}";
    let all = received(more, steps);
    let sent: Vec<(&str, &str)> = all.iter().map(|request| (request.method.as_str(), request.target.as_str())).collect();
    assert_eq!(
        sent,
        [
            ("GET", "/a?x=1&q=red%20%26%201&page=2"),
            ("GET", "/b"),
            ("HEAD", "/c"),
            ("OPTIONS", "/d"),
            ("PUT", "/e"),
            ("PATCH", "/f"),
            ("DELETE", "/g")
        ]
    );
    let headers = |request: &Received| ["x-all", "x-user", "x-own", "authorization"].map(|name| request.header(name).to_owned());
    assert_eq!(headers(&all[0]), ["not here", "u1", "1", "Bearer token-1"]);
    // `me:p:1`
    assert_eq!(headers(&all[1]), ["yes", "u1", "", "Basic bWU6cDox"]);
}

#[test]
fn what_an_answer_gave_stands_in_the_next_request() {
    let steps = "- get: /first
  save:
    trace: {header: X-Trace}
    sid: {cookie: sid}
    order: {regex: 'order-(\\d+)'}
    last: '$.items[*].id last'
    all: '$.items[*].id all'
    none: {json: $.nothing, default: nobody}
    gone: {header: x-gone, default: no-header}
    crumb: {cookie: crumb, default: no-cookie}
    word: {regex: 'zz(.)', default: no-match}
- post: /then/${trace}/${sid}/${order}/${last}
  json: {last: '${last}', all: '${all}', text: 'id ${last}'}
- get: /else/${none}/${gone}/${crumb}/${word}";
    let all = received("", steps);
    let [_, then, otherwise] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((then.target.as_str(), then.body.as_str()), ("/then/t-7/abc/42/5", r#"{"last":5,"all":[3,5],"text":"id 5"}"#));
    assert_eq!(otherwise.target, "/else/nobody/no-header/no-cookie/no-match");
}

#[test]
fn an_answer_of_graphql_that_speaks_of_errors_is_a_failed_check() {
    let server = Server::start(|request| {
        let body = if request.number == 0 { r#"{"data": {"a": 1}}"# } else { r#"{"data": null, "errors": [{"message": "no"}]}"# };
        reply(200, body)
    });
    let run =
        Bench::new().run(&server, "load: {rate: 10/s, hold: 500ms}\ntasks: [{steps: [{post: /graphql, graphql: {query: '{ a }'}}]}]\n");
    assert_eq!((run.generator.ok, failures(&run, Check)), (1, 4));
}
