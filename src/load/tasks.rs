//! Spawned users and how they end.

use tokio::task::JoinError;

/// A panic in a user is a bug of ours: it must end the program, not vanish with the task.
pub fn pass_on_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
