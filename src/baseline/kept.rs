//! What is made of a kept run: the whole of it, or what a judgement needs. Where its file comes from is not known here.
//!
//! The run's file is the truth; its digest in the list is only believed where its seal fits both the digest and every byte
//! of that file. Whoever can write the list can write the runs as well, so that a seal keeps out mistakes, not malice.
//! What a forger would gain is that nobody who looks at the runs sees it. Therefore one run of each judgement, another
//! with each judged run, is read and must say what its digest says; `check` reads the runs and no digest; and `refresh` makes
//! the digests anew.

use thiserror::Error;

use super::index::Entry;
use crate::run::{Ask, BaselineRun, Digest, DigestedRun, RunFileError, read_run};

/// A kept run that is not read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept<'a> {
    /// Its name in the store.
    pub(super) id: &'a str,
    /// What the list says of it; `None` for a file by itself.
    pub(super) entry: Option<&'a Entry>,
    pub(super) file: &'a [u8],
    /// Which of how many.
    pub(super) place: (usize, usize),
}

/// Why a kept run can't be used.
#[derive(Debug, Error)]
pub enum KeptError {
    #[error(transparent)]
    Run(#[from] RunFileError),
    #[error("its digest in `baseline.json` does not say what the run says")]
    FalseDigest,
}

impl KeptError {
    /// What to do about it, where more can be said than in the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Run(source) => source.hint(),
            Self::FalseDigest => Some("find out who wrote it; `perfgate baseline refresh` makes the digests again from the runs".into()),
        }
    }
}

impl Kept<'_> {
    fn is_pinned(&self) -> bool {
        self.entry.is_some_and(|entry| entry.pinned)
    }

    /// What is asked of the run: from the list where it can be believed and holds it, else from the run. `turn` says which
    /// run of the store is read in any case.
    pub(super) fn digested(self, ask: &Ask, turn: u64) -> Result<DigestedRun, KeptError> {
        let known = self.entry.and_then(|entry| entry.digest.as_ref()?.of_file(self.file)).filter(|known: &Digest| known.answers(ask));
        let (at, of) = self.place;
        let has_its_turn = turn % (of.max(1) as u64) == at as u64;
        let digest = match known {
            Some(known) if !has_its_turn => known,
            known => {
                let made = Digest::of(&read_run(self.file)?, ask);
                if known.is_some_and(|known| !known.agrees_with(&made)) {
                    return Err(KeptError::FalseDigest);
                }
                made
            }
        };
        Ok(DigestedRun { id: self.id.to_owned(), pinned: self.is_pinned(), digest })
    }
}

/// The run itself.
pub(super) fn whole(kept: Kept<'_>) -> Result<BaselineRun, KeptError> {
    Ok(BaselineRun { id: kept.id.to_owned(), pinned: kept.is_pinned(), run: read_run(kept.file)? })
}
