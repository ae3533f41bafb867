//! Which server of a description is loaded: staging where one is named.

use serde_json::Value;

use crate::scenario::Target;

/// Where the load goes, and what to say of it.
pub fn server_of(root: &Value, name: &str, target: Option<&str>) -> (String, Option<String>) {
    let servers: Vec<(String, &str)> = root["servers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|server| Some((filled_server(server)?, server["description"].as_str().unwrap_or_default())))
        .collect();
    let is_staging = |(url, description): &&(String, &str)| {
        let words = format!("{url} {description}").to_ascii_lowercase();
        ["staging", "stage", "stg", "test", "sandbox", "localhost", "127.0.0.1"].iter().any(|word| words.contains(word))
    };
    let chosen = servers.iter().find(is_staging).or(servers.first()).map(|(url, _)| url.as_str());
    let can_be_sent = |prefix: &&str| format!("https://staging.example{prefix}").parse::<Target>().is_ok();
    let prefix = chosen.map(path_of).filter(can_be_sent).unwrap_or_default();
    if let Some(target) = target {
        // A target that names a path of its own means it.
        let own_path = target.parse::<Target>().is_ok_and(|target| !target.base_path.is_empty());
        return (if own_path { target.to_owned() } else { format!("{}{prefix}", target.trim_end_matches('/')) }, None);
    }
    match chosen.filter(|url| url.parse::<Target>().is_ok()) {
        Some(url) if servers.iter().any(|server| is_staging(&server) && server.0 == url) => (url.to_owned(), None),
        Some(url) => (url.to_owned(), Some(format!("{url} is the server that the description names: is it staging? else change `target`"))),
        None => {
            let placeholder = format!("https://staging.{name}.example{prefix}");
            let note = format!("the description names no server: change `target`, {placeholder} is a placeholder");
            (placeholder, Some(note))
        }
    }
}

/// The URL of a server with the defaults of its variables, without white space around it and a slash at its end.
fn filled_server(server: &Value) -> Option<String> {
    let mut url = server["url"].as_str()?.to_owned();
    for (name, variable) in server["variables"].as_object().into_iter().flatten() {
        url = url.replace(&format!("{{{name}}}"), variable["default"].as_str().unwrap_or_default());
    }
    Some(url.trim().trim_end_matches('/').to_owned())
}

/// `/v1` of `https://a.example/v1`, and of `/v1`.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = if url.starts_with('/') { url } else { rest.find('/').map_or("", |at| &rest[at..]) };
    path.split(['?', '#']).next().unwrap_or_default()
}
