//! What a worker notes besides requests: how late it was, what could not be sent, and what makes the load doubtful.

use std::time::{Duration, Instant};

use super::Worker;
use crate::load::recorder::{Delay, micros};
use crate::plan::Workload;
use crate::run::Problem;

/// A thread that was to wake up this much earlier stood still.
const STANDSTILL: Duration = Duration::from_secs(1);
/// One user in so many may fail to get through `start`.
const NEVER_BEGAN_LIMIT: u64 = 100;
impl Worker {
    /// Notes how late it is for what should have happened at `due`.
    pub fn note_lateness(&self, due: Instant) {
        let delay = self.delay(due, Instant::now().saturating_duration_since(due));
        self.batch.borrow_mut().lateness.push(delay);
    }

    pub(super) fn delay(&self, due: Instant, by: Duration) -> Delay {
        let due_ms = due.saturating_duration_since(self.start).as_millis();
        Delay { due_ms: u32::try_from(due_ms).unwrap_or(u32::MAX), by: micros(by) }
    }

    /// Notes that a due request could not be sent, and why.
    pub fn note_not_sent(&self, count: u64) {
        let mut batch = self.batch.borrow_mut();
        batch.scheduled += count;
        batch.not_sent += count;
    }

    /// A user of a closed load comes, and goes when the stay is over.
    pub fn note_here(&self) {
        self.here.set(self.here.get() + 1);
    }

    /// The stay is over.
    pub fn note_gone(&self) {
        self.here.set(self.here.get().saturating_sub(1));
    }

    pub(super) fn at_once(&self) -> u64 {
        match self.plan.workload {
            Workload::Closed { .. } => self.here.get(),
            Workload::Open { .. } => self.in_flight.get() as u64,
        }
    }

    /// A due start waits for a user.
    pub fn note_queued(&self) {
        self.queued.set(self.queued.get() + 1);
    }

    /// A start is taken up by a user, after so long a wait.
    pub fn note_start(&self, due: Instant, waited: Duration) {
        self.note_wait(due, waited);
        if !waited.is_zero() {
            self.queued.set(self.queued.get().saturating_sub(1));
        }
    }

    /// A start had to wait so long for something of ours.
    pub(super) fn note_wait(&self, due: Instant, waited: Duration) {
        let delay = self.delay(due, waited);
        self.batch.borrow_mut().waits.push(delay);
    }

    /// A cycle of a task with `pacing` begins, so much after it was due.
    pub fn note_cycle(&self, late: Duration, pacing: Duration) {
        let mut batch = self.batch.borrow_mut();
        batch.cycles += 1;
        batch.late_cycles += u64::from(late >= pacing);
    }

    /// At the end: what still waits was not sent.
    pub fn note_queue_not_sent(&self) {
        self.note_not_sent(self.queued.take());
    }

    /// A start sent nothing, because a value that its first request needs was never saved.
    pub fn note_missing_value(&self) {
        let text = "a task could not begin without a value that was never saved: save it in `start`, or earlier in the same task";
        self.note_not_sent(1);
        self.note_problem("missing_value", text.to_owned());
    }

    /// Notes what makes this load doubtful.
    pub fn note_problem(&self, code: &str, text: String) {
        let mut batch = self.batch.borrow_mut();
        if !batch.problems.iter().any(|known| known.code == code) {
            batch.problems.push(Problem { code: code.to_owned(), text });
        }
    }

    /// A user begins a task that was due at this moment.
    pub fn note_task(&self, kind: usize, task: usize, due: Instant) {
        let phase = self.plan.phase_at(due.saturating_duration_since(self.start));
        *self.batch.borrow_mut().tasks.entry((kind, task, phase)).or_default() += 1;
    }

    /// A user has come.
    pub fn note_came(&self) {
        self.came.set(self.came.get() + 1);
    }

    /// A user has got through `start`.
    pub fn note_began(&self) {
        self.began.set(self.began.get() + 1);
    }

    /// At the end: users who never got through `start` did not do what was asked for, whatever the others measured.
    pub fn note_never_began(&self) {
        let (came, began) = (self.came.get(), self.began.get());
        if (came - began) * NEVER_BEGAN_LIMIT > came {
            let text = format!("{} of {came} users never got through their `start` steps: look at these requests first", came - began);
            self.note_problem("not_started", text);
        }
    }

    /// A data set has no row left: the load is no longer what was asked for.
    pub fn note_exhausted(&self, data: usize) {
        let text = format!("data set `{}` was used up: give it more rows, or set `on_exhausted: recycle`", self.scenario.data[data].name);
        self.note_problem("data_exhausted", text);
    }

    pub(super) fn note_standstill(&self, now: Instant, late: Duration) {
        if late >= STANDSTILL {
            let (late, at) = (late.as_secs_f64(), now.saturating_duration_since(self.start).as_secs_f64());
            let text = format!(
                "a load thread stood still for {late:.1} s, until {at:.1} s after the start: was the machine suspended, or its CPU taken away? run again"
            );
            self.note_problem("clock", text);
        }
    }
}
