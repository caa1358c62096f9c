//! The command line program: reads the clock, hands everything else to the library.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use sagactl::event::Timestamp;

fn main() -> ExitCode {
    let nanos = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(past) => i64::try_from(past.as_nanos()).unwrap_or(i64::MAX),
        Err(_) => 0,
    };
    sagactl::commands::main(std::env::args_os(), Timestamp::from_nanos(nanos)).into()
}
