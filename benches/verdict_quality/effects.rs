//! What makes two sittings of the same build differ, beyond the requests in them: logarithms that are added to every
//! estimate of a sitting. Half is common to all endpoints; p99 varies half as much again as p95.

use perfgate::plan::Dice;
use perfgate::units::Percentile;

use super::model::{ENDPOINTS, Metric};

/// How the variance between two runs of a build is shared. A day, and with it a job, keeps its part; each sitting draws
/// anew; so does each instance, whose part is what a pair side by side does not take out.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    /// Standard deviation of p95 between runs.
    pub sigma: f64,
    pub day: f64,
    pub instance: f64,
    pub tails: Tails,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tails {
    Normal,
    /// Student's t with three degrees of freedom, of the same variance.
    Heavy,
}

impl Noise {
    /// 40 % day, 40 % sitting, 20 % instance.
    pub const fn of(sigma: f64) -> Self {
        Self { sigma, day: 0.4, instance: 0.2, tails: Tails::Normal }
    }

    /// One effect that has this share of the variance.
    pub fn draw(&self, share: f64, metrics: &[Metric], dice: &mut Dice) -> Vec<f64> {
        let sd = self.sigma * share.sqrt();
        let common = self.unit(dice);
        let own: [f64; ENDPOINTS] = std::array::from_fn(|_| self.unit(dice));
        let tail: [f64; ENDPOINTS] = std::array::from_fn(|_| self.unit(dice));
        let effect = |metric: &Metric| {
            let body = 0.5_f64.sqrt() * (common + own[metric.endpoint]);
            sd * if metric.percentile > Percentile::P95 { body + 1.25_f64.sqrt() * tail[metric.endpoint] } else { body }
        };
        metrics.iter().map(effect).collect()
    }

    /// Mean 0, variance 1.
    fn unit(&self, dice: &mut Dice) -> f64 {
        let normal = dice.normal();
        match self.tails {
            Tails::Normal => normal,
            Tails::Heavy => normal / (0..3).map(|_| dice.normal().powi(2)).sum::<f64>().sqrt(),
        }
    }
}
