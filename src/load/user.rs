//! One user: its connection, cookies, variables and chance, and how it performs a step. When it acts is not its concern.

mod delivery;

use std::pin::pin;
use std::time::{Duration, Instant};

use cookie_store::CookieStore;

use self::delivery::Undelivered;
use super::alarm::Alarm;
use super::connection::Connection;
use super::examine::{Seen, examine};
use super::exchange::Answer;
use super::recorder::Outcome;
use super::request::{compose, path_of};
use super::values::{MissingValue, Scope, Value};
use super::worker::{Buffers, Departure, Worker};
use crate::plan::{Dice, Row, Turn};
use crate::scenario::{Condition, CookiePolicy, Repeat, Step, Template, Think};

/// Body bytes that are read of one answer, and to which a compressed one is inflated.
const BODY_CAP: u64 = 10 * 1024 * 1024;
/// The timer counts in milliseconds, and so does what wakes it: a pause is up to so much too long.
const TIMER_GRAIN: Duration = Duration::from_millis(2);
/// What was due before the end is sent even if the timer fired so much late.
pub const LATE_GRACE: Duration = Duration::from_millis(100);

/// A user with all that is its own.
#[derive(Debug)]
pub struct User {
    /// From 0.
    pub index: u64,
    pub kind: usize,
    connection: Option<Connection>,
    cookies: Option<Box<CookieStore>>,
    alarm: Alarm,
    variables: Vec<Option<Value>>,
    /// Current row of each data set.
    rows: Vec<usize>,
    pub dice: Dice,
    /// From 1.
    pub iteration: u64,
    /// Whether its `start` steps have all succeeded.
    pub started: bool,
    /// Requests that it has sent.
    pub sent: u64,
    /// What its pauses were too long by so far, and the next is to be shorter by.
    overslept: Duration,
}

/// Why a list of steps was not walked to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The user's time is up: no step starts any more.
    TimeIsUp,
    /// A step needs a value that no earlier step could get.
    MissingValue,
    /// A data set is used up.
    Exhausted(usize),
}

impl From<MissingValue> for Cut {
    fn from(_: MissingValue) -> Self {
        Self::MissingValue
    }
}

/// How walking through steps went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    AllOk,
    SomeFailed,
}

impl Walk {
    const fn and(self, other: Self) -> Self {
        match self {
            Self::AllOk => other,
            Self::SomeFailed => Self::SomeFailed,
        }
    }
}

impl User {
    /// A new user.
    ///
    /// # Errors
    /// [`Cut::Exhausted`] where a data set has no row for it.
    pub fn new(worker: &Worker, index: u64, kind: usize, dice: Dice) -> Result<Self, Cut> {
        let scenario = &worker.scenario;
        let keeps_cookies = scenario.http.cookies == CookiePolicy::Keep;
        let mut user = Self {
            index,
            kind,
            connection: None,
            cookies: keeps_cookies.then(Box::default),
            alarm: Alarm::default(),
            variables: vec![None; scenario.variables.len()],
            rows: vec![0; scenario.data.len()],
            dice,
            iteration: 0,
            started: false,
            sent: 0,
            overslept: Duration::ZERO,
        };
        let turn = Turn { user: index, number: index };
        for data in 0..scenario.data.len() {
            user.take_row(worker, data, turn)?;
        }
        Ok(user)
    }

    fn take_row(&mut self, worker: &Worker, data: usize, turn: Turn) -> Result<(), Cut> {
        match worker.plan.row(data, &worker.scenario.data[data], turn, &mut self.dice) {
            Row::Of(row) => self.rows[data] = row,
            Row::Exhausted => return Err(Cut::Exhausted(data)),
        }
        Ok(())
    }

    /// Takes the rows of one iteration.
    ///
    /// # Errors
    /// [`Cut::Exhausted`] where one is used up.
    pub fn take_rows(&mut self, worker: &Worker, sets: &[usize], number: u64) -> Result<(), Cut> {
        let turn = Turn { user: self.index, number };
        sets.iter().try_for_each(|data| self.take_row(worker, *data, turn))
    }

    /// Performs steps in order. `due` is when the first request should have gone out, where a schedule says so; it is taken
    /// by the first request that is sent.
    ///
    /// # Errors
    /// [`Cut`] where the rest was not performed.
    pub async fn walk(
        &mut self,
        worker: &Worker,
        steps: &[Step],
        heads: &[Template],
        until: Instant,
        due: &mut Option<Instant>,
    ) -> Result<Walk, Cut> {
        let mut walk = Walk::AllOk;
        for (step, head) in steps.iter().zip(heads) {
            if !self.wants(worker, step)? {
                continue;
            }
            match &step.repeat {
                Repeat::Once => walk = walk.and(self.act(worker, step, head, until, due).await?),
                Repeat::Times(count) => {
                    for _ in 0..*count {
                        walk = walk.and(self.act(worker, step, head, until, due).await?);
                    }
                }
                Repeat::Each { list, item } => {
                    for element in self.elements(worker, list)? {
                        self.variables[*item] = Some(element);
                        walk = walk.and(self.act(worker, step, head, until, due).await?);
                    }
                }
            }
        }
        Ok(walk)
    }

    /// One request and the pause after it.
    async fn act(&mut self, worker: &Worker, step: &Step, head: &Template, until: Instant, due: &mut Option<Instant>) -> Result<Walk, Cut> {
        let outcome = self.request(worker, step, head, until, *due).await?;
        *due = None;
        if outcome.went_without_answer() {
            // Such an end can come without any wait; the other users must get their turn all the same.
            tokio::task::yield_now().await;
        }
        if let Some(think) = step.think {
            self.think(worker, think, until).await;
        }
        Ok(if outcome == Outcome::Ok { Walk::AllOk } else { Walk::SomeFailed })
    }

    /// A pause as long as the dice say. What the timer makes of it is made up for by the next one, so that short pauses have
    /// the mean that was asked for too.
    pub async fn think(&mut self, worker: &Worker, think: Think, until: Instant) {
        let asked = self.dice.think(think);
        let shorter = self.overslept.min(asked);
        let pause = asked.saturating_sub(shorter);
        let wake = Instant::now() + pause;
        worker.pause(pause, until).await;
        self.overslept = (self.overslept.saturating_sub(shorter) + wake.elapsed()).min(TIMER_GRAIN);
    }

    fn wants(&mut self, worker: &Worker, step: &Step) -> Result<bool, Cut> {
        let mut scope = self.scope(worker);
        Ok(match &step.when {
            None => true,
            Some(Condition::Truthy(text)) => !matches!(scope.text(text).unwrap_or_default().trim(), "" | "0" | "false"),
            Some(Condition::Equal(left, right)) => scope.text(left)? == scope.text(right)?,
            Some(Condition::NotEqual(left, right)) => scope.text(left)? != scope.text(right)?,
        })
    }

    /// What `foreach` goes through: the elements of a list, or the one value that there is.
    fn elements(&mut self, worker: &Worker, list: &Template) -> Result<Vec<Value>, Cut> {
        Ok(match self.scope(worker).typed(list)?.to_json() {
            serde_json::Value::Array(elements) => elements.into_iter().map(Value::Json).collect(),
            one => vec![Value::Json(one)],
        })
    }

    fn scope<'a>(&'a mut self, worker: &'a Worker) -> Scope<'a> {
        self.scope_and_cookies(worker).0
    }

    fn scope_and_cookies<'a>(&'a mut self, worker: &'a Worker) -> (Scope<'a>, Option<&'a CookieStore>) {
        let scope = Scope {
            data: &worker.scenario.data,
            rows: &self.rows,
            variables: &self.variables,
            user: self.index + 1,
            iteration: self.iteration,
            dice: &mut self.dice,
        };
        (scope, self.cookies.as_deref())
    }

    /// Writes a request, with the cookies that belong to its path.
    fn compose(&mut self, worker: &Worker, step: &Step, head: &Template, buffers: &mut Buffers) -> Result<(), MissingValue> {
        let (mut scope, cookies) = self.scope_and_cookies(worker);
        compose(step, head, &mut scope, |path| cookie_header(worker, cookies, path), &mut buffers.scratch)
    }

    /// Sends one request and records what came of it.
    async fn request(
        &mut self,
        worker: &Worker,
        step: &Step,
        head: &Template,
        until: Instant,
        due: Option<Instant>,
    ) -> Result<Outcome, Cut> {
        let mut buffers = worker.take_buffers();
        if let Err(missing) = self.compose(worker, step, head, &mut buffers) {
            worker.give_back(buffers);
            return Err(missing.into());
        }
        let acted = Instant::now();
        let until = due.filter(|due| *due < until).map_or(until, |due| until.max(due + LATE_GRACE));
        let leased = if worker.may_start(acted, until) { worker.lease(&mut self.connection, due, until).await } else { None };
        let Some(lease) = leased else {
            worker.give_back(buffers);
            return Err(Cut::TimeIsUp);
        };
        // Waiting for a shared connection is our own doing: the user waits, but the target has nothing to answer in time yet.
        let sent = if worker.shares_connections() { Instant::now() } else { acted };
        self.sent += 1;
        buffers.retried = false;
        let departure = worker.depart(step.endpoint, due.unwrap_or(acted), sent);
        let mut alarm = std::mem::take(&mut self.alarm);
        let delivered = alarm.within(sent + step.timeout, pin!(self.deliver(worker, step, lease, &mut buffers))).await;
        self.alarm = alarm;
        let delivered = delivered.unwrap_or_else(|| Err(Undelivered::out_of_time(step.timeout)));
        let outcome = self.settle(worker, step, departure, delivered, &buffers);
        worker.give_back(buffers);
        Ok(outcome)
    }

    /// Turns what was delivered into the request's outcome, and keeps what the step saves.
    fn settle(
        &mut self,
        worker: &Worker,
        step: &Step,
        departure: Departure<'_>,
        delivered: Result<Answer, Undelivered>,
        buffers: &Buffers,
    ) -> Outcome {
        let answer = match delivered {
            Ok(answer) => answer,
            Err(Undelivered::Target(fault)) => {
                self.forget_saved(step);
                return departure.failed(fault, buffers.retried);
            }
            Err(Undelivered::Local { code, text }) => {
                self.forget_saved(step);
                return departure.not_sent(code, text);
            }
        };
        let response_head = &buffers.incoming[..answer.head_length];
        let latency = departure.latency_at(answer.done);
        let seen =
            Seen { status: answer.status, head: response_head, body: &answer.body, bytes: answer.bytes, latency, body_cap: BODY_CAP };
        let examined = examine(step, &seen, &mut self.scope(worker));
        if answer.sets_cookies {
            self.keep_cookies(worker, path_of(&buffers.scratch.request), response_head);
        }
        let examined = match examined {
            Ok(saved) => {
                for (slot, value) in saved {
                    self.variables[slot] = Some(value);
                }
                Ok(())
            }
            Err(fault) => {
                self.forget_saved(step);
                Err(fault)
            }
        };
        departure.answered(examined, &answer, buffers.retried)
    }

    /// What a failed step would have saved must not be taken from an earlier time.
    fn forget_saved(&mut self, step: &Step) {
        for save in &step.save {
            self.variables[save.slot] = None;
        }
    }
}

/// The cookies that belong to a path.
fn cookie_header(worker: &Worker, cookies: Option<&CookieStore>, path: &str) -> Option<String> {
    let store = cookies.filter(|store| store.iter_any().next().is_some())?;
    let url = worker.url(path)?;
    let pairs: Vec<String> = store.get_request_values(&url).map(|(name, value)| format!("{name}={value}")).collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
}
