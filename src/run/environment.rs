//! Where a run was made. Only part of it decides whether two runs may be compared.

/// The machine and job of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The name given by `--environment`.
    pub name: Option<String>,
    pub os: String,
    pub arch: String,
    pub cores: u64,
    pub cpu: Option<String>,
    /// The version of perfgate.
    pub perfgate: String,
    /// Which CI it ran in: `github`, `gitlab`, ..
    pub ci: Option<String>,
    /// The CI job that made it: runs of one job count as one baseline.
    pub job: Option<String>,
    pub commit: Option<String>,
    pub branch: Option<String>,
}

impl Environment {
    /// The part that must be equal for a comparison: `linux x86_64, 2 cores`, and the given name.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let machine = format!("{} {}, {} cores", self.os, self.arch, self.cores);
        match &self.name {
            Some(name) => format!("{machine}, {name}"),
            None => machine,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::run::samples::environment;

    #[test]
    fn the_fingerprint_is_the_machine_class_and_the_given_name() {
        let mut environment = environment();
        assert_eq!(environment.fingerprint(), "linux x86_64, 2 cores");
        environment.name = Some("staging-eu".into());
        assert_eq!(environment.fingerprint(), "linux x86_64, 2 cores, staging-eu");
    }

    #[test]
    fn cpu_commit_and_job_do_not_change_the_fingerprint() {
        let plain = environment();
        let mut other = environment();
        (other.cpu, other.commit, other.job) = (Some("EPYC".into()), None, Some("12/1".into()));
        other.perfgate = "9.9.9".into();
        assert_eq!(other.fingerprint(), plain.fingerprint());
    }
}
