//! The program run by a user whom nobody knows: no name, no home, no group, and nothing but one folder to write to.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Lacking, Workspace, skip};

const ID: u32 = 54_321;

/// One who may run the program, from a place where everybody may.
pub struct Stranger {
    place: tempfile::TempDir,
}

impl Stranger {
    /// `None` where nobody may become another user, which is told.
    pub fn new() -> Option<Self> {
        let stranger = Self { place: tempfile::tempdir().unwrap() };
        let tried = Command::new("true").uid(ID).gid(ID).status();
        if chown(stranger.place.path(), Some(ID), Some(ID)).is_err() || !tried.is_ok_and(|status| status.success()) {
            skip(Lacking::Right("to give files to another user and to run programs as one"));
            return None;
        }
        std::fs::set_permissions(stranger.place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::copy(env!("CARGO_BIN_EXE_perfgate"), stranger.program()).unwrap();
        Some(stranger)
    }

    fn program(&self) -> std::path::PathBuf {
        self.place.path().join("perfgate")
    }

    /// The same command as the stranger gives it, in the same folder, which is his with all that is in it.
    pub fn gives(&self, workspace: &Workspace, command: &Command) -> Command {
        own(workspace.as_ref());
        let mut his = Command::new(self.program());
        his.args(command.get_args()).current_dir(command.get_current_dir().unwrap()).env_clear();
        his.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        his.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        his.uid(ID).gid(ID);
        his
    }
}

fn own(folder: &Path) {
    chown(folder, Some(ID), Some(ID)).unwrap();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            own(&entry.path());
        } else {
            chown(entry.path(), Some(ID), Some(ID)).unwrap();
        }
    }
}
