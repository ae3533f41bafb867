//! The runner's machine: folders, the programs that a step may call, and perfgate as it would be downloaded or built.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the scripts call; a runner's image has all of it.
const PROGRAMS: [&str; 22] = [
    "awk",
    "bash",
    "cat",
    "cp",
    "cut",
    "git",
    "grep",
    "gzip",
    "head",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "printf",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "tar",
    "wc",
    "xargs",
];

/// Which perfgate is put on the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The one that was built for these tests.
    True,
    /// One that writes down what it was asked, and answers as it is told.
    Recorder,
}

/// A machine with nothing on it but what a test puts there.
pub struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub fn with(program: Program) -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["workspace", "temp", "home/asked", "artifacts", "releases", "bin", "action/.github"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        fs::copy(repository("action.yml"), machine.path("action/action.yml")).unwrap();
        for name in PROGRAMS {
            if let Some(found) = found_on_path(name) {
                symlink(found, machine.path(&format!("bin/{name}"))).unwrap();
            }
        }
        let home = machine.path("home");
        let script = match program {
            Program::True => format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_perfgate")),
            Program::Recorder => RECORDER.replace("HOME_FOLDER", home.to_str().unwrap()),
        };
        machine.write_program("home/perfgate", &script);
        machine.write_program("bin/cargo", &FAKE_CARGO.replace("HOME_FOLDER", home.to_str().unwrap()));
        let releases = machine.path("releases");
        let curl = FAKE_CURL.replace("HOME_FOLDER", home.to_str().unwrap()).replace("RELEASES", releases.to_str().unwrap());
        machine.write_program("bin/curl", &curl);
        machine
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub fn write(&self, below: &str, content: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn write_program(&self, below: &str, script: &str) {
        self.write(below, script);
        fs::set_permissions(self.path(below), fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[track_caller]
    pub fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
    }

    pub fn has(&self, below: &str) -> bool {
        self.path(below).exists()
    }

    /// What the recording perfgate was asked, call by call, word by word.
    pub fn asked(&self) -> Vec<Vec<String>> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.path("home/asked")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let words = |file: &PathBuf| fs::read_to_string(file).unwrap().split_terminator('\0').map(str::to_owned).collect();
        files.iter().map(words).collect()
    }

    /// Puts an archive with this program among the files of a release.
    pub fn release(&self, target: &str, script: &str) -> PathBuf {
        let folder = format!("packed/{target}");
        self.write_program(&format!("{folder}/perfgate"), script);
        let archive = self.path(&format!("releases/perfgate-{target}.tar.gz"));
        let mut tar = Command::new("tar");
        assert!(tar.arg("-czf").arg(&archive).arg("-C").arg(self.path(&folder)).arg("perfgate").status().unwrap().success());
        archive
    }
}

/// A file of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub fn found_on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

const RECORDER: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo 'perfgate 0.0.0'; exit; fi
# One call after another, also where a script starts several at once.
until mkdir HOME_FOLDER/busy 2> HOME_FOLDER/waited; do sleep 0.01; done
call=HOME_FOLDER/asked/$(ls HOME_FOLDER/asked | wc -l)
for word in "$@"; do
  printf '%s\0' "$word" >> "$call"
  case $word in
    --out=*) mkdir -p "${word#--out=}" && echo '{}' > "${word#--out=}/run.json" ;;
    --keep=*) echo '{"format":"perfgate-baseline","version":1,"scenario":"shop","runs":[]}' > "${word#--keep=}/baseline.json" ;;
  esac
done
rm -r HOME_FOLDER/busy
printf '%s' "$GITHUB_TOKEN" > HOME_FOLDER/token
cat HOME_FOLDER/outputs >> "$GITHUB_OUTPUT" 2> HOME_FOLDER/no-outputs
exit "$(cat HOME_FOLDER/code 2> HOME_FOLDER/no-code || echo 0)"
"#;

const FAKE_CARGO: &str = r#"#!/bin/sh
pwd > HOME_FOLDER/cargo
echo "$*" >> HOME_FOLDER/cargo
while [ $# -gt 0 ]; do
  if [ "$1" = --root ]; then mkdir -p "$2/bin" && cp HOME_FOLDER/perfgate "$2/bin/perfgate"; fi
  shift
done
"#;

const FAKE_CURL: &str = r#"#!/bin/sh
echo "$*" >> HOME_FOLDER/curl
while [ $# -gt 1 ]; do
  if [ "$1" = --output ]; then output=$2; fi
  shift
done
case $1 in
  https://*) cp "RELEASES/${1##*/}" "$output" || exit 22 ;;
  http://127.0.0.1:*) ;;
  *) exit 1 ;;
esac
"#;
