//! The open workload: task starts that are due come what may. A start takes an idle user, else makes a new one, else waits
//! in a queue with its due time kept; what could not be sent by the end is counted as such. Users beyond need go.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::idle::Idle;
use super::tasks::pass_on_panic;
use super::timer::FineTimer;
use super::user::{Cut, LATE_GRACE, User, Walk};
use super::worker::{DRAIN_AT_END, Worker, own_share};
use crate::plan::{Dice, Picks, Stream, Workload};
use crate::scenario::Arrivals;

/// As many starts are spawned before the users get their turn.
const STARTS_AT_ONCE: u64 = 32;
/// How often it is looked for users beyond need.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// One due start of a task.
#[derive(Debug, Clone, Copy)]
struct Start {
    /// From 0, over all workers.
    index: u64,
    due: Instant,
    kind: usize,
    task: usize,
}

/// Users and starts that wait for each other.
#[derive(Debug)]
struct Lobby {
    /// By kind.
    idle: Vec<RefCell<Idle<User>>>,
    waiting: Vec<RefCell<VecDeque<Start>>>,
    made: Cell<u64>,
    /// Of users that went, for others to take, with their rows.
    free: RefCell<Vec<u64>>,
    limit: Cell<u64>,
}

/// Starts what is due until the end of the schedule; returns when no further start can begin.
pub async fn drive(worker: &Rc<Worker>, users: &mut JoinSet<()>) {
    let Workload::Open { arrivals, max_in_flight, unneeded_after } = worker.plan.workload else { return };
    let kinds = worker.scenario.kinds.len();
    let lobby = Rc::new(Lobby {
        idle: (0..kinds).map(|_| RefCell::new(Idle::new(unneeded_after))).collect(),
        waiting: (0..kinds).map(|_| RefCell::default()).collect(),
        made: Cell::new(0),
        free: RefCell::default(),
        limit: Cell::new(own_share(max_in_flight, worker.number, worker.workers)),
    });
    let timer = FineTimer::new();
    let mut look_at = worker.start + LOOKED_EVERY;
    for (count, start) in (1_u64..).zip(starts(worker, arrivals)) {
        timer.sleep_until(start.due).await;
        worker.note_lateness(start.due);
        if count % STARTS_AT_ONCE == 0 {
            // After a stall everything is due at once; the users must be let at the sockets in between.
            tokio::task::yield_now().await;
        }
        while let Some(ended) = users.try_join_next() {
            pass_on_panic(ended);
        }
        if start.due >= look_at {
            look_at = start.due + LOOKED_EVERY;
            lobby.let_unneeded_go(worker, users);
        }
        if let Some(user) = lobby.user_for(worker, start, users) {
            let (worker, lobby) = (Rc::clone(worker), Rc::clone(&lobby));
            worker.note_start(start.due, Duration::ZERO);
            users.spawn_local(async move { serve(&worker, &lobby, user, start).await });
        } else {
            worker.note_queued();
            lobby.waiting[start.kind].borrow_mut().push_back(start);
        }
    }
    tokio::time::sleep_until(tokio::time::Instant::from_std(worker.end)).await;
    lobby.close(worker, users);
}

/// This worker's starts in order. Kinds and tasks are picked over all starts, so that they are the same for any number of workers.
fn starts(worker: &Worker, arrivals: Arrivals) -> impl Iterator<Item = Start> + use<> {
    let (scenario, plan) = (&worker.scenario, &worker.plan);
    let mut kinds = plan.kinds();
    let of_mix = |mix: usize| {
        let picks = |kind| plan.tasks(kind, mix, None, Dice::new(plan.seed.wrapping_add(1 + mix as u64), Stream::Kinds));
        (0..scenario.kinds.len()).map(picks).collect()
    };
    let mut tasks: Vec<Vec<Picks>> = (0..plan.mix_count()).map(of_mix).collect();
    let shared = Arc::clone(plan);
    let (begin, workers, number) = (worker.start, worker.workers, worker.number);
    (0_u64..).zip(plan.schedule.starts(arrivals, plan.seed)).filter_map(move |(index, due)| {
        let kind = kinds.pick();
        let task = tasks[shared.mix_at(due)][kind].pick();
        (index % workers == number).then_some(Start { index, due: begin + due, kind, task })
    })
}

impl Lobby {
    fn user_for(&self, worker: &Rc<Worker>, start: Start, users: &mut JoinSet<()>) -> Option<User> {
        if let Some(user) = self.idle[start.kind].borrow_mut().pop() {
            return Some(user);
        }
        let index = self.free_index(worker).or_else(|| {
            let retired = self.retire_another_kind(start.kind)?;
            let index = retired.index;
            say_good_bye(worker, retired, users);
            Some(index)
        })?;
        let dice = Dice::new(worker.plan.seed, Stream::User { index, life: 0 });
        match User::new(worker, index, start.kind, dice) {
            Ok(user) => {
                worker.note_came();
                Some(user)
            }
            Err(cut) => {
                self.give_up(worker, cut);
                None
            }
        }
    }

    /// The index of one more user, while there may be one.
    fn free_index(&self, worker: &Worker) -> Option<u64> {
        if let Some(index) = self.free.borrow_mut().pop() {
            return Some(index);
        }
        let made = self.made.get();
        (made < self.limit.get()).then(|| {
            self.made.set(made + 1);
            made * worker.workers + worker.number
        })
    }

    /// Lets an idle user of another kind go, so that one of this kind can come in its place, with its index and rows.
    fn retire_another_kind(&self, kind: usize) -> Option<User> {
        let mut others = self.idle.iter().enumerate().filter(|(other, _)| *other != kind);
        others.find_map(|(_, idle)| idle.borrow_mut().pop())
    }

    /// Those who were not needed for long go, with their connections.
    fn let_unneeded_go(&self, worker: &Rc<Worker>, users: &mut JoinSet<()>) {
        let now = Instant::now();
        for idle in &self.idle {
            while let Some(unneeded) = idle.borrow_mut().pop_unneeded(now) {
                self.free.borrow_mut().push(unneeded.index);
                say_good_bye(worker, unneeded, users);
            }
        }
    }

    /// There is no row for another user: those who are here have to do.
    fn give_up(&self, worker: &Worker, cut: Cut) {
        self.made.set(self.made.get() - 1);
        self.limit.set(self.made.get());
        if let Cut::Exhausted(data) = cut {
            worker.note_exhausted(data);
        }
    }

    /// The start that has waited longest for a user of this kind.
    fn next_waiting(&self, worker: &Worker, kind: usize) -> Option<Start> {
        let now = Instant::now();
        let start = if now < worker.end { self.waiting[kind].borrow_mut().pop_front() } else { None };
        start.inspect(|start| worker.note_start(start.due, now.saturating_duration_since(start.due).max(Duration::from_nanos(1))))
    }

    /// After the last phase nothing that waits begins any more, and idle users say good-bye.
    fn close(&self, worker: &Rc<Worker>, users: &mut JoinSet<()>) {
        for waiting in &self.waiting {
            waiting.take();
        }
        for idle in &self.idle {
            idle.borrow_mut().take().for_each(|user| say_good_bye(worker, user, users));
        }
    }
}

/// Serves a start, then whatever waits for a user of this kind.
async fn serve(worker: &Worker, lobby: &Lobby, mut user: User, start: Start) {
    let mut next = Some(start);
    while let Some(start) = next {
        let mut due = Some(start.due);
        let sent_before = user.sent;
        match serve_one(worker, &mut user, start, &mut due).await {
            Err(Cut::Exhausted(data)) => {
                worker.note_exhausted(data);
                worker.note_not_sent(1);
            }
            // It came no further than its user's `start`, whose requests are counted themselves.
            Err(_) if due.is_some() && user.sent > sent_before => {}
            // Its first request never left: it was due, so it is counted.
            Err(Cut::TimeIsUp) if due.is_some() => worker.note_not_sent(1),
            Err(Cut::MissingValue) if due.is_some() => worker.note_missing_value(),
            Err(Cut::TimeIsUp | Cut::MissingValue) | Ok(()) => {}
        }
        next = lobby.next_waiting(worker, user.kind);
    }
    if Instant::now() < worker.end {
        lobby.idle[user.kind].borrow_mut().push(user, Instant::now());
    } else {
        stop(worker, user).await;
    }
}

async fn serve_one(worker: &Worker, user: &mut User, start: Start, due: &mut Option<Instant>) -> Result<(), Cut> {
    let kind = &worker.scenario.kinds[start.kind];
    let heads = &worker.program.kinds[start.kind];
    if !user.started {
        // Its requests count from when the user acts; the task's first one counts from when it was due, and the user waits for both.
        let until = worker.end.max(start.due + LATE_GRACE);
        user.started = user.walk(worker, &kind.start, &heads.start, until, &mut None).await? == Walk::AllOk;
        if !user.started {
            return Ok(());
        }
        worker.note_began();
    }
    let task = &kind.tasks[start.task];
    user.dice = Dice::new(worker.plan.seed, Stream::Start { index: start.index });
    user.iteration = start.index + 1;
    user.take_rows(worker, &task.data, start.index)?;
    let sent_before = user.sent;
    let walked = user.walk(worker, &task.steps, &heads.tasks[start.task], worker.end, due).await;
    if user.sent > sent_before {
        worker.note_task(start.kind, start.task, start.due);
    }
    walked.map(|_| ())
}

fn say_good_bye(worker: &Rc<Worker>, user: User, users: &mut JoinSet<()>) {
    let worker = Rc::clone(worker);
    users.spawn_local(async move { stop(&worker, user).await });
}

async fn stop(worker: &Worker, mut user: User) {
    let (kind, heads) = (&worker.scenario.kinds[user.kind], &worker.program.kinds[user.kind]);
    if user.started {
        // `stop` steps are the user's own ending: they may start while the run is winding down.
        let _ = user.walk(worker, &kind.stop, &heads.stop, worker.end + DRAIN_AT_END, &mut None).await;
    }
}
