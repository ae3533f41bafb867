//! What every operation of the shop costs. A regression is nothing but another table of costs.

use std::time::Duration;

use super::Regression;
use super::dice::Dice;

/// A lognormal service time. Timers tick in milliseconds, so what is below 1.5 ms cannot be told apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceTime {
    pub median_ms: f64,
    /// Deviation of the logarithm: 0.25 puts the p95 at 1.5 and the p99 at 1.8 times the median.
    pub spread: f64,
}

impl ServiceTime {
    /// One draw.
    #[must_use]
    pub fn draw(self, dice: &Dice) -> Duration {
        Duration::from_secs_f64(self.median_ms / 1000.0 * (self.spread * dice.normal()).exp())
    }
}

/// A database query, which may fall off its index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Query {
    pub usual: ServiceTime,
    /// How often it scans the table instead, and how long that takes.
    pub scan: Option<(f64, ServiceTime)>,
}

impl Query {
    /// One draw.
    #[must_use]
    pub fn draw(&self, dice: &Dice) -> Duration {
        match self.scan {
            Some((share, scan)) if dice.chance(share) => scan.draw(dice),
            _ => self.usual.draw(dice),
        }
    }
}

/// A query with a read cache before it. How often it hits does not depend on the load, so that runs can be compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CachedQuery {
    pub hit_ratio: f64,
    pub hit: ServiceTime,
    pub miss: Query,
}

/// How the members of a team are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MemberQueries {
    /// One query with a join.
    Joined(Query),
    /// The team first, then each member.
    OneByOne { team: Query, member: Query },
}

/// The whole table.
#[derive(Debug, Clone, PartialEq)]
pub struct Costs {
    /// Database connections.
    pub pool_size: usize,
    pub password_hash: ServiceTime,
    pub user: Query,
    pub product_page: CachedQuery,
    pub product: CachedQuery,
    pub search: Query,
    pub members: MemberQueries,
    pub cart_read: Query,
    pub cart_write: Query,
    pub order_write: Query,
    pub order_read: Query,
    pub payment: ServiceTime,
    /// The share of checkouts that answer 500.
    pub checkout_errors: f64,
}

impl Costs {
    /// The healthy shop, changed by the regression where there is one.
    #[must_use]
    pub fn of(regression: Option<Regression>) -> Self {
        let mut costs = Self::healthy();
        match regression {
            None => {}
            Some(Regression::MissingIndex) => {
                costs.search.scan = Some((0.035, time(195.0, 0.1)));
                costs.order_read.scan = Some((0.02, time(80.0, 0.15)));
            }
            Some(Regression::NPlusOne) => costs.members = MemberQueries::OneByOne { team: query(3.0, 0.25), member: query(1.7, 0.2) },
            Some(Regression::SmallPool) => costs.pool_size = 4,
            Some(Regression::SlowDependency) => costs.payment.median_ms = 90.0,
            Some(Regression::Errors) => costs.checkout_errors = 0.04,
        }
        costs
    }

    fn healthy() -> Self {
        Self {
            pool_size: 24,
            password_hash: time(8.0, 0.05),
            user: query(3.0, 0.25),
            product_page: CachedQuery { hit_ratio: 0.87, hit: time(1.6, 0.2), miss: query(9.0, 0.25) },
            product: CachedQuery { hit_ratio: 0.87, hit: time(1.6, 0.2), miss: query(7.0, 0.25) },
            search: query(10.0, 0.25),
            members: MemberQueries::Joined(query(8.0, 0.25)),
            cart_read: query(4.0, 0.25),
            cart_write: query(7.0, 0.25),
            order_write: query(10.0, 0.25),
            order_read: query(6.0, 0.25),
            payment: time(20.0, 0.15),
            checkout_errors: 0.0,
        }
    }
}

const fn time(median_ms: f64, spread: f64) -> ServiceTime {
    ServiceTime { median_ms, spread }
}

const fn query(median_ms: f64, spread: f64) -> Query {
    Query { usual: time(median_ms, spread), scan: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentile(query: &Query, percent: usize) -> f64 {
        let dice = Dice::new(3);
        let mut times: Vec<f64> = (0..20_000).map(|_| query.draw(&dice).as_secs_f64() * 1000.0).collect();
        times.sort_by(f64::total_cmp);
        times[times.len() * percent / 100]
    }

    #[test]
    fn a_service_time_is_lognormal_around_its_median() {
        let query = query(10.0, 0.25);
        for (percent, expected) in [(50, 10.0), (95, 15.1), (99, 17.9)] {
            let found = percentile(&query, percent);
            assert!((found / expected - 1.0).abs() < 0.03, "p{percent}: {found}");
        }
    }

    #[test]
    fn a_missing_index_moves_the_p99_of_search_and_hardly_its_median_or_p95() {
        let (healthy, scanning) = (Costs::of(None).search, Costs::of(Some(Regression::MissingIndex)).search);
        assert!(percentile(&scanning, 50) / percentile(&healthy, 50) < 1.02);
        assert!(percentile(&scanning, 95) / percentile(&healthy, 95) < 1.2);
        assert!((150.0..250.0).contains(&percentile(&scanning, 99)));
    }

    #[test]
    fn each_regression_changes_the_costs_that_it_is_about_and_no_other() {
        let healthy = Costs::of(None);
        for regression in Regression::ALL {
            let mut costs = Costs::of(Some(regression));
            assert_ne!(costs, healthy, "{regression}");
            match regression {
                Regression::MissingIndex => (costs.search, costs.order_read) = (healthy.search, healthy.order_read),
                Regression::NPlusOne => costs.members = healthy.members,
                Regression::SmallPool => costs.pool_size = healthy.pool_size,
                Regression::SlowDependency => costs.payment = healthy.payment,
                Regression::Errors => costs.checkout_errors = healthy.checkout_errors,
            }
            assert_eq!(costs, healthy, "{regression}");
        }
    }
}
