//! What is done beside the rest once the log was read, when the readers' core is idle.

use std::panic::resume_unwind;
use std::thread;

/// Does two things, beside each other where there is more than one thread.
pub fn both<A, B: Send>(
    threads: usize,
    one: impl FnOnce() -> A,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    if threads < 2 {
        return (one(), other());
    }
    thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        // A panic is a fault of the program: it goes on its way.
        (
            one,
            other.join().unwrap_or_else(|panic| resume_unwind(panic)),
        )
    })
}

/// Gives memory back, which takes a while for gigabytes of it and which nobody has to wait for.
pub fn give_back<T: Send + 'static>(it: T) {
    // Without a thread it is given back here.
    drop(thread::Builder::new().spawn(move || drop(it)));
}
