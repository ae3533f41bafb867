//! The simulated database: a bounded pool of connections, first come, first served, and queries that hold one for their time.

use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::costs::{CachedQuery, Query};
use super::dice::Dice;

/// A pool of connections.
#[derive(Debug)]
pub struct Database {
    /// Its queue is fair, so that a short pool shows as waiting in line.
    connections: Semaphore,
}

impl Database {
    #[must_use]
    pub fn new(pool_size: usize) -> Self {
        Self { connections: Semaphore::new(pool_size) }
    }

    /// Waits for a connection and runs the queries on it, one after the other.
    pub async fn run(&self, queries: impl IntoIterator<Item = Query>, dice: &Dice) {
        let _connection = self.connections.acquire().await;
        for query in queries {
            sleep(query.draw(dice)).await;
        }
    }

    /// Asks the cache, and where it misses the database.
    pub async fn run_cached(&self, cached: CachedQuery, dice: &Dice) {
        sleep(cached.hit.draw(dice)).await;
        if !dice.chance(cached.hit_ratio) {
            self.run([cached.miss], dice).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::costs::ServiceTime;
    use super::*;

    const QUERY: Query = Query { usual: ServiceTime { median_ms: 20.0, spread: 0.0 }, scan: None };

    async fn time_for_four(pool_size: usize) -> Duration {
        let (database, dice) = (Database::new(pool_size), Dice::new(1));
        let started = Instant::now();
        tokio::join!(
            database.run([QUERY], &dice),
            database.run([QUERY], &dice),
            database.run([QUERY], &dice),
            database.run([QUERY], &dice)
        );
        started.elapsed()
    }

    #[tokio::test]
    async fn queries_beyond_the_pool_wait_in_line() {
        let (wide, narrow) = tokio::join!(time_for_four(4), time_for_four(1));
        assert!(narrow >= Duration::from_millis(80), "{narrow:?}");
        assert!(wide < narrow, "{wide:?} {narrow:?}");
    }

    #[tokio::test]
    async fn the_queries_of_one_run_follow_each_other() {
        let (database, dice) = (Database::new(4), Dice::new(1));
        let started = Instant::now();
        database.run([QUERY; 3], &dice).await;
        assert!(started.elapsed() >= Duration::from_millis(60));
    }
}
