//! One load thread: its share of the load driven from the first due request to the hard end, whatever the target does.

use std::rc::Rc;
use std::sync::mpsc::Sender;

use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use super::recorder::Batch;
use super::tasks::pass_on_panic;
use super::worker::{DRAIN_AT_END, Share, Worker};
use super::{closed, open};
use crate::plan::Workload;

/// Runs this worker's share to its end, handing over what it records.
pub fn run(share: Share, hand_over: &Sender<(usize, Batch)>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().inspect_err(|_| {
        share.stop.send_replace(true);
    })?;
    let (abort, stop) = (share.abort.clone(), share.stop.subscribe());
    let _alarm = PanicAlarm(share.stop.clone());
    let worker = Rc::new(Worker::new(share));
    let local = LocalSet::new();
    runtime.block_on(local.run_until(work(Rc::clone(&worker), [abort, stop], hand_over)));
    // Dropping the users records what they had under way as unfinished.
    drop(local);
    worker.note_never_began();
    worker.note_queue_not_sent();
    worker.hand_over(hand_over);
    Ok(())
}

/// Where this thread panics, the load is lost, as where it cannot begin: the others need not go on to its end.
struct PanicAlarm(watch::Sender<bool>);

impl Drop for PanicAlarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.send_replace(true);
        }
    }
}

/// Until the end, or until one of `ends` becomes true.
async fn work(worker: Rc<Worker>, ends: [watch::Receiver<bool>; 2], hand_over: &Sender<(usize, Batch)>) {
    let mut users = JoinSet::new();
    let load = async {
        match worker.plan.workload {
            Workload::Closed { .. } => closed::drive(&worker, &mut users).await,
            Workload::Open { .. } => open::drive(&worker, &mut users).await,
        }
        while let Some(ended) = users.join_next().await {
            pass_on_panic(ended);
        }
    };
    let [mut abort, mut stop] = ends;
    let hard_end = tokio::time::Instant::from_std(worker.end + DRAIN_AT_END);
    tokio::select! {
        () = load => {}
        () = tokio::time::sleep_until(hard_end) => {}
        () = worker.hand_over_regularly(hand_over) => {}
        _ = abort.wait_for(|aborted| *aborted) => worker.drain().await,
        _ = stop.wait_for(|stopped| *stopped) => worker.drain().await,
    }
    worker.stop();
}
