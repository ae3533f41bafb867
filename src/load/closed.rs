//! The closed workload: users who come and go as the schedule has it, and loop over their tasks while they are there.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::tasks::pass_on_panic;
use super::user::{Cut, User, Walk};
use super::worker::{DRAIN_AT_END, Pause, Worker};
use crate::plan::{Dice, Picks, Plan, Stream, Workload};
use crate::scenario::{Scenario, Task};

/// After a task that sent nothing and made no pause, so that no user turns in a tight loop.
const BREATH: Duration = Duration::from_secs(1);
/// A task that took less than this made no pause.
const NO_TIME: Duration = Duration::from_millis(1);

/// One stay of one user.
struct Life {
    user: u64,
    number: u64,
    from: Instant,
    until: Instant,
    kind: usize,
    sequences: Rc<RefCell<Sequences>>,
}

/// Lets this worker's users live as the schedule has it; returns when the last one has come.
pub async fn drive(worker: &Rc<Worker>, users: &mut JoinSet<()>) {
    for life in lives(worker) {
        tokio::time::sleep_until(tokio::time::Instant::from_std(life.from)).await;
        while let Some(ended) = users.try_join_next() {
            pass_on_panic(ended);
        }
        let worker = Rc::clone(worker);
        users.spawn_local(async move {
            worker.note_here();
            live(&worker, life).await;
            worker.note_gone();
        });
    }
}

/// All lives of this worker's users, in the order in which they begin.
fn lives(worker: &Worker) -> Vec<Life> {
    let (scenario, plan): (&Scenario, &Plan) = (&worker.scenario, &worker.plan);
    let Workload::Closed { users } = plan.workload else { return Vec::new() };
    let mut kinds = plan.kinds();
    let mut firsts: Vec<Vec<Picks>> = (0..plan.mix_count()).map(|mix| self::firsts(scenario, plan, mix)).collect();
    let mut lives = Vec::new();
    for user in 0..users {
        let kind = kinds.pick();
        let first_tasks: Vec<usize> = firsts.iter_mut().map(|of_mix| of_mix[kind].pick()).collect();
        if worker.owns(user) {
            let sequences = Rc::new(RefCell::new(Sequences { user, kind, first_tasks, by_mix: Vec::new(), begun: 0, left: None }));
            let stays = (0_u64..).zip(plan.schedule.lives(user));
            lives.extend(stays.map(|(number, (from, until))| Life {
                user,
                number,
                from: worker.start + from,
                until: worker.start + until,
                kind,
                sequences: Rc::clone(&sequences),
            }));
        }
    }
    lives.sort_by_key(|life| (life.from, life.user));
    lives
}

/// For each kind, where its users begin in their sequences of tasks.
fn firsts(scenario: &Scenario, plan: &Plan, mix: usize) -> Vec<Picks> {
    (0..scenario.kinds.len()).map(|kind| plan.tasks(kind, mix, None, Dice::new(plan.seed, Stream::Kinds))).collect()
}

/// A user's sequences of tasks, one for each mix that it has met. They go on where an earlier stay left them.
struct Sequences {
    user: u64,
    kind: usize,
    /// Where it begins in each mix.
    first_tasks: Vec<usize>,
    by_mix: Vec<Option<Picks>>,
    /// How many tasks the user has begun in all its stays.
    begun: u64,
    /// Was picked when time was up.
    left: Option<usize>,
}

impl Sequences {
    /// The next task, in the mix that goes at this moment.
    fn pick(&mut self, worker: &Worker, now: Instant) -> usize {
        self.begun += 1;
        if let Some(left) = self.left.take() {
            return left;
        }
        let plan = &worker.plan;
        let mix = plan.mix_at(now.saturating_duration_since(worker.start));
        self.by_mix.resize_with(plan.mix_count(), || None);
        let sequence = self.by_mix[mix].get_or_insert_with(|| {
            // The dice of the sequence are apart, so that what a task draws does not move the mix.
            let dice = Dice::new(plan.seed.wrapping_add(1 + mix as u64), Stream::User { index: self.user, life: 0 });
            plan.tasks(self.kind, mix, self.first_tasks.get(mix).copied(), dice)
        });
        sequence.pick()
    }

    /// The task was not begun after all.
    fn put_back(&mut self, task: usize) {
        self.begun -= 1;
        self.left = Some(task);
    }
}

async fn live(worker: &Worker, life: Life) {
    let dice = Dice::new(worker.plan.seed, Stream::User { index: life.user, life: life.number });
    let mut user = match User::new(worker, life.user, life.kind, dice) {
        Ok(user) => user,
        Err(Cut::Exhausted(data)) => return worker.note_exhausted(data),
        Err(Cut::TimeIsUp | Cut::MissingValue) => return,
    };
    let kind = &worker.scenario.kinds[life.kind];
    let heads = &worker.program.kinds[life.kind];
    let mut due = None;
    worker.note_came();
    loop {
        if !user.started {
            user.started = user.walk(worker, &kind.start, &heads.start, life.until, &mut None).await == Ok(Walk::AllOk);
            if user.started {
                worker.note_began();
            } else if worker.pause(BREATH, life.until).await == Pause::TimeIsUp {
                break;
            }
            continue;
        }
        let (sent_before, awake) = (user.sent, Instant::now());
        let index = life.sequences.borrow_mut().pick(worker, awake);
        user.iteration = life.sequences.borrow().begun;
        let turn = Turn { index, now: awake, due, until: life.until };
        match iterate(worker, &mut user, &kind.tasks[index], turn).await {
            Ok(next_due) => due = next_due,
            Err(Cut::MissingValue) => {}
            Err(Cut::TimeIsUp) => {
                if user.sent == sent_before {
                    life.sequences.borrow_mut().put_back(index);
                }
                break;
            }
            Err(Cut::Exhausted(data)) => return worker.note_exhausted(data),
        }
        let sent_nothing = user.sent == sent_before && due.is_none() && awake.elapsed() < NO_TIME;
        if sent_nothing && worker.pause(BREATH, life.until).await == Pause::TimeIsUp {
            break;
        }
    }
    if user.started {
        // `stop` steps are the user's own ending: they may start while the run is winding down.
        let _ = user.walk(worker, &kind.stop, &heads.stop, worker.end + DRAIN_AT_END, &mut None).await;
    }
}

/// One task of a user's sequence.
struct Turn {
    index: usize,
    now: Instant,
    /// When pacing wanted it to begin.
    due: Option<Instant>,
    until: Instant,
}

/// One task, with the pause or the pacing after it; returns when pacing wants the next to begin.
async fn iterate(worker: &Worker, user: &mut User, task: &Task, turn: Turn) -> Result<Option<Instant>, Cut> {
    let Turn { index, now, due, until } = turn;
    let Workload::Closed { users } = worker.plan.workload else { return Err(Cut::TimeIsUp) };
    user.take_rows(worker, &task.data, (user.iteration - 1) * users + user.index)?;
    let heads = &worker.program.kinds[user.kind].tasks[index];
    let begun = task.pacing.map(|pacing| {
        let begun = due.unwrap_or(now);
        worker.note_cycle(now.saturating_duration_since(begun), pacing);
        begun
    });
    let sent_before = user.sent;
    let walked = user.walk(worker, &task.steps, heads, until, &mut begun.clone()).await;
    // Who had no time left for a first request has not begun.
    if user.sent > sent_before {
        worker.note_task(user.kind, index, now);
    }
    match walked {
        // The pauses stay: a target whose answers lack what later steps need must not be asked more often for it.
        Ok(_) | Err(Cut::MissingValue) => {}
        Err(cut) => return Err(cut),
    }
    if let Some(think) = task.think {
        user.think(worker, think, until).await;
    }
    let next = begun.zip(task.pacing).map(|(begun, cycle)| begun + cycle);
    if let Some(next) = next {
        worker.wait_until(next, until).await;
    }
    Ok(next)
}
