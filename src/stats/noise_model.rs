//! A staging as simulations have it: six endpoints share forty workers; service times are lognormal with a slow path, the
//! machine drifts by a few percent, stops for a moment now and then and, in one run of ten, has a noisy neighbour.

use super::chance::Chance;

/// Requests a second, median service time (ms) and spread of each endpoint.
const ENDPOINTS: [(f64, f64, f64); 6] =
    [(330.0, 20.0, 0.5), (100.0, 40.0, 0.6), (30.0, 80.0, 0.7), (10.0, 15.0, 0.5), (3.0, 120.0, 0.8), (0.3, 60.0, 0.6)];
const WORKERS: usize = 40;
/// How long a neighbour is noisy (s).
const NEIGHBOUR_SECONDS: usize = 10;

/// One simulated request.
pub(crate) struct SimulatedRequest {
    /// Seconds since the start of the judged part.
    pub(crate) at: f64,
    pub(crate) endpoint: usize,
    pub(crate) millis: f64,
}

/// What a run meets.
#[derive(Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) seconds: usize,
    /// How likely a noisy neighbour is.
    pub(crate) neighbour: f64,
    /// Seconds that are left out at the start, while all is slower.
    pub(crate) warm_up: usize,
}

/// One run: requests in the order in which they came.
pub(crate) fn simulate(chance: &mut Chance, weather: Weather) -> Vec<SimulatedRequest> {
    let end = weather.warm_up + weather.seconds;
    let speeds = speeds(chance, end, weather.neighbour);
    let pauses = pauses(chance, end);
    let total: f64 = ENDPOINTS.iter().map(|endpoint| endpoint.0).sum();
    let mut free = [0.0_f64; WORKERS];
    let (mut at, mut requests) = (0.0, Vec::new());
    loop {
        at += chance.exponential(1.0 / total);
        if at >= seconds(end) {
            return requests;
        }
        let endpoint = choose(chance.unit() * total);
        let millis = service(chance, endpoint) * speeds[second(at)] * (1.0 + (-at / 4.0).exp());
        let begins = pauses.iter().find(|pause| pause.0 <= at && at < pause.1).map_or(at, |pause| pause.1);
        let worker = (0..WORKERS).min_by(|one, other| free[*one].total_cmp(&free[*other])).unwrap_or_default();
        let begins = begins.max(free[worker]);
        free[worker] = begins + millis / 1000.0;
        let judged_at = at - seconds(weather.warm_up);
        if judged_at >= 0.0 {
            requests.push(SimulatedRequest { at: judged_at, endpoint, millis: (begins - at) * 1000.0 + millis });
        }
    }
}

fn choose(mut share: f64) -> usize {
    for (index, endpoint) in ENDPOINTS.iter().enumerate() {
        share -= endpoint.0;
        if share <= 0.0 {
            return index;
        }
    }
    ENDPOINTS.len() - 1
}

fn service(chance: &mut Chance, endpoint: usize) -> f64 {
    let (_, median, spread) = ENDPOINTS[endpoint];
    let usual = median * (spread * chance.normal()).exp();
    let slow = if chance.unit() < 0.01 { 2.0 * chance.unit().powf(-1.0 / 2.5) } else { 1.0 };
    (usual * slow).min(10_000.0)
}

/// How much slower each second is: it drifts by 4 %, and beside a neighbour by 1.3 to 2 times.
fn speeds(chance: &mut Chance, end: usize, neighbour: f64) -> Vec<f64> {
    let mut log = 0.04 * chance.normal();
    let mut speeds: Vec<f64> = Vec::with_capacity(end + 1);
    for _ in 0..=end {
        log = 0.9 * log + 0.19_f64.sqrt() * 0.04 * chance.normal();
        speeds.push(log.exp());
    }
    if chance.unit() < neighbour {
        let from = second(chance.unit() * seconds(end - NEIGHBOUR_SECONDS));
        let factor = 1.3 + 0.7 * chance.unit();
        speeds[from..from + NEIGHBOUR_SECONDS].iter_mut().for_each(|speed| *speed *= factor);
    }
    speeds
}

/// Everything stops for 40 to 100 ms, about every twenty seconds.
fn pauses(chance: &mut Chance, end: usize) -> Vec<(f64, f64)> {
    let (mut at, mut pauses) = (0.0, Vec::new());
    loop {
        at += chance.exponential(20.0);
        if at > seconds(end) {
            return pauses;
        }
        pauses.push((at, at + 0.04 + 0.06 * chance.unit()));
    }
}

#[expect(clippy::cast_precision_loss, reason = "some hundred seconds")]
fn seconds(whole: usize) -> f64 {
    whole as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundred seconds, not below 0")]
fn second(at: f64) -> usize {
    at as usize
}
