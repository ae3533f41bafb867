//! How other load generators are asked for 200 requests/s over half a minute, and what they say of it.

use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::frozen::{Pair, RATE, SECONDS};
use crate::process::on_path;

const K6_SCRIPT: &str = "import http from 'k6/http';
export const options = {
  summaryTrendStats: ['p(95)', 'p(99)'],
  scenarios: { open: { executor: 'constant-arrival-rate', rate: Number(__ENV.RATE), duration: __ENV.DURATION,
    preAllocatedVUs: Number(__ENV.VUS) } } };
export default function () { http.get(__ENV.URL); }
export function handleSummary(data) { return { stdout: JSON.stringify(data.metrics.http_req_duration.values) }; }
";

const LOCUST_FILE: &str = "import os
from locust import FastHttpUser, constant_throughput, task
class Asker(FastHttpUser):
    wait_time = constant_throughput(float(os.environ['EACH']))
    @task
    def ask(self):
        self.client.get('/')
";

/// One way of using one generator.
#[derive(Debug)]
pub struct Attempt {
    pub name: &'static str,
    tool: Tool,
}

#[derive(Debug, Clone, Copy)]
enum Tool {
    K6 { users: u32 },
    Oha { correction: bool },
    Wrk2,
    Locust,
}

/// Users or connections where a generator is given few.
const FEW: u32 = 20;

/// Those whose generator is installed.
pub fn attempts() -> Vec<Attempt> {
    let all = [
        ("k6, constant-arrival-rate, 300 VUs", Tool::K6 { users: 300 }),
        ("k6, constant-arrival-rate, 20 VUs", Tool::K6 { users: FEW }),
        ("oha -q 200 --latency-correction, 20 connections", Tool::Oha { correction: true }),
        ("oha -q 200, 20 connections", Tool::Oha { correction: false }),
        ("wrk2, 20 connections", Tool::Wrk2),
        ("Locust, 20 users, constant_throughput", Tool::Locust),
    ];
    all.into_iter().map(|(name, tool)| Attempt { name, tool }).filter(|attempt| on_path(attempt.tool.program()).is_some()).collect()
}

impl Tool {
    const fn program(self) -> &'static str {
        match self {
            Self::K6 { .. } => "k6",
            Self::Oha { .. } => "oha",
            Self::Wrk2 => "wrk2",
            Self::Locust => "locust",
        }
    }
}

impl Attempt {
    pub fn command(&self, url: &str, folder: &Path) -> io::Result<Command> {
        let (rate, few, time) = (RATE.to_string(), FEW.to_string(), format!("{SECONDS}s"));
        let page = format!("{url}/");
        let mut command = Command::new(self.tool.program());
        command.current_dir(folder);
        match self.tool {
            Tool::K6 { users } => {
                std::fs::write(folder.join("script.js"), K6_SCRIPT)?;
                command.args(["run", "--quiet", "script.js"]);
                for (name, value) in [("URL", &page), ("RATE", &rate), ("DURATION", &time), ("VUS", &users.to_string())] {
                    command.args(["--env", &format!("{name}={value}")]);
                }
            }
            Tool::Oha { correction } => {
                command.args(["--no-tui", "--output-format", "json", "-q", &rate, "-c", &few, "-z", &time]);
                command.args(correction.then_some("--latency-correction")).arg(page);
            }
            Tool::Wrk2 => {
                command.args(["-t", "1", "-c", &few, "-d", &time, "-R", &rate, "--latency", &page]);
            }
            Tool::Locust => {
                std::fs::write(folder.join("locustfile.py"), LOCUST_FILE)?;
                command.env("EACH", (RATE / FEW).to_string());
                command.args(["--headless", "--only-summary", "--loglevel", "ERROR", "--csv", "locust", "-H", url]);
                command.args(["-u", &few, "-r", &few, "-t", &time]);
            }
        }
        Ok(command)
    }

    /// What it says, `None` where it says nothing that is understood.
    pub fn read(&self, folder: &Path, stdout: &str) -> Option<Pair> {
        match self.tool {
            Tool::K6 { .. } => {
                let values: Value = serde_json::from_str(stdout.trim()).ok()?;
                Some(Pair { p95: values.get("p(95)")?.as_f64()?, p99: values.get("p(99)")?.as_f64()? })
            }
            Tool::Oha { .. } => {
                let summary: Value = serde_json::from_str(stdout).ok()?;
                let millis = |key: &str| Some(summary.get("latencyPercentiles")?.get(key)?.as_f64()? * 1000.0);
                Some(Pair { p95: millis("p95")?, p99: millis("p99")? })
            }
            Tool::Wrk2 => Some(Pair { p95: wrk2_percentile(stdout, 0.95)?, p99: wrk2_percentile(stdout, 0.99)? }),
            Tool::Locust => {
                let text = std::fs::read_to_string(folder.join("locust_stats.csv")).ok()?;
                Some(Pair { p95: locust_percentile(&text, "95%")?, p99: locust_percentile(&text, "99%")? })
            }
        }
    }
}

/// Lines of the detailed spectrum are value (ms), percentile, count and a reciprocal.
fn wrk2_percentile(stdout: &str, fraction: f64) -> Option<f64> {
    stdout.lines().find_map(|line| {
        let numbers: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        (numbers.len() == 4 && numbers[1] >= fraction).then(|| numbers[0])
    })
}

/// A column of the row for everything; no name in this table holds a comma.
fn locust_percentile(text: &str, column: &str) -> Option<f64> {
    let mut lines = text.lines();
    let at = lines.next()?.split(',').position(|name| name == column)?;
    lines.find(|line| line.contains("Aggregated"))?.split(',').nth(at)?.parse().ok()
}
